//! What a run must keep to, such as `p99<10ms,errors=0,degraded<1%`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::report::Report;
use crate::units::{ms, parse_duration};

/// Rules that must all hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slo(Vec<Rule>);

/// One rule and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// The rule, as given.
    pub(crate) rule: String,
    /// What was measured, in the unit of the rule: milliseconds, per cent or a plain number. Absent if nothing was.
    pub(crate) measured: Option<f64>,
    /// Whether it held. Nothing measured is not held.
    pub(crate) held: bool,
}

/// A rule that cannot be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum SloError {
    #[error("{0:?} has no comparison: write a rule such as p99<10ms")]
    NoComparison(String),
    #[error("no measure {0:?}; there are {known}", known = MEASURES.map(|(name, _)| name).join(", "))]
    UnknownMeasure(String),
    #[error("{rule:?}: {value:?} is not {expected}")]
    BadValue { rule: String, value: String, expected: &'static str },
}

#[derive(Debug, Clone, PartialEq)]
struct Rule {
    text: String,
    measure: Measure,
    comparison: Comparison,
    bound: f64,
    of_offered: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Measure {
    P50,
    P90,
    P99,
    P999,
    Max,
    Offered,
    Answered,
    Errors,
    Degraded,
    InTime,
    RefusalP99,
    CpuUs,
    Swaps,
    SwapRatio,
}

const MEASURES: [(&str, Measure); 15] = [
    ("p50", Measure::P50),
    ("p90", Measure::P90),
    ("p99", Measure::P99),
    ("p99.9", Measure::P999),
    ("p999", Measure::P999),
    ("max", Measure::Max),
    ("offered", Measure::Offered),
    ("answered", Measure::Answered),
    ("errors", Measure::Errors),
    ("degraded", Measure::Degraded),
    ("in_time", Measure::InTime),
    ("refusal_p99", Measure::RefusalP99),
    ("cpu_us", Measure::CpuUs),
    ("swaps", Measure::Swaps),
    ("swap_ratio", Measure::SwapRatio),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Below,
    AtMost,
    Equal,
    AtLeast,
    Above,
}

impl Slo {
    /// Holds every rule against what was measured.
    pub(crate) fn judge(&self, report: &Report) -> Vec<Verdict> {
        self.0.iter().map(|rule| rule.judge(report)).collect()
    }
}

impl Rule {
    fn judge(&self, report: &Report) -> Verdict {
        let summary = &report.summary;
        let count = |count: u64| {
            let whole = summary.offered;
            match self.of_offered {
                true => (whole > 0).then(|| 100.0 * count as f64 / whole as f64),
                false => Some(count as f64),
            }
        };
        let measured = match self.measure {
            Measure::P50 => summary.p50_ms,
            Measure::P90 => summary.p90_ms,
            Measure::P99 => summary.p99_ms,
            Measure::P999 => summary.p999_ms,
            Measure::Max => summary.max_ms,
            Measure::Offered => count(summary.offered),
            Measure::Answered => count(summary.answered),
            Measure::Errors => count(summary.errors),
            Measure::Degraded => count(summary.degraded),
            Measure::InTime => count(summary.in_time),
            // Nothing refused is refused fast.
            Measure::RefusalP99 => report.refusals.p99_ms.or(Some(0.0)),
            Measure::CpuUs => summary.cpu_us_per_request,
            Measure::Swaps => Some(report.swaps.len() as f64),
            Measure::SwapRatio => report.worst_swap_ratio(),
        };
        let held = measured.is_some_and(|measured| match self.comparison {
            Comparison::Below => measured < self.bound,
            Comparison::AtMost => measured <= self.bound,
            Comparison::Equal => measured == self.bound,
            Comparison::AtLeast => measured >= self.bound,
            Comparison::Above => measured > self.bound,
        });
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
        let without = || SloError::NoComparison(text.to_owned());
        let at = text.find(['<', '>', '=']).ok_or_else(without)?;
        let (name, rest) = text.split_at(at);
        let signs = [
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Below),
            (">", Comparison::Above),
            ("=", Comparison::Equal),
        ];
        let split = signs.iter().find_map(|(sign, comparison)| Some((rest.strip_prefix(sign)?, *comparison)));
        let (value, comparison) = split.ok_or_else(without)?;
        let (name, value) = (name.trim(), value.trim());
        let known = MEASURES.iter().find(|(known, _)| *known == name);
        let measure = known.ok_or_else(|| SloError::UnknownMeasure(name.to_owned()))?.1;

