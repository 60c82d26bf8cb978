//! What many subjects did lately, as readers see it: a table of fixed size that is read without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

use super::key::mixed;
use super::slots::Slots;
use super::{RecentEvent, SubjectKey};

/// The newest events of each of many subjects. It is read by any thread, without a lock and without memory of its own;
/// it is written by its one [`RecentWriter`](super::RecentWriter), which makes it.
#[derive(Debug)]
pub struct RecentTable {
    pub(super) slots: Slots,
    pub(super) ttl_ticks: u32,
    pub(super) used: AtomicU64,
    pub(super) evicted: AtomicU64,
    pub(super) reads_given_up: AtomicU64,
}

/// How full a table is, and what it could not do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableStats {
    /// Subjects that have a row, expired ones included.
    pub used: u64,
    /// Rows in all.
    pub capacity: u64,
    /// Subjects that lost their row, or did not get one, because the eight of their bucket were taken by others whose
    /// events had not expired. Counted since the start.
    pub evicted: u64,
    /// Reads that found nothing because the row was being written all the time. Counted since the start.
    pub reads_given_up: u64,
}

impl RecentTable {
    /// A table within `bytes`, of rows of `events_per_key` events (1 to 255) that count for `ttl_ticks`.
    pub(super) fn new(bytes: usize, events_per_key: usize, ttl_ticks: u32) -> Self {
        Self {
            slots: Slots::new(bytes, events_per_key),
            ttl_ticks,
            used: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            reads_given_up: AtomicU64::new(0),
        }
    }

    /// Appends the events of a subject that have not expired by `now_tick` (ticks since 1970-01-01 UTC), newest
    /// last, each once. If `out` has room for a row, no memory is taken.
    pub fn read(&self, key: SubjectKey, now_tick: u32, out: &mut Vec<RecentEvent>) {
        self.read_as(key, now_tick, out, Some);
    }

    /// [`read`](Self::read) of what was until the end of a tick.
    pub(super) fn read_until(&self, key: SubjectKey, tick: u32, now_tick: u32, out: &mut Vec<RecentEvent>) {
        self.read_as(key, now_tick, out, |event| Some(event).filter(|event| event.tick <= tick));
    }

    /// Whether there may be events of a subject, expired ones among them.
    pub(super) fn holds(&self, key: SubjectKey) -> bool {
        self.slots.find(key).is_some()
    }

    /// [`read`](Self::read), with each event made into something else, or left out.
    pub(super) fn read_as<T>(
        &self,
        key: SubjectKey,
        now_tick: u32,
        out: &mut Vec<T>,
        map: impl Fn(RecentEvent) -> Option<T>,
    ) {
        let read = self.slots.read(key, out, |word| {
            let event = RecentEvent::unpacked(word);
            if self.counts(event.tick, now_tick) { map(event) } else { None }
        });
        if !read {
            self.reads_given_up.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether an event of `tick` has not expired.
    pub(super) fn counts(&self, tick: u32, now_tick: u32) -> bool {
        tick.saturating_add(self.ttl_ticks) >= now_tick
    }

    /// The most events of a subject.
    pub fn events_per_key(&self) -> usize {
        self.slots.events()
    }

    /// How full it is, and what it could not do.
    pub fn stats(&self) -> TableStats {
        TableStats {
            used: self.used.load(Ordering::Relaxed),
            capacity: self.slots.len() as u64,
            evicted: self.evicted.load(Ordering::Relaxed),
            reads_given_up: self.reads_given_up.load(Ordering::Relaxed),
        }
    }

    /// Bytes of memory: the same from the first moment to the last.
    pub fn resident_bytes(&self) -> usize {
        self.slots.resident_bytes()
    }

    /// A number that is equal for two tables, also of two processes, if they have the same events of the same subjects
    /// that have not expired by `now_tick`. It reads the whole table; it is not for a request.
    pub fn content_digest(&self, now_tick: u32) -> u64 {
        let rows = (0..self.slots.len()).filter(|at| self.slots.place(*at) != 0);
        let digests = rows.filter_map(|at| {
            self.slots.consistently(at, |check, events| {
                let events = events.iter().map(|word| word.load(Ordering::Relaxed));
                let counting = events.filter(|word| self.counts(RecentEvent::unpacked(*word).tick, now_tick));
                // A row without events is as good as none.
                counting.fold(None, |digest, word| Some(mixed(digest.unwrap_or(mixed(check)) ^ word)))
            })
        });
        // A sum, since rows stand in another order in each process.
        digests.flatten().fold(0, u64::wrapping_add)
    }
}
