//! Logs and metrics: how they are set up, and the names of all metrics in one place.

mod config;
mod cost;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::exposure::Counts;
use crate::recommender::{PlacementCounts, Plan, View};
use crate::snapshot::{Artifact, Health, UserCounts};

pub use crate::server::names::{
    CONNECTIONS, DEGRADED, IN_FLIGHT, LIMIT, REFUSAL, REFUSED, REQUESTS, SECONDS, WAITED, WAITING,
};
pub use config::{Config, LogFormat};
pub use cost::{SERVING_CPU, count_this_thread};

/// 1 for the served version, 0 for those shown before; labelled with the version.
pub const SNAPSHOT_INFO: &str = "larder_snapshot_info";
/// Seconds since the served snapshot was swapped in.
pub const SNAPSHOT_AGE: &str = "larder_snapshot_age_seconds";
/// Seconds since the newest event that the served models know.
pub const DATA_AGE: &str = "larder_data_age_seconds";
/// Swaps since the start, rollbacks included.
pub const SWAPS: &str = "larder_snapshot_swaps_total";
/// Seconds that the last load took.
pub const LOAD_SECONDS: &str = "larder_snapshot_load_seconds";
/// Refused snapshots, by artifact and reason.
pub const FAILURES: &str = "larder_snapshot_failures_total";
/// 1 while the channel names a snapshot that is not served.
pub const REFRESH_FAILING: &str = "larder_snapshot_refresh_failing";
/// Bytes in memory, by artifact.
pub const RESIDENT: &str = "larder_artifact_resident_bytes";
/// Share of the exact best 100 that a vector index found for the queries it was calibrated with, by artifact.
pub const RECALL: &str = "larder_vector_index_recall";
/// Lookups of users in sharded tables, by outcome.
pub const USER_LOOKUPS: &str = "larder_user_features_lookups_total";
/// Answers given without the user's features, because they were late.
pub const USER_LATE: &str = "larder_user_features_late_total";
/// Shards of users' features that could not be read.
pub const USER_FAILED: &str = "larder_user_features_failed_total";
/// Bytes of the shards in memory, by artifact.
pub const USER_CACHED: &str = "larder_user_features_cached_bytes";
/// Looks into the result cache, by placement and outcome.
pub const CACHE: &str = "larder_cache_requests_total";
/// Answers that were not in it, by placement and how much of the recipe there was time for.
pub const PLANS: &str = "larder_plans_total";
/// Slates told to the exposure log, by outcome.
pub const EXPOSURES: &str = "larder_exposures_total";
/// CPU time of the process.
pub const CPU: &str = "process_cpu_seconds_total";
/// Resident memory of the process.
pub const MEMORY: &str = "process_resident_memory_bytes";

/// Sends log lines to standard error; false if somebody set a subscriber before.
pub fn init_logs(format: LogFormat, filter: &str) -> bool {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        // It would report a line that cannot be written by `eprintln!`, which panics when standard error is a full disk.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => logs.with_target(false).try_init().is_ok(),
        LogFormat::Json => logs.json().flatten_event(true).try_init().is_ok(),
    }
}

/// Makes the registry that all counters go to; `None` if there is one already.
pub fn init_metrics() -> Option<PrometheusHandle> {
    PrometheusBuilder::new().install_recorder().ok()
}

/// Sets the counters of the exposure queue.
pub fn observe_exposures(counts: Counts) {
    metrics::counter!(EXPOSURES, "outcome" => "written").absolute(counts.written);
    metrics::counter!(EXPOSURES, "outcome" => "lost").absolute(counts.lost);
}

