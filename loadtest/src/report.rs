//! What a run found, as written to `--json` and read again by the commands that compare and reckon.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::slo::Verdict;
use crate::swaps::{self, Swap, Windows};
use crate::tally::{Counts, ErrorCount, Tally};

/// One run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The figures that are quoted.
    pub(crate) summary: Summary,
    pub(crate) setup: Setup,
    /// The same by placement.
    #[serde(default)]
    pub(crate) placements: BTreeMap<String, Summary>,
    /// Latency by the share of answers that were as fast, finer towards the slow end.
    #[serde(default)]
    pub(crate) curve: Vec<Quantile>,
    /// What the server's own metrics say; absent if they were not asked.
    #[serde(default)]
    pub(crate) server: Option<ServerFigures>,
    /// Errors by code, each with the first message.
    pub(crate) errors: BTreeMap<String, ErrorCount>,
    /// Degraded answers by level.
    pub(crate) degraded: BTreeMap<String, u64>,
    /// Degraded answers by cause; one answer may have several.
    #[serde(default)]
    pub(crate) causes: BTreeMap<String, u64>,
    /// How long the failed requests took to fail; they are in no other percentile.
    pub(crate) failures: Percentiles,
    /// How long refusals (`RESOURCE_EXHAUSTED`) took, from when the request was sent.
    #[serde(default)]
    pub(crate) refusals: Percentiles,
    /// Requests sent again because a server had not begun with them when it said goodbye.
    #[serde(default)]
    pub(crate) retries: u64,
    /// The trials of a search for the highest rate, in their order; this report is of the run at the end.
    #[serde(default)]
    pub(crate) search: Vec<Trial>,
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
    /// Answers that came within the deadline that the requests were sent with; all of them where there was none.
    pub(crate) in_time: u64,
    /// CPU that the server spent over the run, by each answer; absent where its metrics were not asked.
    pub(crate) cpu_us_per_request: Option<f64>,
}

/// One trial of a search.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Trial {
    /// Requests per second.
    pub(crate) rps: f64,
    pub(crate) duration_s: f64,
    /// Whether all rules held.
    pub(crate) held: bool,
    /// The rules were broken while the generator sent late, which says nothing about the server.
    pub(crate) void: bool,
    pub(crate) summary: Summary,
    pub(crate) lag_p99_ms: Option<f64>,
    pub(crate) rules: Vec<Verdict>,
}

/// How the run was made.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Setup {
    /// The command line.
    pub(crate) command: Vec<String>,
    /// Of the generator.
    pub(crate) version: String,
    /// Of the server, if its metrics were asked.
    pub(crate) server_version: Option<String>,
    /// Processor, cores and system of the generator's machine.
    pub(crate) machine: String,
    /// The scenario's name, if there was one.
    pub(crate) scenario: Option<String>,
    /// Seconds since 1970.
    pub(crate) started_at: u64,
    pub(crate) target: String,
    /// The rate over time in words: `constant 800/s`, `diurnal 200 to 800 to 200/s`.
    pub(crate) profile: String,
    /// The highest rate of the profile, in requests per second.
    pub(crate) rps: f64,
    /// The deadline that requests were sent with, in milliseconds.
    pub(crate) deadline_ms: Option<f64>,
    pub(crate) warmup_s: f64,
    pub(crate) duration_s: f64,
    /// Different requests in the mix.
    pub(crate) requests: usize,
}

/// Percentiles of some other stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Percentiles {
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) max_ms: Option<f64>,
}

/// One point of the percentile curve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Quantile {
    /// Above 0, at most 1.
    pub(crate) quantile: f64,
    pub(crate) ms: f64,
}

/// The server's metrics over the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ServerFigures {
    /// CPU seconds from the end of the warm-up to the end of the run.
    pub(crate) cpu_s: f64,
    /// The most cores busy at once, over windows of five seconds.
    pub(crate) peak_cores: f64,
    /// The most resident memory seen.
    pub(crate) peak_rss_bytes: f64,
    /// `larder_cpu_seconds_total` over the answers, in microseconds, by placement.
    pub(crate) placement_cpu_us: BTreeMap<String, f64>,
    /// Answers from the result cache over those that asked it; absent where the server does not say.
    pub(crate) cache_hit_ratio: Option<f64>,
    /// One entry a scrape, once a second.
    pub(crate) samples: Vec<ServerSample>,
}

/// The server's process at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServerSample {
    /// Seconds after the warm-up.
    pub(crate) at_s: f64,
    /// CPU seconds since the process began.
    pub(crate) cpu_s: f64,
    pub(crate) rss_bytes: f64,
}

/// One second of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Second {
    pub(crate) second: usize,
    #[serde(flatten)]
    pub(crate) summary: Summary,
}

impl Report {
    /// `names` are the mix's placements, and `side` is the length in seconds of each side of a swap's window.
    pub(crate) fn new(
        setup: Setup,
        tally: &Tally,
        names: &[String],
        warmup: Duration,
        side: usize,
    ) -> Report {
        let (swaps, swap_windows) = swaps::judge(&tally.versions.changes, warmup, &tally.seconds, side);
        let seconds = tally.seconds.iter().enumerate();
        let placements = names.iter().zip(&tally.placements);
        Report {
            summary: Summary::new(&tally.total),
            setup,
            errors: tally.errors.clone(),
            degraded: tally.levels.iter().map(|(level, count)| ((*level).to_owned(), *count)).collect(),
            causes: tally.causes.clone(),
            placements: placements.map(|(name, counts)| (name.clone(), Summary::new(counts))).collect(),
            curve: tally.total.latencies.curve(),
            server: None,
            failures: Percentiles::new(&tally.failures),
            refusals: Percentiles::new(&tally.refusals),
            lag: Percentiles::new(&tally.lag),
            retries: 0,
            search: Vec::new(),
            swaps,
            swap_windows,
            slo: Vec::new(),
            seconds: seconds
                .map(|(second, counts)| Second { second, summary: Summary::new(counts) })
                .collect(),
        }
    }

    /// What the server's metrics say goes beside what was measured here.
    pub(crate) fn add_server(&mut self, server: ServerFigures, version: Option<String>) {
        let answered = self.summary.answered;
        // A counter that is not there, or was begun anew by a restart, measures nothing.
        let measured = answered > 0 && server.cpu_s > 0.0;
        self.summary.cpu_us_per_request = measured.then(|| server.cpu_s * 1e6 / answered as f64);
        for (name, summary) in &mut self.placements {
            summary.cpu_us_per_request = server.placement_cpu_us.get(name).copied();
        }
        self.setup.server_version = version;
        self.server = Some(server);
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
            in_time: counts.in_time,
            cpu_us_per_request: None,
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
        let report = Report::new(Setup::default(), &tally, &[], Duration::ZERO, 2);
        let json = serde_json::to_value(&report).unwrap();
        for name in ["offered", "answered", "errors", "degraded", "p50_ms", "p99_ms", "p999_ms"] {
            assert!(json["summary"].get(name).is_some(), "{name}");
        }
        assert!(json["summary"]["p99_ms"].is_null() && json["swaps"].is_array());
    }
}
