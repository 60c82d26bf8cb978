//! Compares reports: the ratio B/A of each figure, and how far chance alone could spread it.

use std::path::PathBuf;

use clap::Args;
use fastrand::Rng;

use crate::report::{LATE_MS, Report, ReportError, Setup, Summary};
use crate::units::figure;

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// A then B, or several pairs of the same two (A B A2 B2 …), best measured in turns
    #[arg(required = true, num_args = 2.., value_name = "FILE.json")]
    reports: Vec<PathBuf>,
}

/// Why nothing is compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompareError {
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("give reports in pairs, A then B: {0} reports are not pairs")]
    NotPairs(usize),
}

/// One figure of both. Of several runs, a and b are the medians.
#[derive(Debug)]
struct Compared {
    a: Option<f64>,
    b: Option<f64>,
    /// B over A.
    ratio: Option<f64>,
    /// Where the ratio lies by chance: of several pairs from the lowest to the highest, of one pair 95 of 100
    /// resamplings of its seconds. Absent for figures that seconds do not have.
    spread: Option<Spread>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    low: f64,
    high: f64,
}

/// A figure of the whole run, and of each second where seconds have it.
struct Measure {
    name: &'static str,
    whole: fn(&Report) -> Option<f64>,
    second: fn(&Summary) -> Option<f64>,
}

const MEASURES: [Measure; 8] = [
    Measure { name: "p50 (ms)", whole: |run| run.summary.p50_ms, second: |second| second.p50_ms },
    Measure { name: "p90 (ms)", whole: |run| run.summary.p90_ms, second: |second| second.p90_ms },
    Measure { name: "p99 (ms)", whole: |run| run.summary.p99_ms, second: |second| second.p99_ms },
    Measure { name: "p99.9 (ms)", whole: |run| run.summary.p999_ms, second: |second| second.p999_ms },
    Measure { name: "CPU a request (us)", whole: |run| run.summary.cpu_us_per_request, second: |_| None },
    Measure { name: "peak memory (MiB)", whole: peak_memory, second: |_| None },
    Measure { name: "errors", whole: |run| Some(run.summary.errors as f64), second: |_| None },
    Measure { name: "degraded", whole: |run| Some(run.summary.degraded as f64), second: |_| None },
];

fn peak_memory(run: &Report) -> Option<f64> {
    run.server.as_ref().map(|server| server.peak_rss_bytes / 1_048_576.0).filter(|mib| *mib > 0.0)
}

/// What to print.
pub(crate) fn compare(args: &CompareArgs) -> Result<String, CompareError> {
    if !args.reports.len().is_multiple_of(2) {
        return Err(CompareError::NotPairs(args.reports.len()));
    }
    let runs: Vec<Report> = args.reports.iter().map(|path| Report::read(path)).collect::<Result<_, _>>()?;
    let mut out = String::new();
    for warning in warnings(&runs) {
        out += &format!("warning: {warning}\n");
    }
    out += &format!("{:<20}{:>10}{:>10}{:>8}   spread\n", "", "A", "B", "B/A");
    for measure in &MEASURES {
        out += &Compared::of(measure, &runs).line(measure.name);
    }
    Ok(out)
}

impl Compared {
    /// Of A and B in turns.
    fn of(measure: &Measure, runs: &[Report]) -> Compared {
        let mut whole: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
        let mut ratios = Vec::new();
        for pair in runs.chunks_exact(2) {
            let (a, b) = ((measure.whole)(&pair[0]), (measure.whole)(&pair[1]));
            whole[0].extend(a);
            whole[1].extend(b);
            ratios.extend(a.zip(b).and_then(|(a, b)| ratio(a, b)));
        }
        // Medians: a single run that met a noisy neighbour would carry a mean.
        let [a, b] = whole.map(|mut values| median(&mut values));
        let spread = match runs {
            [a, b] => {
                let same_profile = a.setup.profile == b.setup.profile;
                let by_second = |run: &Report| -> Vec<f64> {
                    run.seconds.iter().filter_map(|second| (measure.second)(&second.summary)).collect()
                };
                resampled(&by_second(a), &by_second(b), same_profile)
            }
            _ => ratios
                .iter()
                .copied()
                .reduce(f64::min)
                .map(|low| Spread { low, high: ratios.iter().copied().fold(low, f64::max) }),
        };
        Compared { a, b, ratio: a.zip(b).and_then(|(a, b)| ratio(a, b)), spread }
    }

    fn line(&self, name: &str) -> String {
        let ratio = self.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.3}"));
        let spread = match self.spread {
            Some(Spread { low, high }) if low <= 1.0 && 1.0 <= high => {
                format!("   {low:.3} to {high:.3}, no more than noise")
            }
            Some(Spread { low, high }) => format!("   {low:.3} to {high:.3}"),
            None => String::new(),
        };
        format!("{name:<20}{:>10}{:>10}{ratio:>8}{spread}\n", figure(self.a), figure(self.b))
    }
}

