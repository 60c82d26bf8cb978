//! How users were found in tables that are read by shard.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts lookups in the tables that hold it; shared by the tables of one snapshot and of those that follow it, so that
/// the counts only rise.
#[derive(Debug, Default)]
pub struct UserCounters {
    hits: AtomicU64,
    misses: AtomicU64,
    unknown: AtomicU64,
    late: AtomicU64,
    failed: AtomicU64,
}

/// What [`UserCounters`] have counted so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserCounts {
    /// The user's shard was in memory.
    pub hits: u64,
    /// It had to be read.
    pub misses: u64,
    /// No shard has the user, which was known without looking.
    pub unknown: u64,
    /// It was not there when the answer could not wait any longer.
    pub late: u64,
    /// Shards that could not be read.
    pub failed: u64,
}

impl UserCounters {
    /// The counts so far.
    pub fn now(&self) -> UserCounts {
        // Relaxed: the counts are read for people, who do not compare them to the last one.
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        UserCounts {
            hits: read(&self.hits),
            misses: read(&self.misses),
            unknown: read(&self.unknown),
            late: read(&self.late),
            failed: read(&self.failed),
        }
    }

    pub(super) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn unknown(&self) {
        self.unknown.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a shard that could not be read, and says which failure it was, from 1.
    pub(super) fn failed(&self) -> u64 {
        self.failed.fetch_add(1, Ordering::Relaxed) + 1
    }
}
