//! Counts by placement, found without a lock.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use hashbrown::HashMap;

use super::placement::PlacementCounts;

/// Placements whose counts are kept, at least as many as one snapshot may have. Beyond it, those that are not served
/// any more are dropped: a fleet whose training makes up new names with every snapshot must not collect series for
/// ever.
const KEPT: usize = 1000;

type Counts = HashMap<Box<str>, Arc<PlacementCounts>>;

/// The counts of every placement that was asked for.
#[derive(Debug)]
pub(super) struct PlacementTable {
    /// Replaced as a whole when a placement is asked for the first time; read on every request.
    // A map behind a read lock was the alternative. Even an uncontended reader writes to the lock's word, which every
    // core then fetches from the one before; here readers write nothing that is shared.
    counts: ArcSwap<Counts>,
    growing: Mutex<()>,
    kept: usize,
}

impl PlacementTable {
    pub(super) fn new() -> Self {
        Self { counts: ArcSwap::default(), growing: Mutex::new(()), kept: KEPT }
    }

    /// The counts of a placement by its name; `stays` says which others are still needed.
    pub(super) fn of(&self, placement: &str, stays: impl Fn(&str) -> bool) -> Arc<PlacementCounts> {
        if let Some(counts) = self.counts.load().get(placement) {
            return Arc::clone(counts);
        }
        let _growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        // Copied as a whole, which happens once for each placement and takes microseconds for the usual dozen.
        let mut table = Counts::clone(&self.counts.load());
        if let Some(counts) = table.get(placement) {
            return Arc::clone(counts); // another request was faster
        }
        if table.len() >= self.kept {
            table.retain(|name, _| stays(name));
        }
        let counts = Arc::new(PlacementCounts::default());
        table.insert(placement.into(), Arc::clone(&counts));
        self.counts.store(Arc::new(table));
        counts
    }

    pub(super) fn each(&self, mut read: impl FnMut(&str, &PlacementCounts)) {
        for (name, counts) in self.counts.load().iter() {
            read(name, counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(table: &PlacementTable) -> Vec<String> {
        let mut names = Vec::new();
        table.each(|name, _| names.push(name.to_owned()));
        names.sort();
        names
    }

    #[test]
    fn a_placement_keeps_its_counts_over_swaps() {
        let table = PlacementTable::new();
        let first = table.of("p", |_| false);
        table.of("q", |_| false);
        assert!(Arc::ptr_eq(&first, &table.of("p", |_| false)));
        assert_eq!(names(&table), ["p", "q"]);
    }

    #[test]
    fn placements_that_are_not_served_any_more_do_not_accumulate() {
        let table = PlacementTable { kept: 10, ..PlacementTable::new() };
        for snapshot in 0..50 {
            for placement in ["home".to_owned(), format!("campaign-{snapshot}")] {
                table.of(&placement, |name| name == "home" || name == placement);
            }
        }
        let names = names(&table);
        assert!(names.len() <= 10, "{names:?}");
        assert!(names.contains(&"home".to_owned()) && names.contains(&"campaign-49".to_owned()), "{names:?}");
    }
}