/// What makes the runs unlike, so that a ratio says less.
fn warnings(runs: &[Report]) -> Vec<String> {
    type Part = (&'static str, fn(&Setup) -> &str);
    let parts: [Part; 4] = [
        ("machine", |setup| &setup.machine),
        ("scenario", |setup| setup.scenario.as_deref().unwrap_or_default()),
        ("profile", |setup| &setup.profile),
        ("protocol", |setup| setup.target.split("://").next().unwrap_or_default()),
    ];
    let mut warnings = Vec::new();
    for pair in runs.chunks_exact(2) {
        for (name, of) in parts {
            let (a, b) = (of(&pair[0].setup), of(&pair[1].setup));
            if a != b {
                warnings.push(format!("the {name} differs: A {a:?}, B {b:?}"));
            }
        }
    }
    if runs.iter().any(|run| run.lag.p99_ms.is_some_and(|lag| lag > LATE_MS)) {
        warnings.push("a generator sent late, which is in its latencies".to_owned());
    }
    warnings
}

fn ratio(a: f64, b: f64) -> Option<f64> {
    (a > 0.0).then(|| b / a)
}

/// Resamplings of the seconds. Raising it steadies the ends of the spread and takes longer.
const RESAMPLINGS: usize = 1_000;
/// Seconds below which their spread is not estimated.
const MIN_SECONDS: usize = 5;

/// Where 95 of 100 ratios of the medians lie when the seconds are drawn anew: the percentile bootstrap (Efron,
/// "Bootstrap Methods: Another Look at the Jackknife", 1979).
// Seconds are taken as independent, so a drift within a run makes the true spread wider. A block bootstrap would mend
// that, but needs a block length, which nobody who compares two runs wants to choose.
fn resampled(a: &[f64], b: &[f64], same_profile: bool) -> Option<Spread> {
    if a.len() < MIN_SECONDS || b.len() < MIN_SECONDS {
        return None;
    }
    // A fixed seed: the same reports give the same spread.
    let mut rng = Rng::with_seed(1);
    let mut ratios = Vec::with_capacity(RESAMPLINGS);
    for _ in 0..RESAMPLINGS {
        let drawn: Vec<usize> = (0..a.len()).map(|_| rng.usize(..a.len())).collect();
        let mut from_a: Vec<f64> = drawn.iter().map(|at| a[*at]).collect();
        // Runs of one profile get the same seconds: a rate that rises and falls by design must not count as noise.
        let mut from_b: Vec<f64> = if same_profile && a.len() == b.len() {
            drawn.iter().map(|at| b[*at]).collect()
        } else {
            (0..b.len()).map(|_| b[rng.usize(..b.len())]).collect()
        };
        ratios.push(ratio(median(&mut from_a)?, median(&mut from_b)?)?);
    }
    ratios.sort_unstable_by(f64::total_cmp);
    // 2.5 % on each side of 95 of 100.
    let outside = RESAMPLINGS / 40;
    Some(Spread { low: ratios[outside], high: ratios[RESAMPLINGS - 1 - outside] })
}

/// The middle value, or the mean of the two middle ones.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some(f64::midpoint(values[last / 2], values[last.div_ceil(2)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Second;

    const P99: &Measure = &MEASURES[2];

    /// A run of 40 s whose seconds' p99 is off by up to a tenth.
    fn run(p99_ms: f64) -> Report {
        let mut rng = Rng::with_seed(p99_ms.to_bits());
        let summary = |ms| Summary { p99_ms: Some(ms), answered: 100, ..Summary::default() };
        let second = |second| Second { second, summary: summary(p99_ms * (0.9 + 0.2 * rng.f64())) };
        Report { summary: summary(p99_ms), seconds: (0..40).map(second).collect(), ..Report::default() }
    }

    #[test]
    fn half_again_as_slow_is_told_from_noise_and_a_thousandth_is_not() {
        let slower = Compared::of(P99, &[run(4.0), run(6.0)]);
        let Spread { low, high } = slower.spread.unwrap();
        assert_eq!(slower.ratio, Some(1.5));
        assert!(1.3 < low && low < 1.5 && 1.5 < high && high < 1.7, "{slower:?}");
        let hair = Compared::of(P99, &[run(4.0), run(4.004)]).line(P99.name);
        assert!(hair.contains("no more than noise"), "{hair}");
        assert_eq!(Compared::of(P99, &[run(4.0), run(4.0)]).spread, Some(Spread { low: 1.0, high: 1.0 }));
        let pairs = Compared::of(P99, &[run(4.0), run(6.0), run(4.0), run(5.0)]);
        assert_eq!((pairs.ratio, pairs.spread), (Some(5.5 / 4.0), Some(Spread { low: 1.25, high: 1.5 })));
    }

    #[test]
    fn a_figure_that_is_missing_or_0_has_no_ratio() {
        let errors = Compared::of(&MEASURES[6], &[run(4.0), run(4.0)]);
        assert_eq!((errors.a, errors.ratio, errors.spread), (Some(0.0), None, None));
        assert_eq!(resampled(&[1.0; 4], &[1.0; 30], false), None);
        assert_eq!(resampled(&[0.0; 30], &[1.0; 30], false), None);
    }

    #[test]
    fn runs_that_were_not_made_alike_are_warned_of() {
        let (a, mut b) = (run(4.0), run(4.0));
        b.setup.target = "http://127.0.0.1:8080".to_owned();
        b.lag.p99_ms = Some(12.0);
        let warnings = warnings(&[a, b]);
        assert_eq!(warnings[0], "the protocol differs: A \"\", B \"http\"");
        assert!(warnings.len() == 2 && warnings[1].contains("sent late"), "{warnings:?}");
    }
}
