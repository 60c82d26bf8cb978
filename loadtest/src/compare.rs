//! Compares reports: the ratio B/A of each figure, and how far chance alone could spread it.

use std::path::PathBuf;

use crate::report::{LATE_MS, Report, ReportError, ServerSample, Setup, Summary};
use crate::units::figure;
use clap::Args;
use fastrand::Rng;

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
    /// Where the ratio lies by chance: the lowest and the highest of several pairs, or of one pair 95 of 100 resamplings of
    /// its seconds. Absent for figures that seconds do not have.
    spread: Option<(f64, f64)>,
}

/// A figure of the whole run, and of each second.
struct Measure {
    name: &'static str,
    whole: fn(&Report) -> Option<f64>,
    seconds: fn(&Report) -> Vec<f64>,
}

const MEASURES: [Measure; 8] = [
    Measure {
        name: "p50 (ms)",
        whole: |run| run.summary.p50_ms,
        seconds: |run| by_second(run, |second| second.p50_ms),
    },
    Measure {
        name: "p90 (ms)",
        whole: |run| run.summary.p90_ms,
        seconds: |run| by_second(run, |second| second.p90_ms),
    },
    Measure {
        name: "p99 (ms)",
        whole: |run| run.summary.p99_ms,
        seconds: |run| by_second(run, |second| second.p99_ms),
    },
    Measure {
        name: "p99.9 (ms)",
        whole: |run| run.summary.p999_ms,
        seconds: |run| by_second(run, |second| second.p999_ms),
    },
    Measure {
        name: "CPU a request (us)",
        whole: |run| run.summary.cpu_us_per_request,
        seconds: cpu_by_second,
    },
    Measure { name: "peak memory (MiB)", whole: peak_memory, seconds: |_| Vec::new() },
    Measure { name: "errors", whole: |run| Some(run.summary.errors as f64), seconds: |_| Vec::new() },
    Measure { name: "degraded", whole: |run| Some(run.summary.degraded as f64), seconds: |_| Vec::new() },
];

fn by_second(run: &Report, of: fn(&Summary) -> Option<f64>) -> Vec<f64> {
    run.seconds.iter().filter_map(|second| of(&second.summary)).collect()
}

/// CPU between two samples of the metrics, divided by the answers of the second in which they lie.
fn cpu_by_second(run: &Report) -> Vec<f64> {
    let samples = run.server.as_ref().map_or(&[][..], |server| &server.samples);
    let of_pair = |pair: &[ServerSample]| {
        let (before, after) = (pair[0], pair[1]);
        let second = run.seconds.get(f64::midpoint(before.at_s, after.at_s) as usize)?;
        let answered = second.summary.answered as f64 * (after.at_s - before.at_s);
        (before.at_s >= 0.0 && answered > 0.0).then(|| (after.cpu_s - before.cpu_s) * 1e6 / answered)
    };
    samples.windows(2).filter_map(of_pair).collect()
}

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
        let [a, b] = whole.map(|mut values| median(&mut values));
        let spread = match runs {
            [a, b] => {
                let same_profile = a.setup.profile == b.setup.profile;
                resampled(&(measure.seconds)(a), &(measure.seconds)(b), same_profile)
            }
            _ => ratios.iter().copied().reduce(f64::min).zip(ratios.iter().copied().reduce(f64::max)),
        };
        Compared { a, b, ratio: a.zip(b).and_then(|(a, b)| ratio(a, b)), spread }
    }

    fn line(&self, name: &str) -> String {
        let ratio = self.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.3}"));
        let spread = match self.spread {
            Some((low, high)) if low <= 1.0 && 1.0 <= high => {
                format!("   {low:.3} to {high:.3}, no more than noise")
            }
            Some((low, high)) => format!("   {low:.3} to {high:.3}"),
            None => String::new(),
        };
        format!("{name:<20}{:>10}{:>10}{ratio:>8}{spread}\n", figure(self.a), figure(self.b))
    }
}

/// What makes the runs unlike, so that a ratio says less.
fn warnings(runs: &[Report]) -> Vec<String> {
    let mut warnings = Vec::new();
    let protocol = |setup: &Setup| setup.target.split("://").next().unwrap_or_default().to_owned();
    for pair in runs.chunks_exact(2) {
        let (a, b) = (&pair[0].setup, &pair[1].setup);
        for (name, a, b) in [
            ("machine", a.machine.clone(), b.machine.clone()),
            ("scenario", a.scenario.clone().unwrap_or_default(), b.scenario.clone().unwrap_or_default()),
            ("profile", a.profile.clone(), b.profile.clone()),
            ("protocol", protocol(a), protocol(b)),
        ] {
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

/// Where 95 of 100 ratios of the medians lie when the seconds are drawn anew: the percentile bootstrap (Efron, "Bootstrap
/// Methods: Another Look at the Jackknife", 1979). Runs of one profile get the same seconds, as otherwise a rate that rises
/// and falls by design would count as noise. A drift within a run makes the true spread wider.
fn resampled(a: &[f64], b: &[f64], same_profile: bool) -> Option<(f64, f64)> {
    if a.len() < MIN_SECONDS || b.len() < MIN_SECONDS {
        return None;
    }
    let mut rng = Rng::with_seed(1); // the same reports give the same spread
    let mut ratios = Vec::with_capacity(RESAMPLINGS);
    for _ in 0..RESAMPLINGS {
        let drawn: Vec<usize> = (0..a.len()).map(|_| rng.usize(..a.len())).collect();
        let mut from_a: Vec<f64> = drawn.iter().map(|at| a[*at]).collect();
        let mut from_b: Vec<f64> = if same_profile && a.len() == b.len() {
            drawn.iter().map(|at| b[*at]).collect()
        } else {
            (0..b.len()).map(|_| b[rng.usize(..b.len())]).collect()
        };
        ratios.push(ratio(median(&mut from_a)?, median(&mut from_b)?)?);
    }
    ratios.sort_unstable_by(f64::total_cmp);
    Some((ratios[RESAMPLINGS / 40], ratios[RESAMPLINGS - 1 - RESAMPLINGS / 40]))
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
    use crate::report::{Second, ServerFigures};

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
        let (low, high) = slower.spread.unwrap();
        assert_eq!(slower.ratio, Some(1.5));
        assert!(1.3 < low && low < 1.5 && 1.5 < high && high < 1.7, "{slower:?}");
        let hair = Compared::of(P99, &[run(4.0), run(4.004)]).line(P99.name);
        assert!(hair.contains("no more than noise"), "{hair}");
        assert_eq!(Compared::of(P99, &[run(4.0), run(4.0)]).spread, Some((1.0, 1.0)));
        let pairs = Compared::of(P99, &[run(4.0), run(6.0), run(4.0), run(5.0)]);
        assert_eq!((pairs.ratio, pairs.spread), (Some(5.5 / 4.0), Some((1.25, 1.5))));
    }

    #[test]
    fn cpu_has_a_spread_over_the_seconds_between_samples() {
        let with_cpu = |us: f64| {
            let sample =
                |at| ServerSample { at_s: f64::from(at), cpu_s: f64::from(at) * us * 1e-4, rss_bytes: 0.0 };
            let server = ServerFigures { samples: (0..40).map(sample).collect(), ..ServerFigures::default() };
            Report { server: Some(server), ..run(4.0) }
        };
        let (low, high) = Compared::of(&MEASURES[4], &[with_cpu(100.0), with_cpu(200.0)]).spread.unwrap();
        assert!((low - 2.0).abs() < 1e-9 && (high - 2.0).abs() < 1e-9, "{low} to {high}");
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
