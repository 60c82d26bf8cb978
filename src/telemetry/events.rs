//! Metrics of events and of what they have changed.

use std::sync::Arc;

use prometheus::{Error, Registry};

use crate::domain::now_ms;
use crate::live::EventCounts;
use crate::recommender::{LiveState, View};
use crate::server::metrics::Declaration;
use crate::snapshot::Registry as Views;

const EVENTS: Declaration = Declaration {
    name: "larder_events_total",
    help: "Events by source, type (other: one of the shop's own) and outcome: applied, stale (something newer was \
           known), unmatched (no mapping is for it) or dead (of no use: kept among the dead letters or, of what \
           callers send, source http, told to them).",
    labels: &["source", "type", "outcome"],
};
const DEAD: Declaration = Declaration {
    name: "larder_dead_total",
    help: "Events that could not be used, by source (http: of callers) and reason.",
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

/// A partition is looked at more often than this, in milliseconds, unless its source is away.
const LOOK_MS: i64 = 2000;

const LAG: Declaration = Declaration {
    name: "larder_event_lag_seconds",
    help: "How far behind the reading of a partition is: 0 while all is read that was there at the last look.",
    labels: &["source", "partition"],
};
const LAG_RECORDS: Declaration = Declaration {
    name: "larder_event_lag_records",
    help: "Records of a partition that are there and not read yet, where its source tells.",
    labels: &["source", "partition"],
};
const GAP: Declaration = Declaration {
    name: "larder_live_gap_seconds",
    help: "Time of which a partition had nothing any more when it was to be read, as its retention is too short; 0 \
           once a snapshot is served that is newer.",
    labels: &["source", "partition"],
};
const THROTTLED: Declaration = Declaration {
    name: "larder_source_throttled_total",
    help: "How often a source was asked less often because it had said that it was asked too often.",
    labels: &["source"],
};

pub(super) fn register(
    registry: &Registry,
    views: &Arc<Views<View>>,
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
    register_positions(registry, views, counts)?;
    let read = Arc::clone(live);
    EPOCH.gauge(registry, move |samples| samples.add(&[], read.epoch() as f64))?;
    let read = Arc::clone(live);
    ITEMS.gauge(registry, move |samples| samples.add(&[], read.status().items as f64))?;
    let read = Arc::clone(live);
    BYTES.gauge(registry, move |samples| samples.add(&[], read.status().states_bytes as f64))?;
    let read = Arc::clone(live);
    RESERVE.gauge(registry, move |samples| samples.add(&[], read.status().arrived as f64))
}

fn register_positions(
    registry: &Registry,
    views: &Arc<Views<View>>,
    counts: &Arc<EventCounts>,
) -> Result<(), Error> {
    let read = Arc::clone(counts);
    LAG.gauge(registry, move |samples| {
        let now = now_ms();
        for ((source, partition), read) in read.reads() {
            // Less than the pause between two looks is none: what is not read then cannot have been there.
            let behind = now.saturating_sub(read.until_ms);
            let seconds =
                if read.records.unwrap_or(0) == 0 && behind < LOOK_MS { 0.0 } else { behind as f64 / 1000.0 };
            samples.add(&[&source, &partition], seconds.max(0.0));
        }
    })?;
    let read = Arc::clone(counts);
    LAG_RECORDS.gauge(registry, move |samples| {
        for ((source, partition), read) in read.reads() {
            if let Some(records) = read.records {
                samples.add(&[&source, &partition], records as f64);
            }
        }
    })?;
    let read = Arc::clone(counts);
    THROTTLED.counter(registry, move |samples| {
        for (source, count) in read.throttled() {
            samples.add(&[&source], count as f64);
        }
    })?;
    let (read, views) = (Arc::clone(counts), Arc::clone(views));
    GAP.gauge(registry, move |samples| {
        let known = views.current().and_then(|view| view.catalog_known_until_ms()).unwrap_or(i64::MIN);
        for ((source, partition), (from, until)) in read.gaps() {
            let seconds = (until - from.max(known)).max(0) as f64 / 1000.0;
            samples.add(&[&source, &partition], seconds);
        }
    })
}
