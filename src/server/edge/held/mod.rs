//! What clients make the server hold, in bytes: answers that they have not read, requests that they have not finished.
//!
//! Every connection has a [`Share`] of a [`Budget`] that all connections of the API have together. What is over either
//! is refused: a new request before it is computed, a body that grows while it is read.

mod answer;
mod exchange;
mod streams;
mod upload;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) use answer::Answer;
pub(crate) use exchange::Exchange;
pub(crate) use streams::{Answering, Streams};
pub(crate) use upload::{NoRoom, Upload};

/// Bytes that a connection may hold while others have nearly all: with them, those who hold little are served while a
/// few hold as much as they can get. Raising it lets more of them into the last quarter.
const LITTLE: usize = 64 << 10;

/// A bound on bytes, for all connections together.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    held: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit: usize::try_from(limit).unwrap_or(usize::MAX), held: AtomicUsize::new(0) })
    }

    /// Bytes held now.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// The most that all may hold when one who holds `own` of it asks for more. The last quarter is for those who hold
    /// little.
    fn ceiling(&self, own: usize) -> usize {
        if own <= LITTLE { self.limit } else { self.limit - self.limit / 4 }
    }
}

/// What one connection holds of a budget.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    limit: usize,
    held: AtomicUsize,
}

impl Share {
    pub(crate) fn new(budget: Arc<Budget>, limit: u64) -> Self {
        // No more than one that holds much may have of the sum.
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(budget.ceiling(usize::MAX));
        Self { budget, limit, held: AtomicUsize::new(0) }
    }

    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// The most that the connection may hold.
    fn limit(&self) -> usize {
        self.limit
    }

    /// Whether anything more may be held.
    fn has_room(&self) -> bool {
        let own = self.held();
        own < self.limit && self.budget.held() < self.budget.ceiling(own)
    }

    /// Whether the connection holds more than a little.
    fn is_much(&self) -> bool {
        self.held() > LITTLE
    }

    /// Whether all of them hold more than half of what they may: time to be strict.
    pub(crate) fn is_tight(&self) -> bool {
        self.budget.held() > self.budget.limit / 2
    }

    /// Takes bytes if there is room for them.
    fn try_take(&self, bytes: usize) -> bool {
        self.take(bytes);
        let fits = self.is_within_bounds();
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    /// Whether what is held is no more than may be.
    pub(crate) fn is_within_bounds(&self) -> bool {
        let own = self.held();
        own <= self.limit && self.budget.held() <= self.budget.ceiling(own)
    }

    /// Takes bytes that are there already, room or not.
    pub(crate) fn take(&self, bytes: usize) {
        self.held.fetch_add(bytes, Ordering::Relaxed);
        self.budget.held.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.budget.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_quarter_is_for_those_who_hold_little() {
        let budget = Budget::new(400 * LITTLE as u64);
        let greedy = Share::new(Arc::clone(&budget), u64::MAX);
        let mut taken = 0;
        while greedy.try_take(LITTLE) {
            taken += 1;
        }
        assert_eq!(taken, 300, "a greedy connection gets three quarters");
        assert!(!greedy.has_room());
        let modest: Vec<Share> = (0..101)
            .map(|_| Share::new(Arc::clone(&budget), u64::MAX))
            .filter(|s| s.try_take(LITTLE))
            .collect();
        assert_eq!(modest.len(), 100, "and the others the rest, up to the limit");
        assert_eq!(budget.held(), 400 * LITTLE, "a refusal takes nothing");
        modest[0].give_back(LITTLE);
        assert!(modest[0].has_room());
    }

    #[test]
    fn a_connection_has_a_limit_of_its_own() {
        let share = Share::new(Budget::new(1000), 10);
        assert_eq!(Share::new(Budget::new(1000), 1000).limit(), 750, "what nobody could hold is no limit");
        assert!(share.try_take(10));
        assert!(!share.has_room());
        assert!(!share.try_take(1));
        assert_eq!(share.held(), 10);
    }
}
