//! How much of a table may be decoded at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes that pages and batches of one table may take together, in all threads that read it.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    limit: u64,
    held: AtomicU64,
}

/// More was to be held than there is room for.
#[derive(Debug)]
pub(super) struct Full {
    /// What would be held.
    pub(super) bytes: u64,
    pub(super) limit: u64,
}

impl Room {
    pub(super) fn new(limit: u64) -> Self {
        Self(Arc::new(Counts { limit, held: AtomicU64::new(0) }))
    }

    /// A part of it that holds nothing yet.
    pub(super) fn part(&self) -> Held {
        Held { room: self.clone(), bytes: 0 }
    }
}

/// What one reader holds; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    room: Room,
    bytes: u64,
}

impl Held {
    /// From now on so many bytes are held.
    pub(super) fn set(&mut self, bytes: u64) -> Result<(), Full> {
        let counts = &self.room.0;
        // Others may add between the two: what is refused then is over the limit all the same.
        counts.held.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
        let all = counts.held.load(Ordering::Relaxed).saturating_add(bytes);
        if all > counts.limit {
            return Err(Full { bytes: all, limit: counts.limit });
        }
        counts.held.fetch_add(bytes, Ordering::Relaxed);
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.0.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
