//! The ids of events that were recorded here lately: those that come back from a stream are known by them.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

/// Ids that each of the two halves holds; raising it knows events that come back later, and takes about 18 bytes an id.
const HALF: usize = 1 << 19;

/// The latest ids, at least half a million and at most a million of them, as 64 bits of hash each. Which id is taken
/// for another cannot be chosen from outside: the hash has a key of this process.
#[derive(Debug)]
pub(super) struct RecordedIds {
    hasher: RandomState,
    newer: HashSet<u64>,
    older: HashSet<u64>,
    half: usize,
}

impl Default for RecordedIds {
    fn default() -> Self {
        Self { hasher: RandomState::new(), newer: HashSet::new(), older: HashSet::new(), half: HALF }
    }
}

impl RecordedIds {
    /// Whether an id is known; an empty one never is.
    pub(super) fn has(&self, id: &str) -> bool {
        if id.is_empty() {
            return false;
        }
        let hash = self.hasher.hash_one(id);
        self.newer.contains(&hash) || self.older.contains(&hash)
    }

    /// Remembers an id, and forgets the oldest where there are too many.
    pub(super) fn add(&mut self, id: &str) {
        if id.is_empty() {
            return;
        }
        if self.newer.len() >= self.half {
            // The memory is kept: at its bound it neither grows nor shrinks.
            std::mem::swap(&mut self.newer, &mut self.older);
            self.newer.clear();
        }
        self.newer.insert(self.hasher.hash_one(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_known_and_the_oldest_forgotten() {
        let mut ids = RecordedIds { half: 10, ..RecordedIds::default() };
        for n in 0..100 {
            ids.add(&n.to_string());
            assert!((0..=n).rev().take(10).all(|latest| ids.has(&latest.to_string())), "{n}");
            assert!(ids.newer.len() + ids.older.len() <= 20);
        }
        assert!(!ids.has("0") && !ids.has(""));
        ids.add("");
        assert!(!ids.has(""));
    }
}
