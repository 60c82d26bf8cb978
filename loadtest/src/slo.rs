//! What a run must keep to, such as `p99<10ms,errors=0,degraded<1%`.

use std::fmt;
use std::str::FromStr;

use crate::report::{Report, Verdict};
use crate::units::{figure, parse_duration};

/// Rules that must all hold.
#[derive(Debug, Clone)]
pub(crate) struct Slo(Vec<Rule>);

/// A rule that cannot be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum SloError {
    #[error("{0:?} has no comparison: write a rule such as p99<10ms")]
    NoComparison(String),
    #[error("there is no measure {0:?}; there are {names}", names = MEASURES.each_ref().map(|m| m.name).join(", "))]
    UnknownMeasure(String),
    #[error("{rule:?}: {value:?} is not {expected}")]
    BadValue { rule: String, value: String, expected: &'static str },
}

#[derive(Debug, Clone)]
struct Rule {
    text: String,
    measure: &'static Measure,
    comparison: Comparison,
    bound: f64,
    /// The bound is a percentage of the offered requests.
    is_share: bool,
}

/// Something that a report says a number about.
#[derive(Debug)]
struct Measure {
    name: &'static str,
    unit: Unit,
    of: fn(&Report) -> Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Duration,
    /// Requests, which may be given as a percentage of the offered ones.
    Requests,
    Number,
}

/// How what was measured is compared with the bound.
type Comparison = fn(f64, f64) -> bool;

/// With their signs.
// Those of two characters first, as `<` is the beginning of `<=`.
const COMPARISONS: [(&str, Comparison); 5] = [
    ("<=", |measured, bound| measured <= bound),
    (">=", |measured, bound| measured >= bound),
    ("<", |measured, bound| measured < bound),
    (">", |measured, bound| measured > bound),
    ("=", |measured, bound| measured == bound),
];

static MEASURES: [Measure; 14] = [
    duration("p50", |report| report.summary.p50_ms),
    duration("p90", |report| report.summary.p90_ms),
    duration("p99", |report| report.summary.p99_ms),
    duration("p99.9", |report| report.summary.p999_ms),
    duration("max", |report| report.summary.max_ms),
    // A server that refused nothing has refused nothing slowly.
    duration("refusal_p99", |report| report.refusals.p99_ms.or(Some(0.0))),
    requests("offered", |report| Some(report.summary.offered as f64)),
    requests("answered", |report| Some(report.summary.answered as f64)),
    requests("errors", |report| Some(report.summary.errors as f64)),
    requests("degraded", |report| Some(report.summary.degraded as f64)),
    requests("in_time", |report| Some(report.summary.in_time as f64)),
    Measure { name: "cpu_us", unit: Unit::Number, of: |report| report.summary.cpu_us_per_request },
    Measure { name: "swaps", unit: Unit::Number, of: |report| Some(report.swaps.len() as f64) },
    Measure { name: "swap_ratio", unit: Unit::Number, of: Report::worst_swap_ratio },
];

const fn duration(name: &'static str, of: fn(&Report) -> Option<f64>) -> Measure {
    Measure { name, unit: Unit::Duration, of }
}

const fn requests(name: &'static str, of: fn(&Report) -> Option<f64>) -> Measure {
    Measure { name, unit: Unit::Requests, of }
}

impl Slo {
    /// Holds every rule against what was measured.
    pub(crate) fn judge(&self, report: &Report) -> Vec<Verdict> {
        self.0.iter().map(|rule| rule.judge(report)).collect()
    }
}

impl Rule {
    fn judge(&self, report: &Report) -> Verdict {
        let offered = report.summary.offered as f64;
        let mut measured = (self.measure.of)(report);
        if self.is_share {
            measured = measured.filter(|_| offered > 0.0).map(|count| 100.0 * count / offered);
        }
        let held = measured.is_some_and(|measured| (self.comparison)(measured, self.bound));
        Verdict { rule: self.text.clone(), measured, held }
    }
}

