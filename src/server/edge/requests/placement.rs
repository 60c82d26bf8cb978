//! What is counted of one placement's requests and slates.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::domain::{Slate, TrafficClass};
use crate::server::edge::class::{self, BY_PRIORITY, CLASSES};
use crate::server::edge::protocol::Protocol;
use crate::server::metrics::{Histogram, Samples};
use crate::server::problem::Outcome;

/// The counts of one placement. Whoever answers for it holds them; to count is an addition.
#[derive(Debug, Default)]
pub(crate) struct PlacementCounts {
    /// By protocol, then by priority of the class.
    requests: [[RequestCounts; CLASSES]; Protocol::ALL.len()],
    /// By priority of the class, then by outcome.
    slates: [[AtomicU64; Outcome::ALL.len()]; CLASSES],
    /// By the discriminant of the cause.
    // A fixed array and not a map: to count must neither hash nor allocate.
    degraded: [CauseCount; CAUSES],
    empty: AtomicU64,
    service_ns: AtomicU64,
}

/// Upper bound on the number of causes; raising it makes every placement's counts larger, by 32 bytes each.
const CAUSES: usize = 32;

/// How often a cause occurred, and its name once it did: the enum, which may grow, has no list of its values.
#[derive(Debug, Default)]
struct CauseCount {
    name: OnceLock<&'static str>,
    count: AtomicU64,
}

#[derive(Debug, Default)]
struct RequestCounts {
    outcomes: [AtomicU64; Outcome::ALL.len()],
    duration: Histogram,
}

impl PlacementCounts {
    /// Counts a request that ended, from its head to the answer.
    pub(super) fn request(&self, protocol: Protocol, class: TrafficClass, outcome: Outcome, took: Duration) {
        // Label values are indexes here, and text only when somebody scrapes.
        let counts =
            self.requests.get(protocol as usize).and_then(|classes| classes.get(class::priority(class)));
        if let Some(counts) = counts {
            increment(&counts.outcomes, outcome as usize);
            counts.duration.record(took);
        }
    }

    /// Counts a slate that was asked for, alone or as a slot of a page.
    pub(crate) fn slate(&self, class: TrafficClass, outcome: Outcome) {
        if let Some(outcomes) = self.slates.get(class::priority(class)) {
            increment(outcomes, outcome as usize);
        }
    }

    /// Counts in what way a slate fell short, if a person was to see it: what a load test asks for says nothing about
    /// quality.
    pub(crate) fn quality(&self, class: TrafficClass, slate: &Slate) {
        // A load test with made-up users would show as a fall in quality, and hide a real one.
        if class != TrafficClass::Live {
            return;
        }
        for cause in &slate.degradation.causes {
            let index = *cause as usize;
            debug_assert!(index < CAUSES, "{cause:?} is not counted");
            if let Some(cause_count) = self.degraded.get(index) {
                cause_count.name.get_or_init(|| cause.as_str());
                cause_count.count.fetch_add(1, Ordering::Relaxed);
            }
        }
        if slate.items.is_empty() {
            self.empty.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Adds to the time that slates were worked on.
    pub(crate) fn add_service_time(&self, time: Duration) {
        self.service_ns.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    pub(super) fn service_time(&self) -> Duration {
        Duration::from_nanos(self.service_ns.load(Ordering::Relaxed))
    }

    /// Requests, whatever their outcome.
    pub(super) fn answered(&self) -> u64 {
        let outcomes = self.each_requests().flat_map(|(_, _, counts)| &counts.outcomes);
        outcomes.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn read_requests(&self, placement: &str, samples: &mut Samples) {
        for (protocol, class, counts) in self.each_requests() {
            for (outcome, count) in counted(&Outcome::ALL, &counts.outcomes) {
                samples.add(&[protocol, placement, class, outcome.as_str()], count);
            }
        }
    }

    pub(super) fn read_durations(&self, placement: &str, samples: &mut Samples) {
        for (protocol, class, counts) in self.each_requests() {
            // Seventeen lines each: most placements are asked on one protocol by one class.
            if !counts.duration.is_empty() {
                samples.histogram(&[protocol, placement, class], &counts.duration);
            }
        }
    }

    pub(super) fn read_slates(&self, placement: &str, samples: &mut Samples) {
        for (class, outcomes) in BY_PRIORITY.into_iter().zip(&self.slates) {
            for (outcome, count) in counted(&Outcome::ALL, outcomes) {
                samples.add(&[placement, class::label(class), outcome.as_str()], count);
            }
        }
    }

    pub(super) fn read_degraded(&self, placement: &str, samples: &mut Samples) {
        for CauseCount { name, count } in &self.degraded {
            if let Some(name) = name.get() {
                samples.add(&[placement, name], count.load(Ordering::Relaxed) as f64);
            }
        }
    }

    pub(super) fn read_empty(&self, placement: &str, samples: &mut Samples) {
        // From the first slate on, so that an alert on the rate sees the step from 0 to 1.
        let has_slates = |outcomes: &[AtomicU64; Outcome::ALL.len()]| {
            outcomes.get(Outcome::Ok as usize).is_some_and(|count| count.load(Ordering::Relaxed) > 0)
        };
        if self.slates.iter().any(has_slates) {
            samples.add(&[placement], self.empty.load(Ordering::Relaxed) as f64);
        }
    }

    fn each_requests(&self) -> impl Iterator<Item = (&'static str, &'static str, &RequestCounts)> {
        Protocol::ALL.into_iter().zip(&self.requests).flat_map(|(protocol, classes)| {
            let of_class = move |(class, counts)| (protocol.label(), class::label(class), counts);
            BY_PRIORITY.into_iter().zip(classes).map(of_class)
        })
    }
}

fn increment(counts: &[AtomicU64], index: usize) {
    if let Some(count) = counts.get(index) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// The counts that are not zero: most combinations of labels never occur, and each would be a series for ever.
fn counted<'a, T: Copy>(
    keys: &'a [T],
    counts: &'a [AtomicU64],
) -> impl Iterator<Item = (T, f64)> + use<'a, T> {
    let read = |(key, count): (&T, &AtomicU64)| (*key, count.load(Ordering::Relaxed) as f64);
    keys.iter().zip(counts).map(read).filter(|(_, count)| *count > 0.0)
}
