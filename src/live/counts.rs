//! What became of events, counted for metrics. Written by those who read and apply them, never by a request for a
//! slate.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::Histogram;

/// Types of events that are counted under their own names; others are counted together. A producer that makes up types
/// must not make up time series.
const TYPES: [&str; 16] = [
    "item.changed",
    "item.listed",
    "item.delisted",
    "user.forgotten",
    "snapshot.published",
    "view",
    "click",
    "add_to_cart",
    "remove_from_cart",
    "purchase",
    "like",
    "dislike",
    "rating",
    "search",
    "impression",
    "exposure",
];
const OTHER: &str = "other";

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fate {
    /// It is in the state.
    Applied,
    /// Something newer about the same thing was known.
    Stale,
    /// It was recorded here before, and came back.
    Duplicate,
    /// No mapping of its source matched it.
    Unmatched,
    /// It could not be used, and was kept with the reason.
    Dead,
}

impl Fate {
    /// The name that metrics have for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Fate::Applied => "applied",
            Fate::Stale => "stale",
            Fate::Duplicate => "duplicate",
            Fate::Unmatched => "unmatched",
            Fate::Dead => "dead",
        }
    }
}

/// How many events of a source and a type had a fate.
pub type FateCounts = BTreeMap<(Arc<str>, &'static str, Fate), u64>;

/// By source and partition.
pub type ByPartition<T> = BTreeMap<(Arc<str>, Arc<str>), T>;

/// How far a partition is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// Records that are there and not read yet; `None` where nobody tells.
    pub records: Option<i64>,
    /// All that was there at this moment is read, in milliseconds since 1970.
    pub until_ms: i64,
}

/// Counts of events.
#[derive(Debug, Default)]
pub struct EventCounts {
    fates: Mutex<FateCounts>,
    dead: Mutex<BTreeMap<(Arc<str>, &'static str), u64>>,
    /// How far each partition of a source is read.
    reads: Mutex<ByPartition<Read>>,
    /// The time of which a partition had nothing any more, in milliseconds since 1970: from, until.
    gaps: Mutex<ByPartition<(i64, i64)>>,
    throttled: Mutex<BTreeMap<Arc<str>, u64>>,
    /// From the arrival of an event to the epoch that it is in.
    pub apply: Histogram,
    /// From the time that an event happened to the epoch that it is in.
    pub end_to_end: Histogram,
}

impl EventCounts {
    /// Counts what became of an event of this source and type.
    pub fn add(&self, source: &Arc<str>, event_type: &str, fate: Fate) {
        let known = TYPES.iter().find(|known| **known == event_type).copied();
        *lock(&self.fates).entry((Arc::clone(source), known.unwrap_or(OTHER), fate)).or_default() += 1;
    }

    /// Counts a dead letter of this source by its reason, one of a few; says how many there are by now.
    pub fn add_dead(&self, source: &Arc<str>, reason: &'static str) -> u64 {
        let mut dead = lock(&self.dead);
        let count = dead.entry((Arc::clone(source), reason)).or_default();
        *count += 1;
        *count
    }

    /// Notes how far a partition is read. `until_ms`: all that was there then is read; `None`: as before.
    pub fn set_read(&self, source: &Arc<str>, partition: &Arc<str>, records: i64, until_ms: Option<i64>) {
        let mut reads = lock(&self.reads);
        let key = (Arc::clone(source), Arc::clone(partition));
        let records = Some(records);
        match (reads.get_mut(&key), until_ms) {
            (Some(read), until_ms) => {
                *read = Read { records, until_ms: until_ms.unwrap_or(read.until_ms) };
            }
            (None, Some(until_ms)) => {
                reads.insert(key, Read { records, until_ms });
            }
            (None, None) => {}
        }
    }

    /// Notes until when all of a partition is read, where nobody tells how many records are left.
    pub fn set_read_until(&self, source: &Arc<str>, partition: &Arc<str>, until_ms: i64) {
        let key = (Arc::clone(source), Arc::clone(partition));
        lock(&self.reads).insert(key, Read { records: None, until_ms });
    }

    /// Notes that a partition is read to its end, and nothing comes after it.
    pub fn set_ended(&self, source: &Arc<str>, partition: &Arc<str>) {
        lock(&self.reads).remove(&(Arc::clone(source), Arc::clone(partition)));
    }

    /// Counts that a source was asked less often, as it said that it was asked too often.
    pub fn add_throttled(&self, source: &Arc<str>) {
        *lock(&self.throttled).entry(Arc::clone(source)).or_default() += 1;
    }

    /// How often each source said that it was asked too often.
    pub fn throttled(&self) -> BTreeMap<Arc<str>, u64> {
        lock(&self.throttled).clone()
    }

    /// How far each partition is read.
    pub fn reads(&self) -> ByPartition<Read> {
        lock(&self.reads).clone()
    }

    /// Notes that a partition has nothing any more of a time, in milliseconds since 1970, that was wanted.
    pub fn set_gap(&self, source: &Arc<str>, partition: &Arc<str>, from_ms: i64, until_ms: i64) {
        lock(&self.gaps).insert((Arc::clone(source), Arc::clone(partition)), (from_ms, until_ms));
    }

    /// Those times by source and partition.
    pub fn gaps(&self) -> ByPartition<(i64, i64)> {
        lock(&self.gaps).clone()
    }

    /// The counts by source, type and fate.
    pub fn fates(&self) -> FateCounts {
        lock(&self.fates).clone()
    }

    /// The dead letters by source and reason.
    pub fn dead(&self) -> BTreeMap<(Arc<str>, &'static str), u64> {
        lock(&self.dead).clone()
    }
}

fn lock<T>(counts: &Mutex<T>) -> MutexGuard<'_, T> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
