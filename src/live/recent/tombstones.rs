//! Who was forgotten, and until when, so that events that are read again do not bring them back.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use super::SubjectKey;
use crate::machine::large_vec;

/// Forgotten subjects, each with the tick to whose end it is forgotten, in memory of fixed size. It is read without a
/// lock; only one thread at a time may write.
///
/// An entry goes only when a caller says that events from before a time can no longer be read again. Until then there
/// may be no room for another, which is refused and counted.
pub(super) struct Tombstones {
    entries: Vec<Entry>,
    /// Odd while entries are moved.
    version: AtomicU64,
    used: AtomicU64,
    refused: AtomicU64,
}

/// An open place where `place` is 0. Entries stand where their hash says or, as others did before, in the next free
/// place behind. The keyed hash of 64 bits stands for the subject: that it is another's too would only mean that one is
/// forgotten who did not ask for it, once in some hundred billion years.
#[derive(Debug, Default)]
struct Entry {
    place: AtomicU64,
    tick: AtomicU32,
}

/// What came of noting a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noted {
    /// It was not known, or not until so late.
    New,
    /// It was known.
    Known,
    /// There is no room for it.
    NoRoom,
}

/// How many subjects are known to be forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TombstoneStats {
    /// Entries.
    pub used: u64,
    /// The most entries.
    pub capacity: u64,
    /// Entries that there was no room for. Counted since the start.
    pub refused: u64,
}

impl Tombstones {
    /// Room for as many entries as `bytes` hold at half load, where looking for one takes two steps.
    pub(super) fn new(bytes: usize) -> Self {
        let count = bytes / size_of::<Entry>();
        let mut entries = large_vec(count);
        entries.resize_with(count, Entry::default);
        let [version, used, refused] = [(); 3].map(|()| AtomicU64::new(0));
        Self { entries, version, used, refused }
    }

    /// The tick to whose end a subject is forgotten. If entries are just being moved, the answer may be any: then it
    /// is that the subject is forgotten for good, which harms nobody for a moment.
    pub(super) fn until(&self, key: SubjectKey) -> Option<u32> {
        let before = self.version.load(Ordering::Acquire);
        let found = self.find(key.place).ok().map(|at| self.entries[at].tick.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        let unmoved = before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before;
        if unmoved { found } else { Some(u32::MAX) }
    }

    /// Notes that a subject is forgotten until the end of `tick`, or longer if that is known.
    pub(super) fn note(&self, place: u64, tick: u32) -> Noted {
        match self.find(place) {
            Ok(at) => {
                let known = self.entries[at].tick.fetch_max(tick, Ordering::Relaxed);
                if known >= tick { Noted::Known } else { Noted::New }
            }
            Err(Some(free)) if self.used.load(Ordering::Relaxed) < self.capacity() => {
                let entry = &self.entries[free];
                entry.tick.store(tick, Ordering::Relaxed);
                // Last: whoever finds the place finds the rest.
                entry.place.store(place, Ordering::Release);
                self.used.fetch_add(1, Ordering::Relaxed);
                Noted::New
            }
            Err(_) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Noted::NoRoom
            }
        }
    }

    /// Drops the entries of before `tick`: no event from before it will be read again.
    pub(super) fn drop_before(&self, tick: u32) {
        // While entries are moved, every subject passes for a forgotten one: not for nothing.
        if !self.all().any(|(_, until)| until < tick) {
            return;
        }
        let odd = self.version.load(Ordering::Relaxed) | 1;
        self.version.store(odd, Ordering::Relaxed);
        fence(Ordering::Release);
        for at in 0..self.entries.len() {
            // Again and again: another entry moves into the place of the dropped one.
            while self.is_used(at) && self.entries[at].tick.load(Ordering::Relaxed) < tick {
                self.remove(at);
            }
        }
        self.version.store(odd.wrapping_add(1), Ordering::Release);
    }

    pub(super) fn stats(&self) -> TombstoneStats {
        let [used, refused] = [&self.used, &self.refused].map(|count| count.load(Ordering::Relaxed));
        TombstoneStats { used, capacity: self.capacity(), refused }
    }

    pub(super) fn resident_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    fn capacity(&self) -> u64 {
        self.entries.len() as u64 / 2
    }

    /// All entries: places and ticks. For the one that writes.
    pub(super) fn all(&self) -> impl Iterator<Item = (u64, u32)> {
        let read = |entry: &Entry| (entry.place.load(Ordering::Relaxed), entry.tick.load(Ordering::Relaxed));
        self.entries.iter().map(read).filter(|(place, _)| *place != 0)
    }

    /// The entry of a place, else the free one that it would take.
    fn find(&self, place: u64) -> Result<usize, Option<usize>> {
        let home = self.home(place);
        for at in (home..self.entries.len()).chain(0..home) {
            let entry = &self.entries[at];
            match entry.place.load(Ordering::Acquire) {
                0 => return Err(Some(at)),
                found if found == place => return Ok(at),
                _ => {}
            }
        }
        Err(None)
    }

    /// Frees an entry and moves those behind it up, so that none stands behind a free place that it should be before
    /// (Knuth, "The Art of Computer Programming", volume 3, section 6.4, algorithm R).
    fn remove(&self, mut hole: usize) {
        let count = self.entries.len();
        let mut at = hole;
        loop {
            at = (at + 1) % count;
            if at == hole || !self.is_used(at) {
                break;
            }
            let home = self.home(self.entries[at].place.load(Ordering::Relaxed));
            // How far each is behind the entry's home, around the end.
            if (at + count - home) % count >= (at + count - hole) % count {
                self.copy(at, hole);
                hole = at;
            }
        }
        self.entries[hole].place.store(0, Ordering::Release);
        self.used.fetch_sub(1, Ordering::Relaxed);
    }

    fn copy(&self, from: usize, to: usize) {
        let [from, to] = [&self.entries[from], &self.entries[to]];
        to.tick.store(from.tick.load(Ordering::Relaxed), Ordering::Relaxed);
        to.place.store(from.place.load(Ordering::Relaxed), Ordering::Release);
    }

    fn is_used(&self, at: usize) -> bool {
        self.entries[at].place.load(Ordering::Relaxed) != 0
    }

    fn home(&self, place: u64) -> usize {
        ((u128::from(place) * self.entries.len() as u128) >> 64) as usize
    }
}

impl fmt::Debug for Tombstones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tombstones").field(&self.stats()).finish()
    }
}
