//! The bounded queue between requests and what exposures go out by: a request never waits for it, and a full queue
//! loses the newest, counted.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Serialize;

use super::{Batch, Counters, Exposure, Origin, Outlet};

/// Upper bound on exposures handed on at once; raising it makes fewer, longer writes, and loses more when one fails.
const BATCH: usize = 256;

/// The longest that a shutdown waits for sinks once everything is in the spool: what deliverers are given, and some
/// time for a call that is under way. Raising it makes a stop slower where a sink hangs.
const LONGEST_FINISH: Duration = Duration::from_secs(8);

/// The queue's end for requests. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Exposures {
    queue: SyncSender<Offered>,
    /// Exposures offered so far; the number of the last one.
    offered: Arc<AtomicU64>,
    counters: Arc<Counters>,
}

/// The queue's other end: the thread that empties it, and those that deliver from the spool.
#[derive(Debug)]
pub struct Writer {
    thread: JoinHandle<()>,
    /// Disconnected when all that deliver from the spool have ended.
    delivered: Receiver<()>,
}

#[derive(Debug)]
struct Offered {
    seq: u64,
    exposure: Exposure,
}

/// An exposure as it is written.
#[derive(Serialize)]
struct Line<'a> {
    replica: &'a str,
    boot: &'a str,
    seq: u64,
    #[serde(flatten)]
    exposure: &'a Exposure,
}

impl Exposures {
    /// A queue for up to `capacity` exposures in front of `outlet`.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn open(capacity: usize, origin: Origin, outlet: Outlet) -> io::Result<(Self, Writer)> {
        let put = move |batch: &mut Batch, Offered { seq, exposure }: Offered| {
            let line = Line { replica: &origin.replica, boot: &origin.boot, seq, exposure: &exposure };
            // Texts and numbers can always be written; if that ever changes, the gap in the numbers shows it.
            batch.push_json(exposure.time_ms, &line).is_ok()
        };
        let (queue, counters, writer) = spawn("larder-exposures", capacity, outlet, put)?;
        Ok((Self { queue, offered: Arc::default(), counters }, writer))
    }

    /// Hands over an exposure, or counts it as lost if the queue is full. Never waits.
    ///
    /// Either way it takes the next number of this process: whatever is lost, here or later, is a gap that a query
    /// over the numbers finds.
    pub fn offer(&self, exposure: Exposure) {
        let seq = self.offered.fetch_add(1, Ordering::Relaxed) + 1;
        // The newest is lost and not the oldest: taking one out of the queue's other end would need a lock that
        // requests share.
        if self.queue.try_send(Offered { seq, exposure }).is_err() {
            self.counters.add_lost(1);
        }
    }

    /// Counts what becomes of the exposures.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }
}

impl Writer {
    /// Waits until all that was offered is written and flushed, and for some seconds until what is in the spool is
    /// delivered; the rest stays for the next start. Returns once every [`Exposures`] is dropped.
    pub fn finish(self) {
        let _ = self.thread.join();
        // A sink that hangs must not hold up a shutdown: its records are safe where they are.
        if let Err(RecvTimeoutError::Timeout) = self.delivered.recv_timeout(LONGEST_FINISH) {
            tracing::warn!("a sink is still busy; what it has not confirmed stays in the spool");
        }
    }
}

/// Starts the thread between a queue of this capacity and `outlet`. `put` adds what is taken out of the queue to a
/// batch; where it cannot, it says false.
pub(super) fn spawn<T: Send + 'static>(
    name: &str,
    capacity: usize,
    mut outlet: Outlet,
    put: impl Fn(&mut Batch, T) -> bool + Send + 'static,
) -> io::Result<(SyncSender<T>, Arc<Counters>, Writer)> {
    // Bounded: a sink that stalls costs records, which are counted, and never the memory of the server.
    let (queue, waiting) = sync_channel(capacity);
    let counters = Arc::new(outlet.counters());
    let of_writer = Arc::clone(&counters);
    let (done, delivered) = sync_channel(1);
    outlet.start(&done)?;
    let work = move || write_all(&waiting, outlet, &of_writer, put);
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work)?;
    Ok((queue, counters, Writer { thread, delivered }))
}

fn write_all<T>(
    waiting: &Receiver<T>,
    mut outlet: Outlet,
    counters: &Counters,
    put: impl Fn(&mut Batch, T) -> bool,
) {
    let mut batch = Batch::default();
    loop {
        match waiting.recv_timeout(outlet.patience()) {
            Ok(first) => {
                batch.clear();
                let mut lost = 0;
                for taken in std::iter::once(first).chain(waiting.try_iter().take(BATCH - 1)) {
                    lost += u64::from(!put(&mut batch, taken));
                }
                let refused = outlet.take(&batch);
                counters.add_written(batch.len() as u64 - refused);
                counters.add_lost(lost + refused);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        outlet.tick();
    }
    outlet.finish();
}
