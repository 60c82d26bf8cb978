//! What a run found, as written to `--json`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::slo::Verdict;
use crate::swaps::{self, Swap, Windows};
use crate::tally::{Counts, ErrorCount, Tally};

/// One run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// The figures that are quoted.
    pub(crate) summary: Summary,
    pub(crate) setup: Setup,
    /// Errors by code, each with the first message.
    pub(crate) errors: BTreeMap<String, ErrorCount>,
    /// Degraded answers by level.
    pub(crate) degraded: BTreeMap<&'static str, u64>,
    /// How long the failed requests took to fail; they are in no other percentile.
    pub(crate) failures: Percentiles,
    /// How late the generator itself sent; part of the latencies, and large only where the generator was too slow.
    pub(crate) lag: Percentiles,
    pub(crate) swaps: Vec<Swap>,
    pub(crate) swap_windows: Windows,
    /// The rules asked for, and whether each held.
    pub(crate) slo: Vec<Verdict>,
    /// One entry a second, by when requests were due.
    pub(crate) seconds: Vec<Second>,
}

/// The whole run. Percentiles are of the answered requests, from the moment each was due.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) offered: u64,
    pub(crate) answered: u64,
    pub(crate) errors: u64,
    pub(crate) degraded: u64,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p90_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) p999_ms: Option<f64>,
    pub(crate) max_ms: Option<f64>,
}

/// How the run was made.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Setup {
    /// The command line.
    pub(crate) command: Vec<String>,
    /// Of the generator.
    pub(crate) version: &'static str,
    /// Seconds since 1970.
    pub(crate) started_at: u64,
    pub(crate) target: String,
    pub(crate) rps: f64,
    pub(crate) warmup_s: f64,
    pub(crate) duration_s: f64,
    /// Different requests in the mix.
    pub(crate) requests: usize,
}

/// Percentiles of some other stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) max_ms: Option<f64>,
}

/// One second of the run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Second {
    pub(crate) second: usize,
    #[serde(flatten)]
    pub(crate) summary: Summary,
}

impl Report {
    /// `side` is the length in seconds of each side of a swap's window.
    pub(crate) fn new(setup: Setup, tally: &Tally, warmup: Duration, side: usize) -> Report {
        let (swaps, swap_windows) = swaps::judge(&tally.versions.changes, warmup, &tally.seconds, side);
        let seconds = tally.seconds.iter().enumerate();
        Report {
            summary: Summary::new(&tally.total),
            setup,
            errors: tally.errors.clone(),
            degraded: tally.levels.clone(),
            failures: Percentiles::new(&tally.failures),
            lag: Percentiles::new(&tally.lag),
            swaps,
            swap_windows,
            slo: Vec::new(),
            seconds: seconds
                .map(|(second, counts)| Second { second, summary: Summary::new(counts) })
                .collect(),
        }
    }

    /// How much slower the p99 was during the worst swap than before it. `None` if any swap could not be compared: the
    /// worst is then unknown.
    pub(crate) fn worst_swap_ratio(&self) -> Option<f64> {
        let ratios: Option<Vec<f64>> = self.swaps.iter().map(|swap| swap.ratio).collect();
        ratios?.into_iter().reduce(f64::max)
    }
}

impl Summary {
    pub(crate) fn new(counts: &Counts) -> Summary {
        let latencies = &counts.latencies;
        Summary {
            offered: counts.offered,
            answered: counts.answered(),
            errors: counts.errors,
            degraded: counts.degraded,
            p50_ms: latencies.ms(0.5),
            p90_ms: latencies.ms(0.9),
            p99_ms: latencies.ms(0.99),
            p999_ms: latencies.ms(0.999),
            max_ms: latencies.max_ms(),
        }
    }
}

impl Percentiles {
    fn new(latencies: &crate::latency::Latencies) -> Percentiles {
        Percentiles { p50_ms: latencies.ms(0.5), p99_ms: latencies.ms(0.99), max_ms: latencies.max_ms() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_the_names_that_others_read() {
        let tally = Tally::new(Duration::ZERO).unwrap();
        let report = Report::new(Setup::default(), &tally, Duration::ZERO, 2);
        let json = serde_json::to_value(&report).unwrap();
        for name in ["offered", "answered", "errors", "degraded", "p50_ms", "p99_ms", "p999_ms"] {
            assert!(json["summary"].get(name).is_some(), "{name}");
        }
        assert!(json["summary"]["p99_ms"].is_null() && json["swaps"].is_array());
    }
}
