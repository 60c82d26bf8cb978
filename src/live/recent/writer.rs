//! The one that writes a table.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::event::TICK_SHIFT;
use super::slots::{MOST_EVENTS, Owners};
use super::table::RecentTable;
use super::{RecentEvent, SubjectKey};

/// Makes and changes a table. There is one for each table, and its functions take it exclusively: that is why readers
/// need no lock.
///
/// What is kept of a subject is the newest N of all events it ever had, by tick, item and kind, each once. So any
/// order of the same events, with any of them repeated, ends in the same content, unless a whole row was evicted.
#[derive(Debug)]
pub struct RecentWriter {
    table: Arc<RecentTable>,
    row: Vec<u64>,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recorded {
    /// Not kept: its tick is before [`RecentEvent::FIRST_TICK`] or after [`RecentEvent::LAST_TICK`].
    OutOfRange,
    /// Not kept: it is older than the table's time to live.
    Expired,
    /// Not kept: the bucket is full of subjects with newer events.
    NoRoom,
    /// Not kept: the subject's row is full of newer events.
    Older,
    /// Kept already.
    Duplicate,
    /// Kept.
    Added,
}

impl RecentWriter {
    /// Makes a table that takes at most `bytes`, all at once, for rows of `events_per_key` events (1 to 255; others
    /// are brought into that range). Events count for `ttl_ticks`.
    pub fn new(bytes: usize, events_per_key: usize, ttl_ticks: u32) -> Self {
        let table = Arc::new(RecentTable::new(bytes, events_per_key, ttl_ticks));
        // One more than a row.
        Self { table, row: Vec::with_capacity(MOST_EVENTS + 1) }
    }

    /// The table, for readers.
    pub fn table(&self) -> &Arc<RecentTable> {
        &self.table
    }

    /// Adds an event of a subject, at its place in time.
    pub fn record(&mut self, key: SubjectKey, event: RecentEvent, now_tick: u32) -> Recorded {
        self.record_owned(key, &[], event, now_tick)
    }

    /// [`record`](Self::record), and notes whom the row belongs to as well: see [`forget_owned`](Self::forget_owned).
    pub(super) fn record_owned(
        &mut self,
        key: SubjectKey,
        owners: &[u32],
        event: RecentEvent,
        now_tick: u32,
    ) -> Recorded {
        let Some(word) = event.packed() else { return Recorded::OutOfRange };
        if !self.table.counts(event.tick, now_tick) {
            return Recorded::Expired;
        }
        let Some(at) = self.open(key, word, now_tick) else { return Recorded::NoRoom };
        let recorded = match self.row.binary_search(&word) {
            Ok(_) => Recorded::Duplicate,
            Err(0) if self.row.len() == self.table.slots.events() => Recorded::Older,
            Err(place) => {
                self.row.insert(place, word);
                Recorded::Added
            }
        };
        let before = self.table.slots.owners(at);
        let owners = owners.iter().fold(before, |all, tag| with_owner(all, *tag));
        if recorded == Recorded::Added || owners != before {
            self.write(at, key, owners);
        }
        recorded
    }

    /// Forgets what a subject did until the end of `tick`; `u32::MAX` is everything.
    pub fn forget_until(&mut self, key: SubjectKey, tick: u32) {
        if let Some(at) = self.table.slots.find(key) {
            self.forget_row(at, tick);
        }
    }

    /// Forgets everything that a subject did.
    pub fn forget(&mut self, key: SubjectKey) {
        self.forget_until(key, u32::MAX);
    }

    /// Forgets what was done until the end of `tick` in rows that belong to the owner with this tag as well, and
    /// hands out the keys of these rows. It looks at every row of the table, which takes milliseconds.
    pub(super) fn forget_owned(&mut self, tag: u32, tick: u32, mut each: impl FnMut(SubjectKey)) {
        for at in 0..self.table.slots.len() {
            if self.table.slots.place(at) != 0 && self.table.slots.owners(at).contains(&tag) {
                each(self.table.slots.key(at));
                self.forget_row(at, tick);
            }
        }
    }

    /// Writes a whole row in one go, as readers are to see it or not at all.
    #[cfg(test)]
    pub(super) fn write_whole(
        &mut self,
        key: SubjectKey,
        events: impl IntoIterator<Item = RecentEvent>,
        now_tick: u32,
    ) {
        let words: std::collections::BTreeSet<u64> =
            events.into_iter().filter_map(RecentEvent::packed).collect();
        let Some(at) = words.last().and_then(|newest| self.open(key, *newest, now_tick)) else { return };
        self.row.clear();
        self.row.extend(words);
        self.write(at, key, Owners::default());
    }

    /// The row of a key, its events in `self.row`. Where it has none, one is freed: a free one, else the one whose
    /// newest event is oldest, which is an expired one if there is any. `None` if the key's own newest event, `word`,
    /// is older than those of all rows in its bucket.
    fn open(&mut self, key: SubjectKey, word: u64, now_tick: u32) -> Option<usize> {
        let slots = &self.table.slots;
        if let Some(at) = slots.find(key) {
            slots.load(at, &mut self.row);
            return Some(at);
        }
        self.row.clear();
        let rows = || slots.bucket(key);
        let free = rows().find(|at| slots.place(*at) == 0);
        if free.is_some() {
            return free;
        }
        let Some(oldest) = rows().min_by_key(|at| slots.newest(*at)) else {
            self.table.evicted.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let newest = slots.newest(oldest);
        if self.table.counts(RecentEvent::unpacked(newest << TICK_SHIFT).tick, now_tick) {
            // One of the two is lost.
            self.table.evicted.fetch_add(1, Ordering::Relaxed);
            if newest > word >> TICK_SHIFT {
                return None;
            }
        }
        slots.free(oldest);
        self.table.used.fetch_sub(1, Ordering::Relaxed);
        Some(oldest)
    }

    /// Writes the newest of `self.row`.
    fn write(&mut self, at: usize, key: SubjectKey, owners: Owners) {
        let slots = &self.table.slots;
        if slots.place(at) == 0 {
            self.table.used.fetch_add(1, Ordering::Relaxed);
        }
        let first = self.row.len().saturating_sub(slots.events());
        slots.write(at, key, owners, &self.row[first..]);
    }

    fn forget_row(&mut self, at: usize, tick: u32) {
        let slots = &self.table.slots;
        slots.load(at, &mut self.row);
        self.row.retain(|word| RecentEvent::unpacked(*word).tick > tick);
        if self.row.is_empty() {
            slots.free(at);
            self.table.used.fetch_sub(1, Ordering::Relaxed);
        } else {
            slots.write(at, slots.key(at), slots.owners(at), &self.row);
        }
    }
}

/// The owners with one more, ascending. Of more than four the greatest stay, whatever order they came in.
fn with_owner(mut owners: Owners, tag: u32) -> Owners {
    if !owners.contains(&tag) && tag > owners[0] {
        owners[0] = tag;
        owners.sort_unstable();
    }
    owners
}
