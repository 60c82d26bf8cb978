//! Compares reports: ratios B/A of what was measured, each with the interval that chance alone could give it.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::reading::{Form, ReadingError, Recorded, shown};
use measure::{MEASURES, Measure};
use spread::{Quartiles, Range, Schedule};

mod alike;
mod measure;
mod spread;
mod text;

/// Reports to compare.
#[derive(Debug, Args)]
pub(crate) struct CompareReportsArgs {
    /// A then B; more pairs (A2 B2 …), best taken in turns, are put together
    #[arg(required = true, num_args = 2.., value_name = "FILE.json")]
    reports: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How B does against A.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    a: Vec<Side>,
    b: Vec<Side>,
    /// What makes the runs unlike, so that a ratio says less.
    warnings: Vec<String>,
    /// How the intervals came about.
    method: &'static str,
    measures: Vec<Compared>,
}

/// Which run it was.
#[derive(Debug, Serialize)]
struct Side {
    path: PathBuf,
    generator: String,
    server: Option<String>,
    target: String,
    profile: String,
}

/// One measure of both.
#[derive(Debug, Serialize)]
struct Compared {
    name: &'static str,
    unit: &'static str,
    /// Of the whole run; the median of the runs where there are several.
    a: Option<f64>,
    b: Option<f64>,
    /// B over A, of the whole runs.
    ratio: Option<f64>,
    /// Of the seconds of A, and of B.
    seconds_a: Option<Quartiles>,
    seconds_b: Option<Quartiles>,
    /// B over A of what the interval is about: the medians or shares of the seconds.
    ratio_of_seconds: Option<f64>,
    /// The same in 95 of 100 resamplings.
    interval: Option<Range>,
    /// The ratios of the single pairs, where there are several.
    pairs: Vec<f64>,
    verdict: Verdict,
}

/// What the interval says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// The whole interval is above 1.
    More,
    /// The whole interval is below 1.
    Less,
    /// 1 is in the interval.
    WithinNoise,
    /// There are no seconds to tell by.
    Unknown,
}

const METHOD: &str = "by seconds: the ratio of the medians of the seconds (latencies, CPU, memory) or of their shares (rate, \
errors, degraded); in brackets where 95 % of it lie when the seconds of each run are drawn anew 1,000 times, the same of \
both where their profile is the same. Seconds are taken as independent, so a drift within a run makes the true interval wider";

pub(crate) fn run(args: &CompareReportsArgs) -> Result<String, ReadingError> {
    if !args.reports.len().is_multiple_of(2) {
        return Err(ReadingError::NotPairs { given: args.reports.len() });
    }
    let runs: Vec<Recorded> =
        args.reports.iter().map(|path| Recorded::read(path)).collect::<Result<_, _>>()?;
    let pairs: Vec<(&Recorded, &Recorded)> =
        runs.chunks_exact(2).filter_map(|pair| Some((pair.first()?, pair.get(1)?))).collect();
    shown(&compare(&pairs), Form::new(args.json))
}

fn compare(pairs: &[(&Recorded, &Recorded)]) -> Comparison {
    let (a, b): (Vec<&Recorded>, Vec<&Recorded>) = pairs.iter().copied().unzip();
    Comparison {
        warnings: alike::warnings(&a, &b),
        measures: MEASURES.iter().map(|measure| compared(measure, &a, &b)).collect(),
        a: a.into_iter().map(Side::new).collect(),
        b: b.into_iter().map(Side::new).collect(),
        method: METHOD,
    }
}

fn compared(measure: &Measure, a: &[&Recorded], b: &[&Recorded]) -> Compared {
    let whole = |runs: &[&Recorded]| -> Vec<f64> {
        runs.iter().filter_map(|run| (measure.whole)(&run.report)).collect()
    };
    let seconds = |runs: &[&Recorded]| -> Vec<spread::Part> {
        runs.iter().flat_map(|run| (measure.seconds)(&run.report)).collect()
    };
    let ratio = |a: f64, b: f64| (a > 0.0).then(|| b / a);
    let (whole_a, whole_b) = (spread::median(&whole(a)), spread::median(&whole(b)));
    let (parts_a, parts_b) = (seconds(a), seconds(b));
    let interval = spread::interval(measure.statistic, schedule(a, b), &parts_a, &parts_b);
    let of_seconds = measure.statistic.of(&parts_a).zip(measure.statistic.of(&parts_b));
    let single = a.iter().zip(b).filter_map(|(a, b)| {
        let (a, b) = ((measure.whole)(&a.report)?, (measure.whole)(&b.report)?);
        ratio(a, b)
    });
    Compared {
        name: measure.name,
        unit: measure.unit,
        a: whole_a,
        b: whole_b,
        ratio: whole_a.zip(whole_b).and_then(|(a, b)| ratio(a, b)),
        ratio_of_seconds: of_seconds.and_then(|(a, b)| ratio(a, b)),
        seconds_a: spread::quartiles(&parts_a),
        seconds_b: spread::quartiles(&parts_b),
        pairs: if a.len() > 1 { single.collect() } else { Vec::new() },
        verdict: match interval {
            None => Verdict::Unknown,
            Some(range) if range.low > 1.0 => Verdict::More,
            Some(range) if range.high < 1.0 => Verdict::Less,
            Some(_) => Verdict::WithinNoise,
        },
        interval,
    }
}

