//! What part of each class is admitted during an overload: pure bookkeeping, told the time by its caller.

use std::time::{Duration, Instant};

use crate::server::edge::class::CLASSES;

/// The shares are computed anew once in this time; raising it makes them steadier and slower to follow the load.
const WINDOW: Duration = Duration::from_millis(50);
/// Capacity of the next window, as a multiple of what was served in the last one: a tenth more, so that throughput can
/// grow and the queue has some requests to choose from. Raising it queues more requests only to evict them.
const GROWTH: f64 = 1.1;
/// The same after a window without evictions, in which more could have been served, as after a moment of standing
/// still.
const GROWTH_UNUSED: f64 = 2.0;
/// Requests added to the capacity, so that some are tried after a window in which none was served.
const GROWTH_FLOOR: f64 = 4.0;
/// The capacity falls to no less than this part of the last window's: a moment of standing still is no lack of
/// capacity.
const SHRINK: f64 = 0.5;

/// The share of each class that is admitted: as many requests as were served in the last window and a margin, the most
/// important class first.
///
/// After DAGOR, which derives the admitted priorities from what arrived and what was admitted in the window before: H.
/// Zhou et al., "Overload Control for Scaling WeChat Microservices", SoCC 2018, section 4.2. There a class is in or
/// out; here the last class for which there is capacity is admitted in part.
#[derive(Debug)]
pub(super) struct PriorityAdmission {
    /// Arrivals in this window, by class.
    arrivals: [u32; CLASSES],
    /// Requests served in this window.
    served: u32,
    /// Whether an admitted request was evicted from the queue in this window.
    evicted: bool,
    /// Requests that can be served in a window.
    capacity: f64,
    /// The admitted part of each class, 0 to 1.
    share: [f64; CLASSES],
    /// Sums up the share of each arrival; a whole one admits it. This spreads the admitted evenly.
    credit: [f64; CLASSES],
    window_began: Option<Instant>,
}

impl PriorityAdmission {
    /// Admits everything until it has seen a window.
    pub(super) fn new() -> Self {
        Self {
            arrivals: [0; CLASSES],
            served: 0,
            evicted: false,
            capacity: 0.0,
            share: [1.0; CLASSES],
            credit: [0.0; CLASSES],
            window_began: None,
        }
    }

    /// Counts an arrival of this class, whatever becomes of it.
    pub(super) fn record_arrival(&mut self, class: usize, now: Instant) {
        let began = *self.window_began.get_or_insert(now);
        if now.saturating_duration_since(began) >= WINDOW {
            self.end_window();
            self.window_began = Some(now);
        }
        if let Some(arrivals) = self.arrivals.get_mut(class) {
            *arrivals = arrivals.saturating_add(1);
        }
    }

    /// Counts a request that is served.
    pub(super) fn record_served(&mut self) {
        self.served = self.served.saturating_add(1);
    }

    /// Notes that an admitted request was evicted from the queue.
    pub(super) fn record_eviction(&mut self) {
        self.evicted = true;
    }

    /// Whether a request of this class is admitted.
    pub(super) fn admits(&mut self, class: usize) -> bool {
        let (Some(credit), Some(share)) = (self.credit.get_mut(class), self.share.get(class)) else {
            return false;
        };
        // Instead of a random number: of twelve requests at a share of a quarter, every fourth is admitted, and never
        // three in a row.
        *credit += share;
        let admits = *credit >= 1.0;
        if admits {
            *credit -= 1.0;
        }
        admits
    }

    fn end_window(&mut self) {
        let growth = if self.evicted { GROWTH } else { GROWTH_UNUSED };
        self.capacity = (growth * f64::from(self.served) + GROWTH_FLOOR).max(SHRINK * self.capacity);
        let mut left = self.capacity;
        for (arrivals, share) in self.arrivals.iter().zip(&mut self.share) {
            let arrivals = f64::from(*arrivals);
            // The last class for which there is capacity is admitted in part; those below it not at all.
            *share = if arrivals <= left { 1.0 } else { left / arrivals };
            left = (left - arrivals).max(0.0);
        }
        self.arrivals = [0; CLASSES];
        self.served = 0;
        self.evicted = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: usize = 0;
    const SYNTHETIC: usize = 2;

    /// Percentages of live and synthetic requests that are admitted after a window with these arrivals, of which
    /// `served` were served.
    fn admitted(live: usize, synthetic: usize, served: usize) -> [usize; 2] {
        let mut admission = PriorityAdmission::new();
        let now = Instant::now();
        for _ in 0..live {
            admission.record_arrival(LIVE, now);
        }
        for _ in 0..synthetic {
            admission.record_arrival(SYNTHETIC, now);
        }
        for _ in 0..served {
            admission.record_served();
        }
        admission.record_eviction();
        admission.record_arrival(LIVE, now + WINDOW);
        [LIVE, SYNTHETIC].map(|class| (0..100).filter(|_| admission.admits(class)).count())
    }

    #[test]
    fn the_most_important_class_comes_first_and_no_more_than_can_be_served() {
        assert_eq!(admitted(100, 900, 1000), [100, 100], "all were served");
        let [live, synthetic] = admitted(100, 900, 300);
        assert_eq!(live, 100);
        assert!((22..=27).contains(&synthetic), "(1.1 * 300 + 4 - 100) / 900, and not {synthetic} %");
        let [live, synthetic] = admitted(900, 900, 300);
        assert!((36..=38).contains(&live), "334 / 900, and not {live} %");
        assert_eq!(synthetic, 0);
        assert!(admitted(40, 0, 0)[0] > 0, "nothing was served: some are tried");
    }

    #[test]
    fn capacity_lost_in_a_moment_of_standing_still_is_soon_regained() {
        let mut admission = PriorityAdmission::new();
        let mut now = Instant::now();
        let mut windows = 0;
        // A thousand arrive in each window, all that are admitted could be served, and none was in the first.
        while admission.share[LIVE] < 1.0 || windows == 0 {
            let admitted = (0..1000).filter(|_| windows > 0 && admission.admits(LIVE)).count();
            for _ in 0..1000 {
                admission.record_arrival(LIVE, now);
            }
            for _ in 0..admitted {
                admission.record_served();
            }
            now += WINDOW;
            admission.record_arrival(LIVE, now);
            windows += 1;
        }
        assert!((5..=10).contains(&windows), "{windows}");
    }

    #[test]
    fn admitted_requests_are_spread_evenly() {
        let mut admission = PriorityAdmission { share: [0.25; CLASSES], ..PriorityAdmission::new() };
        let admitted: Vec<_> = (0..12).map(|_| admission.admits(LIVE)).collect();
        assert_eq!(admitted.iter().filter(|admitted| **admitted).count(), 3);
        assert!(admitted.chunks(4).all(|four| four.iter().filter(|admitted| **admitted).count() == 1));
    }
}