        let wrong =
            |expected| SloError::BadValue { rule: text.to_owned(), value: value.to_owned(), expected };
        let number = |number: &str, expected| {
            let number = number.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
            number.ok_or_else(|| wrong(expected))
        };
        let percentage = value.strip_suffix('%');
        let bound = match measure {
            Measure::P50
            | Measure::P90
            | Measure::P99
            | Measure::P999
            | Measure::Max
            | Measure::RefusalP99 => {
                let bound = parse_duration(value).map_err(|_| wrong("a length of time such as 10ms"))?;
                bound.as_secs_f64() * 1000.0
            }
            Measure::Swaps | Measure::SwapRatio | Measure::CpuUs => number(value, "a number")?,
            _ => number(percentage.unwrap_or(value), "a number or a percentage of the offered")?,
        };
        Ok(Rule { text: text.to_owned(), measure, comparison, bound, of_offered: percentage.is_some() })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = if self.held { "held" } else { "BROKEN" };
        let measured = match self.measured {
            Some(whole) if whole.fract() == 0.0 => format!("{whole}"),
            measured => ms(measured),
        };
        write!(out, "{:<20} {measured:>10}   {held}", self.rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Summary;

    fn report() -> Report {
        let summary = Summary {
            offered: 1000,
            answered: 999,
            errors: 1,
            degraded: 5,
            in_time: 990,
            cpu_us_per_request: Some(80.0),
            p50_ms: Some(1.0),
            p99_ms: Some(10.0),
            ..Summary::default()
        };
        Report { summary, ..Report::default() }
    }

    fn held(rules: &str) -> Vec<bool> {
        let slo: Slo = rules.parse().unwrap();
        slo.judge(&report()).iter().map(|verdict| verdict.held).collect()
    }

    #[test]
    fn rules_compare_what_was_measured_with_their_bound() {
        assert_eq!(held("p99<10ms, p99<=10ms, p99=0.01s, p50<1500us"), [false, true, true, true]);
        assert_eq!(held("errors=0,errors<=1,errors<0.2%,errors<0.1%"), [false, true, true, false]);
        assert_eq!(held("answered>=99.9%,answered>999,degraded<1%,swaps=0"), [true, false, true, true]);
        assert_eq!(held("in_time>=99%,in_time>990,cpu_us<100,refusal_p99<1ms"), [true, false, true, true]);
    }

    #[test]
    fn what_was_not_measured_does_not_hold() {
        assert_eq!(held("p999<10s,max<10s,swap_ratio<9"), [false, false, false]);
        let slo: Slo = "p99<10s,errors<1%".parse().unwrap();
        assert!(slo.judge(&Report::default()).iter().all(|verdict| !verdict.held));
    }

    #[test]
    fn a_rule_that_cannot_be_read_is_told_why() {
        let refused = |rules: &str| rules.parse::<Slo>().unwrap_err().to_string();
        assert!(refused("p99").contains("no comparison"));
        assert!(refused("").contains("no comparison"));
        assert!(refused("p98<1ms").contains("p50, p90, p99"));
        assert!(refused("p99<10").contains("such as 10ms"));
        assert!(refused("errors=none").contains("a number"));
        assert!(refused("errors<-1").contains("a number"));
        assert!(refused("swap_ratio<2%").contains("a number"));
    }
}
