//! The bounded queue between requests and a sink: a request never waits for it, and a full queue loses the newest,
//! counted.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use super::{Exposure, Sink};

/// Upper bound on exposures handed to the sink at once; raising it makes fewer, longer writes, and loses more when one
/// fails.
const BATCH: usize = 256;

/// The queue's end for requests. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Exposures {
    queue: SyncSender<Exposure>,
    counters: Arc<Counters>,
}

/// The queue's other end: a thread that feeds the sink.
#[derive(Debug)]
pub struct Writer {
    thread: JoinHandle<()>,
}

/// Counts what becomes of the exposures. Does not keep the queue open.
#[derive(Debug, Default)]
pub struct Counters {
    written: AtomicU64,
    lost: AtomicU64,
}

/// What became of the exposures so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Taken by the sink.
    pub written: u64,
    /// Lost because the queue was full or the sink failed.
    pub lost: u64,
}

impl Counters {
    /// What became of the exposures so far.
    pub fn counts(&self) -> Counts {
        Counts { written: self.written.load(Ordering::Relaxed), lost: self.lost.load(Ordering::Relaxed) }
    }
}

impl Exposures {
    /// A queue for up to `capacity` exposures in front of `sink`.
    ///
    /// # Errors
    /// The writer's thread cannot be started.
    pub fn open(capacity: usize, sink: Box<dyn Sink>) -> io::Result<(Self, Writer)> {
        // Bounded: a sink that stalls costs exposures, which are counted, and never the memory of the server.
        let (queue, waiting) = sync_channel(capacity);
        let counters = Arc::new(Counters::default());
        let of_writer = Arc::clone(&counters);
        let work = move || write_all(&waiting, sink, &of_writer);
        let thread = thread::Builder::new().name("larder-exposures".to_owned()).spawn(work)?;
        Ok((Self { queue, counters }, Writer { thread }))
    }

    /// Hands over an exposure, or counts it as lost if the queue is full. Never waits.
    pub fn offer(&self, exposure: Exposure) {
        // The newest is lost and not the oldest: taking one out of the queue's other end would need a lock that
        // requests share.
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.queue.try_send(exposure) {
            self.counters.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts what becomes of the exposures.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }
}

impl Writer {
    /// Waits until all that was offered is written and flushed. Returns once every [`Exposures`] is dropped.
    pub fn finish(self) {
        let _ = self.thread.join();
    }
}

fn write_all(waiting: &Receiver<Exposure>, mut sink: Box<dyn Sink>, counters: &Counters) {
    let mut batch = Vec::with_capacity(BATCH);
    while let Ok(first) = waiting.recv() {
        batch.push(first);
        batch.extend(waiting.try_iter().take(BATCH - 1));
        let count = batch.len() as u64;
        // A full batch means that more are waiting: to flush each would be slower than they come.
        let is_last = batch.len() < BATCH;
        let outcome = sink.write(&batch).and_then(|()| if is_last { sink.flush() } else { Ok(()) });
        match outcome {
            Ok(()) => counters.written.fetch_add(count, Ordering::Relaxed),
            Err(error) => {
                // Not tried again: a disk that is full now is full in a millisecond, and the queue fills up behind it.
                tracing::warn!(%error, count, "exposures were lost");
                counters.lost.fetch_add(count, Ordering::Relaxed)
            }
        };
        batch.clear();
    }
    if let Err(error) = sink.flush() {
        tracing::warn!(%error, "the last exposures were lost");
    }
}
