//! The one thread that applies events: it takes them out of a bounded queue, in order, and serves an epoch with them.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::event_outcome::EventOutcome;
use super::live_state::LiveState;
use super::recorded_ids::RecordedIds;
use crate::domain::{Event, EventKind};
use crate::live::{EventCounts, Fate};

/// Batches that may wait for the applier. A source that is faster waits, and reads no further meanwhile.
const QUEUED: usize = 64;

/// Events after which an epoch is served even if its time has not come: raising it makes fewer epochs of a burst, and
/// those who wait for it wait for longer.
const MOST_APPLIED: usize = 4096;

/// Events of one source, in order, that were read together.
pub struct EventBatch {
    /// The source's name.
    pub source: Arc<str>,
    /// The events.
    pub events: Vec<Event>,
    /// When they arrived here.
    pub arrived: Instant,
    /// What a caller sent with them and is no event; a source keeps that itself.
    pub no_events: Vec<NoEvent>,
    /// Whether this is their only source, so that they are to be recorded.
    pub record: bool,
    /// Told when they are in what is served.
    pub done: Option<Done>,
}

impl EventBatch {
    /// No events: `done` is called once all that was sent before is in what is served.
    pub fn mark(source: &Arc<str>, done: impl FnOnce() + Send + 'static) -> Self {
        let done: Done = Box::new(move |_, _, _| done());
        let (source, arrived) = (Arc::clone(source), Instant::now());
        let (events, no_events) = (Vec::new(), Vec::new());
        Self { source, events, arrived, no_events, record: false, done: Some(done) }
    }
}

/// What a caller sent as an event, and why it is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoEvent {
    /// What was sent, JSON.
    pub body: Vec<u8>,
    /// Why it cannot be used, by a name that stays.
    pub reason: &'static str,
    /// The JSON Pointer of what is at fault; empty where it is all of it.
    pub field: String,
    /// Why, for people. It has no id of a person.
    pub message: String,
}

impl std::fmt::Debug for EventBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventBatch")
            .field("source", &self.source)
            .field("events", &self.events.len())
            .finish()
    }
}

/// Is told the events of a batch, what became of them, and the epoch that they are in.
pub type Done = Box<dyn FnOnce(&[Event], Vec<EventOutcome>, u64) + Send>;

/// Takes events that are none about items; says what became of them.
pub type OtherEvents = Box<dyn FnMut(&Event) -> EventOutcome + Send>;

/// Records events that have no other source, with what became of them, and what came with them and is no event. Events
/// that are known already are not among them.
pub type Record = Box<dyn FnMut(&[(&Event, &EventOutcome)], &[NoEvent]) + Send>;

/// Why a batch was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// More come than are applied.
    #[error("the queue of events is full")]
    Full,
    /// The server is about to end.
    #[error("events are not taken any more")]
    Closed,
}

/// The way to the applier. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EventQueue(SyncSender<EventBatch>);

impl EventQueue {
    /// Waits until the batch is taken: for sources, which read on only then.
    ///
    /// # Errors
    /// [`QueueError::Closed`].
    pub fn send(&self, batch: EventBatch) -> Result<(), QueueError> {
        self.0.send(batch).map_err(|_| QueueError::Closed)
    }

    /// Does not wait: for requests.
    ///
    /// # Errors
    /// [`QueueError`].
    pub fn try_send(&self, batch: EventBatch) -> Result<(), QueueError> {
        self.0.try_send(batch).map_err(|error| match error {
            TrySendError::Full(_) => QueueError::Full,
            TrySendError::Disconnected(_) => QueueError::Closed,
        })
    }
}

/// Applies events until every [`EventQueue`] is dropped.
pub struct Applier {
    state: Arc<LiveState>,
    queue: Receiver<EventBatch>,
    counts: Arc<EventCounts>,
    interval: Duration,
    others: OtherEvents,
    record: Record,
    /// What was recorded here, and may come back from a stream that it was sent to.
    recorded: RecordedIds,
    /// Batches that are applied and not served yet.
    waiting: Vec<(EventBatch, Vec<EventOutcome>)>,
    applied: usize,
}

