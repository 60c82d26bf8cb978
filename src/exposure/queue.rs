//! The bounded queue between requests and a sink: a request never waits for it, and a full queue loses the newest, counted.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use super::{Exposure, Sink};

/// The most exposures handed to the sink at once.
const BATCH: usize = 256;

/// The queue's end for requests. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Exposures {
    queue: SyncSender<Exposure>,
    counts: Arc<Tally>,
}

/// The queue's other end: a thread that feeds the sink.
#[derive(Debug)]
pub struct Writer {
    thread: JoinHandle<()>,
}

/// What became of the exposures so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Taken by the sink.
    pub written: u64,
    /// Lost because the queue was full or the sink failed.
    pub lost: u64,
}

#[derive(Debug, Default)]
struct Tally {
    written: AtomicU64,
    lost: AtomicU64,
}

impl Exposures {
    /// A queue for up to `capacity` exposures in front of `sink`.
    ///
    /// # Errors
    /// The writer's thread cannot be started.
    pub fn open(capacity: usize, sink: Box<dyn Sink>) -> io::Result<(Self, Writer)> {
        let (queue, waiting) = sync_channel(capacity);
        let counts = Arc::new(Tally::default());
        let tally = Arc::clone(&counts);
        let work = move || write_all(&waiting, sink, &tally);
        let thread = thread::Builder::new().name("larder-exposures".to_owned()).spawn(work)?;
        Ok((Self { queue, counts }, Writer { thread }))
    }

    /// Hands over an exposure, or counts it as lost if the queue is full. Never waits.
    pub fn offer(&self, exposure: Exposure) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.queue.try_send(exposure) {
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What became of the exposures so far.
    pub fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts { written: read(&self.counts.written), lost: read(&self.counts.lost) }
    }
}

impl Writer {
    /// Waits until all that was offered is written and flushed. Returns once every [`Exposures`] is dropped.
    pub fn finish(self) {
        let _ = self.thread.join();
    }
}

fn write_all(waiting: &Receiver<Exposure>, mut sink: Box<dyn Sink>, counts: &Tally) {
    let mut batch = Vec::with_capacity(BATCH);
    while let Ok(first) = waiting.recv() {
        batch.push(first);
        batch.extend(waiting.try_iter().take(BATCH - 1));
        let count = batch.len() as u64;
        let outcome =
            sink.write(&batch).and_then(|()| if batch.len() < BATCH { sink.flush() } else { Ok(()) });
        match outcome {
            Ok(()) => counts.written.fetch_add(count, Ordering::Relaxed),
            Err(error) => {
                tracing::warn!(%error, count, "exposures were lost");
                counts.lost.fetch_add(count, Ordering::Relaxed)
            }
        };
        batch.clear();
    }
    if let Err(error) = sink.flush() {
        tracing::warn!(%error, "the last exposures were lost");
    }
}
