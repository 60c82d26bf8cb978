//! The metrics of requests and slates, and who keeps their counts.

mod placement;
mod table;

use std::sync::Arc;
use std::time::Duration;

use prometheus::{Error, Registry};

use super::protocol::Protocol;
use crate::domain::TrafficClass;
use crate::server::metrics::{Declaration, Histogram};
use crate::server::problem::Outcome;
pub(crate) use placement::PlacementCounts;
use table::PlacementTable;

const REQUESTS: Declaration = Declaration {
    name: "larder_requests_total",
    help: "Requests answered. A request for all slates of a page has the placement \"batch\"; one whose placement does \
           not exist, or that was refused before it was decoded, \"unknown\". code is in the words of gRPC on both \
           protocols. The class of a request that was not decoded is LIVE.",
    labels: &["protocol", "placement", "class", "code"],
};
const DURATION: Declaration = Declaration {
    name: "larder_request_duration_seconds",
    help: "Time from a request's head to its answer.",
    labels: &["protocol", "placement", "class"],
};
const REFUSAL: Declaration = Declaration {
    name: "larder_refusal_seconds",
    help: "Time from a request's head to its refusal with RESOURCE_EXHAUSTED.",
    labels: &[],
};
const SLATES: Declaration = Declaration {
    name: "larder_slates_total",
    help: "Slates asked for, alone or as a slot of a page, each under its own placement.",
    labels: &["placement", "class", "code"],
};
const DEGRADED: Declaration = Declaration {
    name: "larder_degraded_total",
    help: "Slates of lowered quality, by cause; one slate may have several. LIVE traffic only.",
    labels: &["placement", "cause"],
};
const EMPTY: Declaration = Declaration {
    name: "larder_empty_slates_total",
    help: "Slates without any item. LIVE traffic only.",
    labels: &["placement"],
};

/// The placement label of a request for all slates of a page: its slots have placements, it has none.
const BATCH: &str = "batch";
/// The placement label where there is no such placement: made-up names must not become series.
const UNKNOWN: &str = "unknown";

/// What is counted of requests, for as long as the process lives.
#[derive(Debug)]
pub struct RequestMetrics {
    placements: PlacementTable,
    batch: Arc<PlacementCounts>,
    unknown: Arc<PlacementCounts>,
    refusal: Histogram,
}

/// What a placement's requests have cost so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacementWork {
    /// The value of the label `placement`.
    pub placement: String,
    /// Requests, those that were refused included.
    pub requests: u64,
    /// The time that its slates were worked on, without reading requests and writing answers.
    pub service_time: Duration,
}

impl RequestMetrics {
    /// Declares the metrics.
    ///
    /// # Errors
    /// The registry has such metrics already.
    pub fn register(registry: &Registry) -> Result<Arc<Self>, Error> {
        let placements = PlacementTable::new();
        // In the table like the others, so that a placement that is really called so has its counts there and no series
        // twice.
        let [batch, unknown] = [BATCH, UNKNOWN].map(|name| placements.of(name, |_| true));
        let metrics = Arc::new(Self { placements, batch, unknown, refusal: Histogram::default() });
        let read = || Arc::clone(&metrics);
        let of = read();
        REQUESTS.counter(registry, move |out| of.each(|name, counts| counts.read_requests(name, out)))?;
        let of = read();
        DURATION.histogram(registry, move |out| of.each(|name, counts| counts.read_durations(name, out)))?;
        let of = read();
        SLATES.counter(registry, move |out| of.each(|name, counts| counts.read_slates(name, out)))?;
        let of = read();
        DEGRADED.counter(registry, move |out| of.each(|name, counts| counts.read_degraded(name, out)))?;
        let of = read();
        EMPTY.counter(registry, move |out| of.each(|name, counts| counts.read_empty(name, out)))?;
        let of = read();
        REFUSAL.histogram(registry, move |out| out.histogram(&[], &of.refusal))?;
        Ok(metrics)
    }

    /// The counts of a placement by its name; of made-up ones together if it is not served.
    pub(crate) fn placement(&self, name: &str, is_served: impl Fn(&str) -> bool) -> Arc<PlacementCounts> {
        // Asked even though the table may have the name: a placement of an earlier snapshot is as unknown as a made-up
        // one.
        if !is_served(name) {
            return Arc::clone(&self.unknown);
        }
        let stays = |name: &str| is_served(name) || name == BATCH || name == UNKNOWN;
        self.placements.of(name, stays)
    }

    /// The counts of requests for all slates of a page.
    pub(crate) fn batch(&self) -> Arc<PlacementCounts> {
        Arc::clone(&self.batch)
    }

    /// Counts a request that ended; `placement` is `None` unless it is known.
    pub(crate) fn request(
        &self,
        protocol: Protocol,
        placement: Option<&PlacementCounts>,
        class: TrafficClass,
        outcome: Outcome,
        took: Duration,
    ) {
        placement.unwrap_or(&self.unknown).request(protocol, class, outcome, took);
        // On its own and without labels: refusals are to take next to nothing, and a quantile over all placements says
        // whether they do.
        if outcome == Outcome::ResourceExhausted {
            self.refusal.record(took);
        }
    }

    /// What the requests have cost so far, by placement.
    pub fn work(&self) -> Vec<PlacementWork> {
        let mut work = Vec::new();
        self.each(|placement, counts| {
            let (requests, service_time) = (counts.answered(), counts.service_time());
            work.push(PlacementWork { placement: placement.to_owned(), requests, service_time });
        });
        work
    }

    fn each(&self, read: impl FnMut(&str, &PlacementCounts)) {
        self.placements.each(read);
    }
}

#[cfg(test)]
mod tests;
