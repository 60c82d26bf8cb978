//! The memory of a table: buckets of eight rows of atomic words, written by one and read by all without a lock.

use std::fmt;
use std::hint::spin_loop;
use std::iter::repeat;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::SubjectKey;
use super::event::TICK_SHIFT;
use crate::machine::zeroed_atomics;

/// Rows of a bucket. Their places in one cache line are all that a look-up reads of the rows that are not its own;
/// eight keep all but a few percent of the keys at three quarters of the capacity.
pub(super) const BUCKET: usize = 8;

/// How often a reader looks again at a row that is being written, which takes less than a microsecond unless the writer
/// is interrupted. Raising it makes readers wait for that instead of going on without the row.
const ATTEMPTS: usize = 100;

// The words of a row. While it is written, the version is odd. The head is the tick of the newest event (counted as
// in the event) and, in the lower 8 bits, how many events there are. Owners are of no concern to readers.
const VERSION: usize = 0;
const CHECK: usize = 1;
const HEAD: usize = 2;
const OWNERS: usize = 3;
const EVENTS: usize = 5;

/// The most events of a row: their number has 8 bits.
pub(super) const MOST_EVENTS: usize = 255;

/// Tags of the subjects that a row belongs to as well, four in two words, ascending; 0 is none.
pub(super) type Owners = [u32; 4];

/// Rows of up to `events` events, by key. All of its addresses are taken when it is made; memory comes with use.
pub(super) struct Slots {
    /// The places of the rows, a bucket after the other: the keys' hashes, 0 where a row is free.
    places: Vec<AtomicU64>,
    words: Vec<AtomicU64>,
    events: usize,
}

impl Slots {
    /// As many buckets as `bytes` have room for.
    pub(super) fn new(bytes: usize, events: usize) -> Self {
        let events = events.clamp(1, MOST_EVENTS);
        let row = EVENTS + events;
        let rows = bytes / (BUCKET * (1 + row) * size_of::<AtomicU64>()) * BUCKET;
        Self { places: zeroed_atomics(rows), words: zeroed_atomics(rows * row), events }
    }

    /// The most events of a row.
    pub(super) fn events(&self) -> usize {
        self.events
    }

    /// Rows in all.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Bytes of memory.
    pub(super) fn resident_bytes(&self) -> usize {
        (self.places.capacity() + self.words.capacity()) * size_of::<AtomicU64>()
    }

    /// The rows that a key may be in.
    pub(super) fn bucket(&self, key: SubjectKey) -> std::ops::Range<usize> {
        // The upper half of a product spreads hashes over any number of buckets, not only over a power of two.
        let buckets = self.places.len() / BUCKET;
        let bucket = ((u128::from(key.place) * buckets as u128) >> 64) as usize;
        let end = if bucket < buckets { BUCKET } else { 0 };
        bucket * BUCKET..bucket * BUCKET + end
    }

    /// The row of a key. For a reader it may be another's by the time it is read.
    pub(super) fn find(&self, key: SubjectKey) -> Option<usize> {
        self.bucket(key).find(|at| {
            self.place(*at) == key.place && self.row(*at)[CHECK].load(Ordering::Relaxed) == key.check
        })
    }

    /// The first hash of a row's key; 0 if it is free.
    pub(super) fn place(&self, at: usize) -> u64 {
        // Acquire: a place that is seen leads to a row that is written.
        self.places[at].load(Ordering::Acquire)
    }

    /// Appends what `map` makes of the events of a key, oldest first; false if the row was being written for too long,
    /// so that nothing is appended.
    pub(super) fn read<T>(&self, key: SubjectKey, out: &mut Vec<T>, map: impl Fn(u64) -> Option<T>) -> bool {
        let Some(at) = self.find(key) else { return true };
        let start = out.len();
        // At once, so that it is not made room for in the middle of the copy.
        out.reserve(self.events);
        let read = self.consistently(at, |check, events| {
            out.truncate(start);
            // Else the row went to another key since it was found.
            if check == key.check {
                out.extend(events.iter().filter_map(|word| map(word.load(Ordering::Relaxed))));
            }
        });
        if read.is_none() {
            out.truncate(start);
        }
        read.is_some()
    }

