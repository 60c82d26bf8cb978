//! The document at `/status`.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::control::ControlPlane;
use super::readiness::NotReady;
use crate::live::Backlog;
use crate::recommender::{LiveState, LiveStatus, View, ViewStatus};
use crate::snapshot::{Failure, Health};

/// What is served, and how the last refresh went. People read it at night, scripts by its keys, which stay.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    version: &'static str,
    ready: Ready,
    store: String,
    channel: String,
    live_epoch: u64,
    /// In hexadecimal: the same on all replicas that know the same.
    live_digest: String,
    live: Option<LiveReport>,
    snapshot: Option<ViewStatus>,
    previous_snapshot: Option<String>,
    memory_budget: Option<u64>,
    /// Set aside for live state, out of the budget.
    memory_reserved: u64,
    cpu: &'static str,
    held_from: Option<String>,
    last_checked: Option<String>,
    swapped_at: Option<String>,
    swaps: u64,
    last_load_ms: u64,
    last_refresh_error: Option<RefreshError>,
    failures: Vec<FailureCount>,
}

/// `true`, or why not.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Ready {
    Yes(bool),
    No(String),
}

/// What events have changed.
#[derive(Debug, Serialize)]
pub(super) struct LiveReport {
    /// `current`, or `behind` while events are read that happened before the start.
    state: &'static str,
    behind: String,
    items: usize,
    new_items: usize,
    bytes: usize,
    last_event: Option<String>,
}

impl LiveReport {
    pub(super) fn of(live: &LiveState, backlog: &Backlog) -> Self {
        let LiveStatus { last_event_ms, items, states_bytes, arrived, .. } = live.status();
        let behind = names(backlog);
        let last_event = last_event_ms.and_then(DateTime::from_timestamp_millis);
        Self {
            state: if behind.is_empty() { "current" } else { "behind" },
            behind,
            items,
            new_items: arrived,
            bytes: states_bytes,
            last_event: last_event.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true)),
        }
    }
}

/// The names of the sources that are behind.
pub(super) fn names(backlog: &Backlog) -> String {
    backlog.behind().collect::<Vec<_>>().join(", ")
}

#[derive(Debug, Serialize)]
struct RefreshError {
    at: String,
    snapshot: String,
    artifact: Option<String>,
    reason: String,
    in_a_row: u32,
}

#[derive(Debug, Serialize)]
struct FailureCount {
    artifact: String,
    reason: &'static str,
    count: u64,
}

impl Status {
    pub(super) fn of(
        control: &dyn ControlPlane,
        readiness: Result<(), NotReady>,
        current: Option<&View>,
        previous: Option<&View>,
        live: Option<LiveReport>,
    ) -> Self {
        let Health { last_checked, swapped_at, swaps, last_load, last_failure, failures, held_from } =
            control.health();
        let failures = failures.into_iter();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            ready: readiness.map_or_else(|reason| Ready::No(reason.to_string()), |()| Ready::Yes(true)),
            store: control.location(),
            channel: control.channel().to_owned(),
            live_epoch: current.map_or(0, |view| view.live.epoch()),
            live_digest: format!("{:016x}", current.map_or(0, |view| view.live.digest())),
            live,
            snapshot: current.map(View::status),
            previous_snapshot: previous.map(|view| view.snapshot.version().to_owned()),
            memory_budget: control.memory_budget(),
            memory_reserved: control.reserved_memory(),
            cpu: crate::machine::level().name(),
            held_from,
            last_checked: last_checked.map(text),
            swapped_at: swapped_at.map(text),
            swaps,
            last_load_ms: last_load.as_millis() as u64,
            last_refresh_error: last_failure.map(RefreshError::from),
            failures: failures
                .map(|((artifact, reason), count)| FailureCount { artifact, reason, count })
                .collect(),
        }
    }
}

impl From<Failure> for RefreshError {
    fn from(failure: Failure) -> Self {
        let Failure { at, version, artifact, reason, count } = failure;
        Self { at: text(at), snapshot: version, artifact, reason, in_a_row: count }
    }
}

fn text(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Millis, true)
}
