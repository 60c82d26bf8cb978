//! What the placements of this process did, counted by name, so that the counts survive every swap.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Plan;

/// How the answers of one placement came about, since the process started.
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

/// The live side of [`PlacementCounts`].
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

static PLACEMENTS: Mutex<BTreeMap<String, Arc<Counts>>> = Mutex::new(BTreeMap::new());

impl PlacementCounts {
    /// The counts of this process, by placement.
    pub fn now() -> BTreeMap<String, Self> {
        let placements = PLACEMENTS.lock().unwrap_or_else(PoisonError::into_inner);
        placements.iter().map(|(name, counts)| (name.clone(), counts.read())).collect()
    }
}

impl Counts {
    /// The counts of the placement of this name.
    pub(super) fn of(placement: &str) -> Arc<Self> {
        let mut placements = PLACEMENTS.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(placements.entry(placement.to_owned()).or_default())
    }

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