impl std::fmt::Debug for Applier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Applier").field("interval", &self.interval).finish_non_exhaustive()
    }
}

impl Applier {
    /// An applier, and the way to it. It serves an epoch at least every `interval` while events come.
    pub fn new(
        state: Arc<LiveState>,
        counts: Arc<EventCounts>,
        interval: Duration,
        others: OtherEvents,
        record: Record,
    ) -> (EventQueue, Self) {
        let (sender, queue) = sync_channel(QUEUED);
        let (recorded, waiting) = (RecordedIds::default(), Vec::new());
        let applier = Self { state, queue, counts, interval, others, record, recorded, waiting, applied: 0 };
        (EventQueue(sender), applier)
    }

    /// Applies until the last [`EventQueue`] is dropped.
    pub fn run(mut self) {
        let mut served = Instant::now();
        loop {
            // While nothing waits there is nothing to be in time for.
            let received = if self.waiting.is_empty() {
                self.queue.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                let left = self.interval.saturating_sub(served.elapsed());
                self.queue.recv_timeout(left)
            };
            match received {
                Ok(batch) => self.apply(batch),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.serve();
                    return;
                }
            }
            // At once after a pause: an event that comes alone is not kept waiting for others.
            if self.applied >= MOST_APPLIED || served.elapsed() >= self.interval {
                self.serve();
                served = Instant::now();
            }
        }
    }

    fn apply(&mut self, batch: EventBatch) {
        let mut outcomes = self.outcomes(&batch.events);
        for (event, outcome) in batch.events.iter().zip(&mut outcomes) {
            if *outcome == EventOutcome::NotOfItem {
                *outcome = (self.others)(event);
            }
            let fate = outcome.fate();
            self.counts.add(&batch.source, event.kind.as_str(), fate);
            if let Some(reason) = outcome.reason() {
                self.counts.add_dead(&batch.source, reason);
            }
        }
        for NoEvent { reason, .. } in &batch.no_events {
            self.counts.add(&batch.source, "", Fate::Dead);
            self.counts.add_dead(&batch.source, reason);
        }
        if batch.record {
            let fresh: Vec<(&Event, &EventOutcome)> = batch
                .events
                .iter()
                .zip(&outcomes)
                .filter(|(_, outcome)| outcome.fate() != Fate::Duplicate)
                .collect();
            for (event, _) in fresh.iter().filter(|(_, outcome)| outcome.is_of_use()) {
                self.recorded.add(&event.id);
            }
            (self.record)(&fresh, &batch.no_events);
        }
        self.applied += batch.events.len();
        self.waiting.push((batch, outcomes));
    }

    /// Applies events, but for those that were recorded here before.
    fn outcomes(&self, events: &[Event]) -> Vec<EventOutcome> {
        let mut outcomes = Vec::with_capacity(events.len());
        let is_known = |event: &Event| self.recorded.has(&event.id);
        for run in events.chunk_by(|one, next| is_known(one) == is_known(next)) {
            if run.first().is_some_and(is_known) {
                outcomes.extend(run.iter().map(|_| EventOutcome::Duplicate));
            } else {
                outcomes.extend(self.state.apply(run));
            }
        }
        outcomes
    }

    fn serve(&mut self) {
        self.state.publish();
        let epoch = self.state.epoch();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        for (batch, outcomes) in self.waiting.drain(..) {
            if !batch.events.is_empty() {
                self.counts.apply.record(batch.arrived.elapsed());
            }
            if let Some(event) =
                batch.events.last().filter(|event| event.kind != EventKind::SnapshotPublished)
            {
                let happened = Duration::from_millis(u64::try_from(event.time_ms).unwrap_or_default());
                self.counts.end_to_end.record(now.saturating_sub(happened));
            }
            if let Some(done) = batch.done {
                done(&batch.events, outcomes, epoch);
            }
        }
        self.applied = 0;
    }
}
