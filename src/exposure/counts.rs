//! Counts of what becomes of exposures, for whoever reads them: nothing here keeps the queue open.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::sink::{Refusal, TOO_LARGE};

/// Reasons of refused records that are counted each by itself: they come from outside, and each is a label of a metric.
const MOST_REASONS: usize = 16;

/// The reason under which those beyond that are counted together.
const OTHER: &str = "other";

/// Counts what becomes of the exposures.
#[derive(Debug, Default)]
pub struct Counters {
    written: AtomicU64,
    lost: AtomicU64,
    sinks: Vec<Arc<SinkCounts>>,
    spool: Option<Arc<SpoolCounts>>,
}

/// What became of the exposures so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Taken by the spool, or by every sink where there is no spool.
    pub written: u64,
    /// Lost because the queue was full, or the spool or a sink could not take them.
    pub lost: u64,
}

impl Counters {
    pub(super) fn new(sinks: Vec<Arc<SinkCounts>>, spool: Option<Arc<SpoolCounts>>) -> Self {
        Self { sinks, spool, ..Self::default() }
    }

    /// What became of the exposures so far.
    pub fn counts(&self) -> Counts {
        Counts { written: self.written.load(Ordering::Relaxed), lost: self.lost.load(Ordering::Relaxed) }
    }

    /// The counts of each sink.
    pub fn sinks(&self) -> &[Arc<SinkCounts>] {
        &self.sinks
    }

    /// The counts of the spool, if there is one.
    pub fn spool(&self) -> Option<&Arc<SpoolCounts>> {
        self.spool.as_ref()
    }

    pub(super) fn add_written(&self, count: u64) {
        self.written.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn add_lost(&self, count: u64) {
        self.lost.fetch_add(count, Ordering::Relaxed);
    }
}

/// What becomes of the records that one sink is given.
#[derive(Debug)]
pub struct SinkCounts {
    name: Arc<str>,
    sent: AtomicU64,
    failed: AtomicU64,
    /// Records that the sink can never take, by reason.
    refused: Mutex<BTreeMap<String, u64>>,
    /// The time of the oldest record that waits for the sink; 0 if none does.
    oldest_ms: AtomicI64,
}

impl SinkCounts {
    /// Counts of the sink of this name.
    pub fn new(name: &Arc<str>) -> Self {
        let (sent, failed, oldest_ms) = (AtomicU64::new(0), AtomicU64::new(0), AtomicI64::new(0));
        let refused = Mutex::new(BTreeMap::from([(TOO_LARGE.to_owned(), 0)]));
        Self { name: Arc::clone(name), sent, failed, refused, oldest_ms }
    }

    /// The sink's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Records that the sink has taken.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Records that the sink did not take, once for each attempt.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Records that the sink can never take and that were left out, by reason.
    pub fn refused(&self) -> Vec<(String, u64)> {
        self.refusals().iter().map(|(reason, count)| (reason.clone(), *count)).collect()
    }

    /// Milliseconds since the oldest record that waits for the sink; 0 if none does.
    pub fn lag_ms(&self, now_ms: i64) -> i64 {
        match self.oldest_ms.load(Ordering::Relaxed) {
            0 => 0,
            oldest => now_ms.saturating_sub(oldest).max(0),
        }
    }

    pub(super) fn add_sent(&self, count: u64) {
        self.sent.fetch_add(count, Ordering::Relaxed);
    }

    /// Adds failures, and says whether they are worth a line in the log: the 1st, 2nd, 4th, 8th and so on.
    pub(super) fn add_failed(&self, count: u64) -> bool {
        is_news(self.failed.fetch_add(count, Ordering::Relaxed), count)
    }

    /// Counts records that were left out, and logs the 1st, 2nd, 4th and so on of each reason.
    pub(super) fn add_refused(&self, refused: &[Refusal]) {
        for Refusal { reason, said, .. } in refused {
            let mut by_reason = self.refusals();
            let is_counted = by_reason.contains_key(reason) || by_reason.len() < MOST_REASONS;
            let count = by_reason.entry(if is_counted { reason } else { OTHER }.to_owned()).or_default();
            *count += 1;
            let total = *count;
            drop(by_reason);
            if is_news(total - 1, 1) {
                let sink = self.name();
                tracing::error!(sink, reason, said, total, "a sink can never take a record: it was left out");
            }
        }
    }

    fn refusals(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_oldest(&self, time_ms: Option<i64>) {
        self.oldest_ms.store(time_ms.unwrap_or(0), Ordering::Relaxed);
    }
}

/// Why the spool did not take or keep a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// The spool has its upper bound of bytes.
    Full,
    /// The file system has no room.
    NoSpace,
    /// The file system failed in another way.
    Io,
    /// The record is longer than a frame may be.
    TooLarge,
}

impl Dropped {
    /// All reasons.
    pub const ALL: [Self; 4] = [Self::Full, Self::NoSpace, Self::Io, Self::TooLarge];

    /// The name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::NoSpace => "no_space",
            Self::Io => "io",
            Self::TooLarge => "too_large",
        }
    }
}

/// What the spool holds and what it lost.
#[derive(Debug, Default)]
pub struct SpoolCounts {
    bytes: AtomicU64,
    dropped: [AtomicU64; Dropped::ALL.len()],
    corrupt: AtomicU64,
}

impl SpoolCounts {
    /// Bytes of all segments on disk.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Records that were dropped for this reason.
    pub fn dropped(&self, reason: Dropped) -> u64 {
        self.dropped[reason as usize].load(Ordering::Relaxed)
    }

    /// Damaged stretches of segments that were skipped, and segments that could not be read.
    pub fn corrupt(&self) -> u64 {
        self.corrupt.load(Ordering::Relaxed)
    }

    pub(super) fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Adds dropped records, and says whether they are worth a line in the log, as [`SinkCounts::add_failed`] does.
    pub(super) fn add_dropped(&self, reason: Dropped, count: u64) -> bool {
        is_news(self.dropped[reason as usize].fetch_add(count, Ordering::Relaxed), count)
    }

    pub(super) fn add_corrupt(&self) {
        self.corrupt.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether a count that grows by so much passes a power of two: a log with a line for each loss would be lost too.
fn is_news(before: u64, added: u64) -> bool {
    before.checked_ilog2() != (before + added).checked_ilog2()
}
