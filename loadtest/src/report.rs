//! What a run measured: written by `--json`, read again by `page`, `compare`, `cost` and `plan`. The names of the
//! fields are a contract with reports that were written before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::files::{self, FileError};
use crate::latency::{Latencies, Percentiles, Quantile};
use crate::swaps::{self, Swap, Windows};
use crate::tally::{Counts, ErrorCount, Tally};

/// One run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) summary: Summary,
    pub(crate) setup: Setup,
    pub(crate) placements: BTreeMap<String, Summary>,
    /// Latency by quantile, finer towards the slow end.
    pub(crate) curve: Vec<Quantile>,
    /// What the server's own metrics say; absent without `--metrics`.
    pub(crate) server: Option<ServerFigures>,
    /// Errors by code, each with the first message.
    pub(crate) errors: BTreeMap<String, ErrorCount>,
    /// Degraded answers by level.
    pub(crate) degraded: BTreeMap<String, u64>,
    /// Degraded answers by cause; one answer may have several.
    pub(crate) causes: BTreeMap<String, u64>,
    /// How long the failed requests took to fail; they are in no other percentile.
    pub(crate) failures: Percentiles,
    /// How long refusals (`RESOURCE_EXHAUSTED`) took, from when the request was sent.
    pub(crate) refusals: Percentiles,
    /// Requests sent again because a server that shut down had not begun with them.
    pub(crate) retries: u64,
    /// The trials of a search for the highest rate, in their order; the rest of the report is of the run at its end.
    pub(crate) search: Vec<Trial>,
    /// How late the generator sent; contained in the latencies, and large only where the generator was too slow.
    pub(crate) lag: Percentiles,
    pub(crate) swaps: Vec<Swap>,
    pub(crate) swap_windows: Windows,
    pub(crate) slo: Vec<Verdict>,
    /// One entry a second, by when requests were due.
    pub(crate) seconds: Vec<Second>,
}

/// A run, a placement or a second. Percentiles are of the answered requests, from the moment at which each was due.
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
    /// Answers within the deadline that the requests were sent with; all of them without one.
    pub(crate) in_time: u64,
    /// CPU of the server divided by answers; absent without `--metrics`.
    pub(crate) cpu_us_per_request: Option<f64>,
}

/// One trial of a search.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Trial {
    pub(crate) rps: f64,
    pub(crate) duration_s: f64,
    pub(crate) held: bool,
    /// A rule was broken while the generator sent late, which says nothing about the server.
    pub(crate) void: bool,
    pub(crate) summary: Summary,
    pub(crate) lag_p99_ms: Option<f64>,
    pub(crate) rules: Vec<Verdict>,
}

/// How the run was made.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Setup {
    pub(crate) command: Vec<String>,
    /// Of the generator.
    pub(crate) version: String,
    /// Absent without `--metrics`.
    pub(crate) server_version: Option<String>,
    /// Processor, cores and system of the generator's machine.
    pub(crate) machine: String,
    pub(crate) scenario: Option<String>,
    /// Seconds since 1970.
    pub(crate) started_at: u64,
    pub(crate) target: String,
    /// The rate over time in words: `constant 800/s`, `diurnal 200 to 800 to 200/s`.
    pub(crate) profile: String,
    /// The highest rate of the profile.
    pub(crate) rps: f64,
    pub(crate) deadline_ms: Option<f64>,
    pub(crate) warmup_s: f64,
    pub(crate) duration_s: f64,
    /// Different requests in the mix.
    pub(crate) requests: usize,
}

/// The server's metrics over the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ServerFigures {
    /// CPU seconds from the end of the warm-up to the end of the run.
    pub(crate) cpu_s: f64,
    /// The most cores busy over any five seconds.
    pub(crate) peak_cores: f64,
    pub(crate) peak_rss_bytes: f64,
    /// By placement: `larder_cpu_seconds_total` divided by answers.
    pub(crate) placement_cpu_us: BTreeMap<String, f64>,
    /// Answers from the result cache, of those that looked into it; absent if the server does not export it.
    pub(crate) cache_hit_ratio: Option<f64>,
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

/// One rule and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) rule: String,
    /// In the unit of the rule: milliseconds, per cent or a plain number. Absent if nothing was measured.
    pub(crate) measured: Option<f64>,
    /// False where nothing was measured.
    pub(crate) held: bool,
}

/// A report that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{path} is not the report of a run (what `run --json` writes): {source}")]
    NotAReport { path: PathBuf, source: serde_json::Error },
}

impl Report {
    pub(crate) fn read(path: &Path) -> Result<Report, ReportError> {
        let report = serde_json::from_str(&files::read(path)?);
        report.map_err(|source| ReportError::NotAReport { path: path.to_owned(), source })
    }

    /// `placements` are the mix's.
    pub(crate) fn new(setup: Setup, tally: &Tally, placements: &[String], warmup: Duration) -> Report {
        let seconds: Vec<(&Latencies, u64)> =
            tally.seconds.iter().map(|s| (&s.latencies, s.errors)).collect();
        let (swaps, swap_windows) = swaps::measure(&tally.versions.changes, warmup, &seconds);
        let by_placement = placements.iter().cloned().zip(tally.placements.iter().map(Summary::new));
        let by_second = tally.seconds.iter().map(Summary::new).enumerate();
        Report {
            summary: Summary::new(&tally.total),
            setup,
            errors: tally.errors.clone(),
            degraded: tally.levels.iter().map(|(level, count)| ((*level).to_owned(), *count)).collect(),
            causes: tally.causes.clone(),
            placements: by_placement.collect(),
            curve: tally.total.latencies.curve(),
            failures: tally.failures.percentiles(),
            refusals: tally.refusals.percentiles(),
            lag: tally.lag.percentiles(),
            swaps,
            swap_windows,
            seconds: by_second.map(|(second, summary)| Second { second, summary }).collect(),
            ..Report::default()
        }
    }

    /// Puts what the server's metrics say beside what was measured here.
    pub(crate) fn add_server(&mut self, server: ServerFigures, version: Option<String>) {
        let answered = self.summary.answered;
        // A counter that does not exist, or starts again at 0 after a restart, measures nothing.
        let measured = answered > 0 && server.cpu_s > 0.0;
        self.summary.cpu_us_per_request = measured.then(|| server.cpu_s * 1e6 / answered as f64);
        for (name, summary) in &mut self.placements {
            summary.cpu_us_per_request = server.placement_cpu_us.get(name).copied();
        }
        self.setup.server_version = version;
        self.server = Some(server);
    }

    /// The p99 during the worst swap over that before it. `None` if any swap could not be compared, as it might be the
    /// worst.
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

/// The generator's p99 lag in milliseconds above which a run says more about the generator than about the server.
// The lag is in the latencies, and a server on a quiet core answers in less than this.
pub(crate) const LATE_MS: f64 = 1.0;