/// What the gauges were last set for, so that what has gone can be set to 0.
struct Shown {
    version: String,
    /// Gauges with their artifact.
    gauges: BTreeSet<(&'static str, String)>,
}

static SHOWN: Mutex<Shown> = Mutex::new(Shown { version: String::new(), gauges: BTreeSet::new() });

/// Sets the gauges that are read off the state when somebody asks.
pub fn observe(served: Option<&View>, health: &Health) {
    let now = SystemTime::now();
    let age = |then: SystemTime| now.duration_since(then).unwrap_or_default().as_secs_f64();
    if let Some(served) = served {
        let snapshot = &served.snapshot;
        let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.version != snapshot.version() {
            let before = std::mem::replace(&mut shown.version, snapshot.version().to_owned());
            if !before.is_empty() {
                metrics::gauge!(SNAPSHOT_INFO, "version" => before).set(0.0);
            }
        }
        metrics::gauge!(SNAPSHOT_INFO, "version" => shown.version.clone()).set(1.0);
        let mut gauges: BTreeMap<(&'static str, String), f64> = BTreeMap::new();
        let catalog = snapshot.items().resident_bytes() + snapshot.catalog().resident_bytes();
        gauges.insert((RESIDENT, "catalog".to_owned()), catalog as f64);
        for (name, artifact) in snapshot.artifacts() {
            gauges.insert((RESIDENT, name.to_owned()), artifact.resident_bytes() as f64);
            let own = match artifact {
                Artifact::ItemVectors(items) => Some((RECALL, f64::from(items.index.recall()))),
                Artifact::UserFeatures(users) => Some((USER_CACHED, users.cached_bytes() as f64)),
                _ => None,
            };
            gauges.extend(own.map(|(gauge, value)| ((gauge, name.to_owned()), value)));
        }
        for (gauge, gone) in shown.gauges.iter().filter(|known| !gauges.contains_key(*known)) {
            metrics::gauge!(*gauge, "artifact" => gone.clone()).set(0.0);
        }
        for ((gauge, artifact), value) in &gauges {
            metrics::gauge!(*gauge, "artifact" => artifact.clone()).set(*value);
        }
        shown.gauges.extend(gauges.into_keys());
        let until = snapshot.data_until_ms().and_then(|ms| u64::try_from(ms).ok());
        let until = until.map(|ms| SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(ms));
        metrics::gauge!(DATA_AGE).set(until.map_or(f64::NAN, age));
    }
    if let Some(then) = health.swapped_at {
        metrics::gauge!(SNAPSHOT_AGE).set(age(then));
    }
    let users = UserCounts::now();
    for (outcome, count) in [("hit", users.hits), ("miss", users.misses), ("stranger", users.strangers)] {
        metrics::counter!(USER_LOOKUPS, "outcome" => outcome).absolute(count);
    }
    metrics::counter!(USER_LATE).absolute(users.late);
    metrics::counter!(USER_FAILED).absolute(users.failed);
    observe_placements();
    metrics::counter!(SWAPS).absolute(health.swaps);
    metrics::gauge!(LOAD_SECONDS).set(health.last_load.as_secs_f64());
    metrics::gauge!(REFRESH_FAILING).set(f64::from(u8::from(health.last_failure.is_some())));
    for ((artifact, reason), count) in &health.failures {
        metrics::counter!(FAILURES, "artifact" => artifact.clone(), "reason" => *reason).absolute(*count);
    }
    cost::observe();
    if let Some((cpu, memory)) = process_figures() {
        metrics::gauge!(CPU).set(cpu);
        metrics::gauge!(MEMORY).set(memory);
    }
}

/// Sets the counters of the placements.
fn observe_placements() {
    for (placement, counts) in PlacementCounts::now() {
        let looked = [("hit", counts.hits), ("miss", counts.misses), ("uncacheable", counts.uncacheable)];
        for (outcome, count) in looked {
            let placement = placement.clone();
            metrics::counter!(CACHE, "placement" => placement, "outcome" => outcome).absolute(count);
        }
        for (plan, count) in Plan::ALL.iter().zip(counts.plans) {
            let placement = placement.clone();
            metrics::counter!(PLANS, "placement" => placement, "plan" => plan.as_str()).absolute(count);
        }
    }
}

/// CPU seconds and resident bytes of this process, where the system says (Linux).
fn process_figures() -> Option<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    let pages: f64 = fields.get(21)?.parse().ok()?;
    let page = rustix::param::page_size() as f64;
    Some((ticks / rustix::param::clock_ticks_per_second() as f64, pages * page))
}