impl FromStr for Slo {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Slo, SloError> {
        text.split(',').map(|rule| rule.trim().parse()).collect::<Result<_, _>>().map(Slo)
    }
}

impl FromStr for Rule {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Rule, SloError> {
        let no_comparison = || SloError::NoComparison(text.to_owned());
        let (name, rest) = text.split_at(text.find(['<', '>', '=']).ok_or_else(no_comparison)?);
        let mut signs = COMPARISONS.iter();
        let found = signs.find_map(|(sign, comparison)| Some((rest.strip_prefix(sign)?, *comparison)));
        let (value, comparison) = found.ok_or_else(no_comparison)?;
        let (name, value) = (name.trim(), value.trim());
        let measure = MEASURES.iter().find(|known| known.name == name);
        let measure = measure.ok_or_else(|| SloError::UnknownMeasure(name.to_owned()))?;

        let wrong =
            |expected| SloError::BadValue { rule: text.to_owned(), value: value.to_owned(), expected };
        let number = |number: &str, expected| {
            let number = number.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
            number.ok_or_else(|| wrong(expected))
        };
        let share = value.strip_suffix('%').filter(|_| measure.unit == Unit::Requests);
        let bound = match measure.unit {
            Unit::Duration => {
                let bound = parse_duration(value).map_err(|_| wrong("a duration such as 10ms"))?;
                bound.as_secs_f64() * 1000.0
            }
            Unit::Requests => {
                number(share.unwrap_or(value), "a number or a percentage of the offered requests")?
            }
            Unit::Number => number(value, "a number")?,
        };
        Ok(Rule { text: text.to_owned(), measure, comparison, bound, is_share: share.is_some() })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = if self.held { "held" } else { "BROKEN" };
        let measured = match self.measured {
            Some(whole) if whole.fract() == 0.0 => format!("{whole}"),
            measured => figure(measured),
        };
        write!(out, "{:<20} {measured:>10}   {held}", self.rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Summary;

    fn held(rules: &str) -> Vec<bool> {
        let summary = Summary {
            offered: 1000,
            answered: 999,
            errors: 1,
            degraded: 5,
            cpu_us_per_request: Some(80.0),
            p99_ms: Some(10.0),
            ..Summary::default()
        };
        let verdicts = rules.parse::<Slo>().unwrap().judge(&Report { summary, ..Report::default() });
        verdicts.iter().map(|verdict| verdict.held).collect()
    }

    #[test]
    fn rules_compare_what_was_measured_with_their_bound() {
        assert_eq!(held("p99<10ms, p99<=10ms, p99=0.01s"), [false, true, true]);
        assert_eq!(held("errors=0,errors<=1,errors<0.2%,errors<0.1%"), [false, true, true, false]);
        assert_eq!(held("answered>=99.9%,answered>999,degraded<1%,swaps=0"), [true, false, true, true]);
        assert_eq!(held("cpu_us<100,refusal_p99<1ms,in_time>=1%"), [true, true, false]);
    }

    #[test]
    fn a_measure_without_a_value_breaks_its_rule() {
        assert_eq!(held("p99.9<10s,max<10s,swap_ratio<9"), [false, false, false]);
        let slo: Slo = "errors<1%".parse().unwrap();
        assert!(!slo.judge(&Report::default())[0].held, "no share of nothing");
    }

    #[test]
    fn a_rule_that_cannot_be_read_is_refused_with_the_reason() {
        let refused = |rules: &str| rules.parse::<Slo>().unwrap_err().to_string();
        assert!(refused("p99").contains("no comparison") && refused("").contains("no comparison"));
        assert!(refused("p98<1ms").contains("p50, p90, p99"));
        assert!(refused("p99<10").contains("such as 10ms"));
        assert!(refused("errors=none").contains("a number") && refused("errors<-1").contains("a number"));
        assert!(refused("swap_ratio<2%").contains("a number"));
    }
}