/// Runs of one profile are due the same in each second.
fn schedule(a: &[&Recorded], b: &[&Recorded]) -> Schedule {
    let said = |run: &&Recorded| (run.report.setup.profile.clone(), run.report.seconds.len());
    if a.iter().map(said).eq(b.iter().map(said)) { Schedule::Same } else { Schedule::Different }
}

impl Side {
    fn new(run: &Recorded) -> Side {
        let setup = &run.report.setup;
        Side {
            path: run.path.clone(),
            generator: setup.version.clone(),
            server: setup.server_version.clone(),
            target: setup.target.clone(),
            profile: setup.profile.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::sample;

    /// The p99 of each second is off by up to a tenth.
    fn slower(times: f64) -> Recorded {
        let mut report = sample::report();
        let mut rng = fastrand::Rng::with_seed(times.to_bits());
        for second in &mut report.seconds {
            let noise = 0.9 + 0.2 * rng.f64();
            second.summary.p99_ms = second.summary.p99_ms.map(|ms| ms * times * noise);
        }
        report.summary.p99_ms = report.summary.p99_ms.map(|ms| ms * times);
        Recorded { report, ..Recorded::default() }
    }

    fn named<'a>(comparison: &'a Comparison, name: &str) -> &'a Compared {
        comparison.measures.iter().find(|measure| measure.name == name).unwrap()
    }

    #[test]
    fn a_run_against_itself_differs_in_nothing() {
        let (a, b) = (slower(1.0), slower(1.0));
        let comparison = compare(&[(&a, &b)]);
        assert!(comparison.warnings.is_empty(), "{:?}", comparison.warnings);
        for measure in &comparison.measures {
            assert!(
                matches!(measure.verdict, Verdict::WithinNoise | Verdict::Unknown),
                "{measure:?} is told apart from itself"
            );
            assert!(measure.ratio.is_none_or(|ratio| ratio == 1.0), "{measure:?}");
        }
    }

    #[test]
    fn what_is_slower_by_half_is_told_from_noise_and_what_is_slower_by_a_hair_is_not() {
        let (a, half, hair) = (slower(1.0), slower(1.5), slower(1.001));
        let comparison = compare(&[(&a, &half)]);
        let p99 = named(&comparison, "p99");
        assert_eq!((p99.ratio, p99.verdict), (Some(1.5), Verdict::More));
        let (range, middle) = (p99.interval.unwrap(), p99.ratio_of_seconds.unwrap());
        assert!(range.low <= middle && middle <= range.high, "{middle} {range:?}");
        assert!((middle - 1.5).abs() < 0.1, "{middle}");
        assert_eq!(named(&compare(&[(&half, &a)]), "p99").verdict, Verdict::Less);
        assert_eq!(named(&compare(&[(&a, &hair)]), "p99").verdict, Verdict::WithinNoise);
    }

    #[test]
    fn cpu_is_compared_by_the_seconds_between_scrapes() {
        let (a, mut b) = (slower(1.0), slower(1.0));
        let server = b.report.server.as_mut().unwrap();
        server.samples.iter_mut().for_each(|sample| sample.cpu_s *= 2.0);
        b.report.summary.cpu_us_per_request = Some(300.0);
        let comparison = compare(&[(&a, &b)]);
        let cpu = named(&comparison, "CPU a request");
        assert_eq!((cpu.ratio, cpu.verdict), (Some(2.0), Verdict::More));
        let seconds = cpu.seconds_a.unwrap();
        assert!((seconds.median - 150.0).abs() < 1e-6, "{seconds:?}");
    }

    #[test]
    fn errors_that_only_one_side_has_are_shown_without_a_ratio() {
        let (a, mut b) = (slower(1.0), slower(1.0));
        b.report.summary.errors = 200;
        let comparison = compare(&[(&a, &b)]);
        let errors = named(&comparison, "errors");
        assert_eq!((errors.a, errors.b, errors.ratio), (Some(0.0), Some(1.0), None));
        assert!(comparison.to_string().contains("errors"), "{comparison}");
    }

    #[test]
    fn pairs_are_put_together_and_each_ratio_is_kept() {
        let (a, b, a2, b2) = (slower(1.0), slower(1.2), slower(1.0), slower(1.4));
        let comparison = compare(&[(&a, &b), (&a2, &b2)]);
        let p99 = named(&comparison, "p99");
        assert_eq!(p99.pairs.len(), 2);
        assert!((p99.ratio.unwrap() - 1.3).abs() < 1e-9, "{p99:?}");
        assert_eq!(p99.verdict, Verdict::More);
    }
}
