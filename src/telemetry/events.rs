//! Metrics of events and of what they have changed.

use std::sync::Arc;

use prometheus::{Error, Registry};

use crate::live::EventCounts;
use crate::recommender::LiveState;
use crate::server::metrics::Declaration;

const EVENTS: Declaration = Declaration {
    name: "larder_events_total",
    help: "Events by source, type (other: one of the shop's own) and outcome: applied, stale (something newer was \
           known), unmatched (no mapping is for it) or dead (kept among the dead letters).",
    labels: &["source", "type", "outcome"],
};
const DEAD: Declaration = Declaration {
    name: "larder_dead_total",
    help: "Events that could not be used, by source and reason.",
    labels: &["source", "reason"],
};
const APPLY: Declaration = Declaration {
    name: "larder_event_apply_seconds",
    help: "Time from the arrival of events to the epoch that they are in, one sample for each batch.",
    labels: &[],
};
const END_TO_END: Declaration = Declaration {
    name: "larder_event_end_to_end_seconds",
    help: "Time from the moment that an event happened, as it says itself, to the epoch that it is in; one sample for \
           each batch.",
    labels: &[],
};
const EPOCH: Declaration = Declaration {
    name: "larder_live_epoch",
    help: "Number of the state of events that is served.",
    labels: &[],
};
const ITEMS: Declaration =
    Declaration { name: "larder_live_items", help: "Items that events have spoken of.", labels: &[] };
const BYTES: Declaration = Declaration {
    name: "larder_live_states_bytes",
    help: "Memory of what events have said of items.",
    labels: &[],
};
const RESERVE: Declaration = Declaration {
    name: "larder_live_reserve_used",
    help: "Items that the snapshot does not know, which have rows that were reserved for them.",
    labels: &[],
};

pub(super) fn register(
    registry: &Registry,
    live: &Arc<LiveState>,
    counts: &Arc<EventCounts>,
) -> Result<(), Error> {
    let read = Arc::clone(counts);
    EVENTS.counter(registry, move |samples| {
        for ((source, event_type, fate), count) in read.fates() {
            samples.add(&[&source, event_type, fate.as_str()], count as f64);
        }
    })?;
    let read = Arc::clone(counts);
    DEAD.counter(registry, move |samples| {
        for ((source, reason), count) in read.dead() {
            samples.add(&[&source, reason], count as f64);
        }
    })?;
    let read = Arc::clone(counts);
    APPLY.histogram(registry, move |samples| samples.histogram(&[], &read.apply))?;
    let read = Arc::clone(counts);
    END_TO_END.histogram(registry, move |samples| samples.histogram(&[], &read.end_to_end))?;
    let read = Arc::clone(live);
    EPOCH.gauge(registry, move |samples| samples.add(&[], read.epoch() as f64))?;
    let read = Arc::clone(live);
    ITEMS.gauge(registry, move |samples| samples.add(&[], read.status().items as f64))?;
    let read = Arc::clone(live);
    BYTES.gauge(registry, move |samples| samples.add(&[], read.status().states_bytes as f64))?;
    let read = Arc::clone(live);
    RESERVE.gauge(registry, move |samples| samples.add(&[], read.status().arrived as f64))
}
