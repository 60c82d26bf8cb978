//! How the answers of each placement came about, counted by name, so that the counts survive every swap.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Plan;

/// Upper bound on the names that are counted apart; further placements are counted together under [`OTHERS`]. Raising
/// it costs some 100 bytes and seven time series a name. Four times what one snapshot may have: names change between
/// snapshots, and a count that was once told must not go away.
const MOST_NAMES: usize = 4000;

/// The name under which placements are counted that came too late for one of their own.
pub const OTHERS: &str = "(others)";

/// How the answers of one placement came about since its recommender was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlacementCounts {
    /// Answers from the result cache.
    pub hits: u64,
    /// Answers that were looked for in it and were not there.
    pub misses: u64,
    /// Answers that are not looked for: personal ones, traces, slots of a page without duplicates, or the cache is off.
    pub uncacheable: u64,
    /// Answers by plan, in the order of [`Plan::ALL`]; those from the cache have none.
    pub plans: [u64; Plan::ALL.len()],
}

/// The counts of one placement, as requests add to them.
#[derive(Debug, Default)]
pub(super) struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    uncacheable: AtomicU64,
    plans: [AtomicU64; Plan::ALL.len()],
}

/// What a look into the result cache came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup {
    Hit,
    Miss,
    Uncacheable,
}

/// The counts of all placements that one recommender has answered for. They only ever grow.
#[derive(Debug, Default)]
pub(super) struct CountsByPlacement {
    // Taken once for each placement of each view, and by whoever reads the metrics: no request waits for it.
    placements: Mutex<BTreeMap<String, Arc<Counts>>>,
}

impl CountsByPlacement {
    /// The counts of the placement of this name, which views hold on to.
    pub(super) fn of(&self, placement: &str) -> Arc<Counts> {
        let mut placements = self.placements.lock().unwrap_or_else(PoisonError::into_inner);
        // A name that is known keeps its own counts, also when there is no place for another.
        let known = placements.contains_key(placement);
        let name = if known || placements.len() < MOST_NAMES { placement } else { OTHERS };
        Arc::clone(placements.entry(name.to_owned()).or_default())
    }

    pub(super) fn read(&self) -> BTreeMap<String, PlacementCounts> {
        let placements = self.placements.lock().unwrap_or_else(PoisonError::into_inner);
        placements.iter().map(|(name, counts)| (name.clone(), counts.read())).collect()
    }
}

impl Counts {
    pub(super) fn looked_up(&self, lookup: Lookup) {
        let count = match lookup {
            Lookup::Hit => &self.hits,
            Lookup::Miss => &self.misses,
            Lookup::Uncacheable => &self.uncacheable,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn planned(&self, plan: Plan) {
        if let Some(count) = self.plans.get(plan as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn read(&self) -> PlacementCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        PlacementCounts {
            hits: read(&self.hits),
            misses: read(&self.misses),
            uncacheable: read(&self.uncacheable),
            plans: self.plans.each_ref().map(read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_bound_are_counted_together_and_nothing_is_lost() {
        let counts = CountsByPlacement::default();
        for name in 0..MOST_NAMES + 10 {
            counts.of(&format!("placement {name}")).planned(Plan::Full);
        }
        counts.of("placement 0").planned(Plan::Popular);
        let read = counts.read();
        assert_eq!(read.len(), MOST_NAMES + 1);
        assert_eq!(read[OTHERS].plans, [10, 0, 0, 0]);
        assert_eq!(read["placement 0"].plans, [1, 0, 0, 1]);
    }
}
