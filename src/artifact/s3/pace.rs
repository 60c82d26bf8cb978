//! How fast an answer must come at least. A server that sends a few bytes now and then would hold up whoever waits for
//! all of them, for days, and no time-out of a single read would notice.

use std::time::Duration;

use tokio::time::Instant;

/// The time in which an answer must bring what the floor asks for. Raising it forgives longer breaks, and notices a
/// stalled server later.
const WINDOW: Duration = Duration::from_secs(10);

/// The pace of one answer.
#[derive(Debug)]
pub(super) struct Pace {
    /// Bytes that each window must bring.
    quota: u64,
    begun: Instant,
    bytes: u64,
}

impl Pace {
    /// For an answer of at least `floor` bytes a second.
    pub(super) fn new(floor: u64) -> Self {
        Self { quota: floor.saturating_mul(WINDOW.as_secs()), begun: Instant::now(), bytes: 0 }
    }

    /// When the answer is too slow if nothing comes until then.
    pub(super) fn deadline(&self) -> Instant {
        self.begun + WINDOW
    }

    /// Counts bytes that came.
    pub(super) fn count(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        if self.bytes >= self.quota {
            (self.begun, self.bytes) = (Instant::now(), 0);
        }
    }

    /// Bytes a second of late.
    pub(super) fn rate(&self) -> u64 {
        self.bytes / WINDOW.as_secs()
    }
}
