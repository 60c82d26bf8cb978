//! The bounded queue for records that are text already: events, and dead letters.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;

use super::queue::{Writer, spawn};
use super::{Counters, Outlet, Record};

/// Upper bound on the bytes that wait in memory; further records are lost and counted. Raising it bridges longer pauses
/// of the disk. A record may have a megabyte, so that their number alone bounds nothing.
const MOST_BYTES: usize = 64 << 20;

/// The queue's end for those who have something to send. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox {
    queue: SyncSender<Parcel>,
    /// Bytes that wait.
    bytes: Arc<AtomicUsize>,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Parcel {
    time_ms: i64,
    json: Vec<u8>,
}

impl Outbox {
    /// A queue for up to `capacity` records in front of `outlet`; `name` is that of its thread.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn open(name: &str, capacity: usize, outlet: Outlet) -> io::Result<(Self, Writer)> {
        let bytes: Arc<AtomicUsize> = Arc::default();
        let waiting = Arc::clone(&bytes);
        let (queue, counters, writer) = spawn(name, capacity, outlet, move |batch, parcel: Parcel| {
            waiting.fetch_sub(parcel.json.len(), Ordering::Relaxed);
            batch.push(Record { time_ms: parcel.time_ms, bytes: &parcel.json });
            true
        })?;
        Ok((Self { queue, bytes, counters }, writer))
    }

    /// Hands over one JSON object without a line break that goes out under this time, or counts it as lost if too much
    /// waits. Never waits.
    pub fn offer(&self, time_ms: i64, json: Vec<u8>) {
        let len = json.len();
        let before = self.bytes.fetch_add(len, Ordering::Relaxed);
        if before + len > MOST_BYTES || self.queue.try_send(Parcel { time_ms, json }).is_err() {
            self.bytes.fetch_sub(len, Ordering::Relaxed);
            self.counters.add_lost(1);
        }
    }

    /// Counts what becomes of the records.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }
}
