//! Which visitors were seen with which users, so that what somebody did before signing in is the user's as well.
//!
//! Nothing is copied from one to the other: a reader of the user reads the visitor's rows too. So the content does not
//! depend on which came first, and whoever is forgotten leaves no copies.

use super::SubjectKey;
use super::event::TICK_SHIFT;
use super::key::mixed;
use super::slots::Slots;

/// Upper bound on the visitors of a user, and on the users of a visitor; those seen last stay. Each takes more reads of
/// a request.
pub(super) const MOST: usize = 4;

/// Words of a link: place and check of the other one, and the tick in the bits where an event has it.
const WORDS: usize = 3;

/// Two subjects were seen together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    /// The other one.
    pub(super) key: SubjectKey,
    /// When they were last seen together.
    pub(super) tick: u32,
}

/// The links of a subject.
pub(super) type Linked = [Option<Link>; MOST];

/// The links of users and of visitors, each from both ends, in memory of fixed size. It is read without a lock; only
/// one thread at a time may write.
#[derive(Debug)]
pub(super) struct Links {
    slots: Slots,
    ttl_ticks: u32,
}

impl Links {
    /// A table within `bytes`, whose links count for `ttl_ticks`.
    pub(super) fn new(bytes: usize, ttl_ticks: u32) -> Self {
        Self { slots: Slots::new(bytes, MOST * WORDS), ttl_ticks }
    }

    /// The links of a subject that have not expired by `now_tick`.
    pub(super) fn of(&self, key: SubjectKey, now_tick: u32) -> Linked {
        let mut linked = Linked::default();
        let Some(at) = self.slots.find(key) else { return linked };
        let read = self.slots.consistently(at, |check, words| {
            linked = Linked::default();
            if check != key.check {
                return;
            }
            let word = |word: &std::sync::atomic::AtomicU64| word.load(std::sync::atomic::Ordering::Relaxed);
            for (place, words) in linked.iter_mut().zip(words.chunks_exact(WORDS)) {
                let [other, check, tick] = [&words[0], &words[1], &words[2]].map(word);
                let link =
                    Link { key: SubjectKey { place: other, check }, tick: (tick >> TICK_SHIFT) as u32 };
                *place = Some(link).filter(|link| self.counts(link.tick, now_tick));
            }
        });
        if read.is_some() { linked } else { Linked::default() }
    }

    /// Notes, at both ends, that two were seen together.
    pub(super) fn note(&self, one: SubjectKey, other: SubjectKey, tick: u32, now_tick: u32) {
        if self.counts(tick, now_tick) {
            self.add(one, Link { key: other, tick }, now_tick);
            self.add(other, Link { key: one, tick }, now_tick);
        }
    }

    /// Forgets, at both ends, with whom a subject was seen until the end of `tick`.
    pub(super) fn forget_until(&self, key: SubjectKey, tick: u32) {
        for link in self.of(key, 0).into_iter().flatten().filter(|link| link.tick <= tick) {
            self.remove(key, link.key);
            self.remove(link.key, key);
        }
    }

    pub(super) fn resident_bytes(&self) -> usize {
        self.slots.resident_bytes()
    }

    /// A number that is equal for two tables, also of two processes, that have the same links.
    pub(super) fn content_digest(&self, now_tick: u32) -> u64 {
        let keys = (0..self.slots.len()).filter(|at| self.slots.place(*at) != 0).map(|at| self.slots.key(at));
        let rows = keys.map(|key| {
            let links = self.of(key, now_tick).into_iter().flatten();
            links.map(|link| mixed(key.check ^ mixed(link.key.check ^ u64::from(link.tick)))).fold(0, sum)
        });
        rows.fold(0, sum)
    }

    fn counts(&self, tick: u32, now_tick: u32) -> bool {
        tick.saturating_add(self.ttl_ticks) >= now_tick
    }

    fn add(&self, key: SubjectKey, link: Link, now_tick: u32) {
        let mut links: Vec<Link> = self.of(key, 0).into_iter().flatten().collect();
        match links.iter_mut().find(|known| known.key == link.key) {
            Some(known) if known.tick >= link.tick => return,
            Some(known) => known.tick = link.tick,
            None => links.push(link),
        }
        // By what is the same in every process, so that replicas keep the same of several with one tick.
        links.sort_unstable_by_key(|link| (link.tick, link.key.check));
        let first = links.len().saturating_sub(MOST);
        if let Some(at) = self.slots.find(key).or_else(|| self.room(key, link.tick, now_tick)) {
            self.write(at, key, &links[first..]);
        }
    }

    fn remove(&self, key: SubjectKey, other: SubjectKey) {
        let Some(at) = self.slots.find(key) else { return };
        let links: Vec<Link> =
            self.of(key, 0).into_iter().flatten().filter(|link| link.key != other).collect();
        if links.is_empty() { self.slots.free(at) } else { self.write(at, key, &links) }
    }

    /// A row that is free or whose links are older; that of the oldest gives way.
    fn room(&self, key: SubjectKey, tick: u32, now_tick: u32) -> Option<usize> {
        let rows = || self.slots.bucket(key);
        if let Some(free) = rows().find(|at| self.slots.place(*at) == 0) {
            return Some(free);
        }
        let oldest = rows().min_by_key(|at| self.slots.newest(*at))?;
        let newest = self.slots.newest(oldest) as u32;
        if self.counts(newest, now_tick) && newest > tick {
            return None;
        }
        self.slots.free(oldest);
        Some(oldest)
    }

    fn write(&self, at: usize, key: SubjectKey, links: &[Link]) {
        let mut words = [0; MOST * WORDS];
        for (words, link) in words.chunks_exact_mut(WORDS).zip(links) {
            words.copy_from_slice(&[link.key.place, link.key.check, u64::from(link.tick) << TICK_SHIFT]);
        }
        self.slots.write(at, key, Default::default(), &words[..links.len() * WORDS]);
    }
}

fn sum(one: u64, other: u64) -> u64 {
    one.wrapping_add(other)
}