    /// What `look` makes of a row's check and events, of which it sees one state; `None` if the row was being written
    /// for too long. `look` may be called several times, and only what the last call says counts.
    pub(super) fn consistently<T>(
        &self,
        at: usize,
        mut look: impl FnMut(u64, &[AtomicU64]) -> T,
    ) -> Option<T> {
        let row = self.row(at);
        for _ in 0..ATTEMPTS {
            let before = row[VERSION].load(Ordering::Acquire);
            if before.is_multiple_of(2) {
                let seen = look(row[CHECK].load(Ordering::Relaxed), self.kept(row));
                // Pairs with the writer's fence: whoever has seen one of its words sees its odd version, or a later
                // one. (Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012.)
                fence(Ordering::Acquire);
                if row[VERSION].load(Ordering::Relaxed) == before {
                    return Some(seen);
                }
            }
            spin_loop();
        }
        None
    }

    /// Writes a row: its key, its owners and its events in their order. Only one thread at a time may.
    pub(super) fn write(&self, at: usize, key: SubjectKey, owners: Owners, events: &[u64]) {
        let newest = events.last().map_or(0, |word| word >> TICK_SHIFT);
        let head = newest << 8 | events.len() as u64;
        self.change(at, |row| {
            row[CHECK].store(key.check, Ordering::Relaxed);
            row[HEAD].store(head, Ordering::Relaxed);
            for (word, pair) in row[OWNERS..EVENTS].iter().zip(owners.chunks_exact(2)) {
                word.store(u64::from(pair[0]) << 32 | u64::from(pair[1]), Ordering::Relaxed);
            }
            // To the end of the row: what was forgotten must not stay in memory.
            for (word, event) in row[EVENTS..].iter().zip(events.iter().copied().chain(repeat(0))) {
                word.store(event, Ordering::Relaxed);
            }
        });
        self.places[at].store(key.place, Ordering::Release);
    }

    /// Frees a row, and leaves nothing in it. Only one thread at a time may.
    pub(super) fn free(&self, at: usize) {
        self.places[at].store(0, Ordering::Release);
        self.change(at, |row| row[CHECK..].iter().for_each(|word| word.store(0, Ordering::Relaxed)));
    }

    fn change(&self, at: usize, store: impl FnOnce(&[AtomicU64])) {
        let row = self.row(at);
        // Odd whatever it was: a writer that died half way has left it odd.
        let odd = row[VERSION].load(Ordering::Relaxed) | 1;
        row[VERSION].store(odd, Ordering::Relaxed);
        fence(Ordering::Release);
        store(row);
        row[VERSION].store(odd.wrapping_add(1), Ordering::Release);
    }

    /// The key of a row. Like the functions below, for the one that writes: others may see half of a change.
    pub(super) fn key(&self, at: usize) -> SubjectKey {
        SubjectKey { place: self.place(at), check: self.row(at)[CHECK].load(Ordering::Relaxed) }
    }

    /// The tick of a row's newest event, counted as in a packed event.
    pub(super) fn newest(&self, at: usize) -> u64 {
        self.row(at)[HEAD].load(Ordering::Relaxed) >> 8
    }

    /// Replaces `events` by those of a row.
    pub(super) fn load(&self, at: usize, events: &mut Vec<u64>) {
        events.clear();
        events.extend(self.kept(self.row(at)).iter().map(|word| word.load(Ordering::Relaxed)));
    }

    /// The owners of a row.
    pub(super) fn owners(&self, at: usize) -> Owners {
        let [one, two] = [0, 1].map(|word| self.row(at)[OWNERS + word].load(Ordering::Relaxed));
        [(one >> 32) as u32, one as u32, (two >> 32) as u32, two as u32]
    }

    fn row(&self, at: usize) -> &[AtomicU64] {
        let row = EVENTS + self.events;
        &self.words[at * row..(at + 1) * row]
    }

    /// The words of a row that are events.
    fn kept<'a>(&self, row: &'a [AtomicU64]) -> &'a [AtomicU64] {
        // The bound holds for every head that was written; it is here for the reader who has none of it.
        let len = (row[HEAD].load(Ordering::Relaxed) as u8 as usize).min(self.events);
        &row[EVENTS..EVENTS + len]
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots")
            .field("rows", &self.len())
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}
