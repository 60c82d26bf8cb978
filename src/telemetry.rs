//! How logs are written, and the metrics that are read from state which other modules keep.
//!
//! Metrics of requests are declared in `server`, beside the code that counts them. What the core counts, which knows no
//! metrics, is declared here: one file for each that hands out counts.

mod config;
mod cpu;
mod events;
mod log_output;
mod outgoing;
mod placements;
mod process;
mod snapshots;
mod user_features;

use std::sync::Arc;

use prometheus::Registry;
use tracing_subscriber::EnvFilter;

use crate::exposure::{Counters, What};
use crate::live::EventCounts;
use crate::recommender::{LiveState, Recommender, View};
use crate::server::RequestMetrics;
use crate::snapshot::{Refresher, Registry as Views};

pub use config::{Config, LogFormat};
pub use cpu::ServingThreads;
pub use log_output::LogOutput;
pub use prometheus::{Error as MetricsError, Registry as MetricsRegistry};

/// Sends log lines to where the settings say, which is returned; if somebody set a subscriber before, they go there.
///
/// # Errors
/// The file for them cannot be opened.
pub fn init_logs(config: &Config) -> std::io::Result<LogOutput> {
    let Config { log, log_format, log_file } = config;
    let filter = EnvFilter::try_new(log).unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = quiet(filter, log);
    let output = log_file.as_deref().map_or_else(|| Ok(LogOutput::stderr()), LogOutput::file)?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(output.colours())
        .with_writer(output.clone())
        // It would report a line that cannot be written by `eprintln!`, which panics when standard error is a full
        // disk.
        .log_internal_errors(false);
    let _ = match log_format {
        LogFormat::Text => logs.with_target(false).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
    Ok(output)
}

/// Without what libraries say of every connection, unless it was asked for.
fn quiet(filter: EnvFilter, given: &str) -> EnvFilter {
    let directives = CLIENT_LOGS.iter().filter_map(|client| client.parse().ok());
    if given == "info" { directives.fold(filter, EnvFilter::add_directive) } else { filter }
}

/// The filters that keep libraries from logging.
const CLIENT_LOGS: &[&str] = &[
    // It warns of each client that resets too many streams: a scanner must not be able to fill the log.
    "h2=error",
    #[cfg(feature = "kafka")]
    crate::connect::kafka::CLIENT_LOG,
    #[cfg(feature = "nats")]
    crate::connect::nats::CLIENT_LOG,
];

/// What counts, and what is asked for its state.
#[derive(Debug)]
pub struct Sources {
    /// What is served.
    pub views: Arc<Views<View>>,
    /// What keeps it up to date.
    pub refresher: Arc<Refresher<View>>,
    /// What answers requests.
    pub recommender: Arc<Recommender>,
    /// What becomes of all that goes out. Not the queues themselves, which must close before the last is written.
    pub outgoing: Vec<(What, Arc<Counters>)>,
    /// What events have changed.
    pub live: Arc<LiveState>,
    /// What became of events.
    pub events: Arc<EventCounts>,
    /// The threads that answer requests.
    pub threads: Arc<ServingThreads>,
    /// What was counted of requests.
    pub requests: Arc<RequestMetrics>,
}

/// Declares the metrics that are read from `sources` at each scrape.
///
/// # Errors
/// The registry has one of them already.
pub fn register(registry: &Registry, sources: Sources) -> Result<(), prometheus::Error> {
    let Sources { views, refresher, recommender, outgoing, live, events, threads, requests } = sources;
    process::register(registry)?;
    cpu::register(registry, threads, requests)?;
    snapshots::register(registry, &views, &refresher)?;
    placements::register(registry, &recommender)?;
    user_features::register(registry, &views, &refresher)?;
    events::register(registry, &views, &live, &events)?;
    outgoing::register(registry, outgoing)
}
