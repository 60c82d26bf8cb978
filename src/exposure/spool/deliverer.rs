//! The end of the spool that a sink is served at.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use super::super::record::Record;
use super::super::sink::{Cause, Sink, Taker};
use super::super::{Screen, SinkCounts};
use super::backoff::Backoff;
use super::cursor::{self, Position};
use super::pending::{Pending, failed_of, places};
use super::segment::SegmentReader;
use super::shared::{Segment, Shared};

/// Upper bound on records that a sink is given at once: what Kinesis and Firehose take in a call.
const BATCH: usize = 500;
/// The same in bytes.
const BATCH_BYTES: usize = 1 << 20;
/// The longest that a cursor on disk is behind its sink. Raising it saves flushes, and after a crash more records go
/// out twice.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// How often a segment that cannot be read is tried before the rest of it is given up.
const MOST_READS: u32 = 5;
/// The longest sleep; a deliverer is woken when there is something to do.
const IDLE: Duration = Duration::from_secs(60);

/// Gives one sink what is in the spool, in order, until the sink has taken it.
#[derive(Debug)]
pub struct Deliverer {
    shared: Arc<Shared>,
    taker: Taker,
    /// Which of the spool's sinks it is.
    index: usize,
    counts: Arc<SinkCounts>,
    position: Position,
    saved: Position,
    saved_at: Instant,
    /// What the sink did not take of the batch at `position`.
    pending: Option<Pending>,
    /// How often the segment at `position` could not be read.
    failed_reads: u32,
    backoff: Backoff,
    screen: Option<Screen>,
}

/// What a deliverer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The sink took something, or something unreadable was skipped.
    Delivered,
    /// There is nothing for the sink yet.
    Idle,
    /// The sink did not take all of it, or the spool could not be read: the same again later.
    Failed,
}

impl Deliverer {
    pub(super) fn new(
        shared: Arc<Shared>,
        sink: Sink,
        index: usize,
        position: Position,
        backoff: Backoff,
    ) -> Self {
        let Sink { name, taker } = sink;
        let counts = Arc::new(SinkCounts::new(&name));
        let saved_at = Instant::now();
        let (saved, pending, failed_reads) = (position, None, 0);
        let screen = None;
        Self {
            shared,
            taker,
            index,
            counts,
            position,
            saved,
            saved_at,
            pending,
            failed_reads,
            backoff,
            screen,
        }
    }

    /// Takes those who were forgotten out of what it delivers.
    pub(super) fn screened(self, screen: Option<Screen>) -> Self {
        Self { screen, ..self }
    }

    /// Counts what the sink took.
    pub fn counts(&self) -> &Arc<SinkCounts> {
        &self.counts
    }

    /// Delivers on a thread of its own, until the spool is closed; `done` is dropped then.
    pub(in super::super) fn start(self, done: SyncSender<()>) -> io::Result<()> {
        let name = format!("larder-{}", self.counts.name());
        let work = move || {
            self.run();
            drop(done);
        };
        thread::Builder::new().name(name).spawn(work).map(drop)
    }

    fn run(mut self) {
        loop {
            // Before the step: one that finds nothing after the last record was synced has found the end.
            let (is_closing, is_over) = self.shared.stopping();
            if is_over {
                break;
            }
            match self.step() {
                Step::Delivered => self.backoff.reset(),
                _ if is_closing => break,
                Step::Idle => self.wait_for_more(),
                Step::Failed => self.shared.wait(self.backoff.next(), |_| false),
            }
        }
        self.save();
    }

    /// Gives the sink the next records or the next segment, once.
    pub fn step(&mut self) -> Step {
        if self.position != self.saved && self.saved_at.elapsed() >= SAVE_EVERY {
            self.save();
        }
        let Some(segment) = self.shared.next(self.position) else {
            self.counts.set_oldest(None);
            return Step::Idle;
        };
        if segment.name.number != self.position.segment {
            // The one that it was at is gone, delivered or deleted.
            self.go_to(Position { segment: segment.name.number, offset: 0 });
        }
        let step = match self.taker {
            Taker::Records(_) => self.send_batch(&segment),
            Taker::Segments(_) => self.store_segment(&segment),
        };
        step.unwrap_or_else(|error| self.note_unreadable(&segment, &error))
    }

    /// Writes down how far the sink has come, and lets go of the segments before.
    pub fn save(&mut self) {
        self.saved_at = Instant::now();
        let path = cursor::path(&self.shared.dir, self.counts.name());
        match cursor::write(&path, self.position) {
            Ok(()) => {
                self.saved = self.position;
                // Only now: a segment that is gone before the cursor is beyond it would be missed after a crash.
                self.shared.saved(self.index, self.position);
            }
            Err(error) => {
                let file = path.display();
                tracing::warn!(%file, %error, "a cursor of the spool cannot be written; its segments stay");
            }
        }
    }

    fn wait_for_more(&self) {
        let position = self.position;
        let whole = matches!(self.taker, Taker::Segments(_));
        let most = if position == self.saved { IDLE } else { SAVE_EVERY };
        self.shared.wait(most, |state| {
            let next = state.segments.range(position.segment..).next();
            next.is_some_and(|(number, segment)| {
                let has_more = *number > position.segment || segment.readable > position.offset;
                segment.is_closed || (has_more && !whole)
            })
        });
    }

    fn send_batch(&mut self, segment: &Segment) -> io::Result<Step> {
        let mut reader = self.open(segment)?;
        let most = self.pending.as_ref().map_or(BATCH, |pending| pending.records);
        let is_empty = reader.next_batch(most, BATCH_BYTES)?.is_none();
        self.shared.note_gaps(segment, &mut reader);
        if is_empty {
            if !segment.is_closed {
                self.counts.set_oldest(None);
                return Ok(Step::Idle);
            }
            // What the next segment has goes on waiting.
            self.shared.note_rest(segment, &reader);
            self.finish_segment(segment);
            return Ok(Step::Delivered);
        }
        let end = Position { offset: reader.position(), ..self.position };
        let records = reader.batch().records();
        self.counts.set_oldest(records.first().map(|record| record.time_ms));
        let step = self.send(&records);
        if step == Step::Delivered {
            self.go_to(end);
        }
        Ok(step)
    }

    /// Sends what the sink does not have yet of these records.
    fn send(&mut self, records: &[Record<'_>]) -> Step {
        let Taker::Records(sink) = &mut self.taker else { return Step::Idle };
        let places = places(self.pending.as_ref(), records);
        if places.is_empty() {
            return Step::Delivered;
        }
        let left: Vec<Record<'_>> = places.iter().map(|place| records[*place]).collect();
        let error = match sink.send(&left) {
            Ok(refused) => {
                self.counts.add_refused(&refused);
                self.counts.add_sent(left.len().saturating_sub(refused.len()) as u64);
                self.pending = None;
                return Step::Delivered;
            }
            Err(error) => error,
        };
        self.counts.add_refused(&error.refused);
        let failed = failed_of(places, &error.failed);
        let settled = left.len() - failed.len();
        self.counts.add_sent(settled.saturating_sub(error.refused.len()) as u64);
        self.log_failure(failed.len() as u64, &error.source);
        // Some are settled: the sink is there, and is asked for the rest as soon as the first time.
        if settled > 0 {
            self.backoff.reset();
        }
        self.pending = Some(Pending { records: records.len(), failed });
        Step::Failed
    }

    fn store_segment(&mut self, segment: &Segment) -> io::Result<Step> {
        // One that is still written to waits too, and is as old as its first record.
        self.counts.set_oldest((segment.bytes > 0).then_some(segment.since_ms));
        if !segment.is_closed {
            return Ok(Step::Idle);
        }
        let mut reader = self.open(segment)?;
        let Taker::Segments(sink) = &mut self.taker else { return Ok(Step::Idle) };
        match sink.store(&mut reader) {
            Ok(count) => {
                self.counts.add_sent(count);
                self.shared.note_gaps(segment, &mut reader);
                self.shared.note_rest(segment, &reader);
                self.finish_segment(segment);
                Ok(Step::Delivered)
            }
            Err(error) if reader.has_failed() => Err(io::Error::other(error)),
            Err(error) => {
                self.log_failure(1, &error);
                Ok(Step::Failed)
            }
        }
    }

    fn open(&self, segment: &Segment) -> io::Result<SegmentReader> {
        let Position { offset, .. } = self.position;
        // The sink takes segments whole, so its cursor is between them.
        let from = self.shared.disk.read(&self.shared.path(&segment.name), offset)?;
        let from = io::Read::take(from, segment.readable.saturating_sub(offset));
        Ok(SegmentReader::new(segment.name.clone(), Box::new(from), offset, self.screen.clone()))
    }

    fn go_to(&mut self, position: Position) {
        (self.position, self.pending, self.failed_reads) = (position, None, 0);
    }

    /// Goes on to the next segment, durably.
    fn finish_segment(&mut self, segment: &Segment) {
        self.go_to(Position { segment: segment.name.number + 1, offset: 0 });
        self.save();
    }

    fn log_failure(&self, count: u64, error: &Cause) {
        if self.counts.add_failed(count) {
            let (sink, total) = (self.counts.name(), self.counts.failed());
            tracing::warn!(sink, total, %error, "a sink does not take exposures; they wait in the spool");
        }
    }

    /// A segment that cannot be read must not be in the way of the others for ever.
    fn note_unreadable(&mut self, segment: &Segment, error: &io::Error) -> Step {
        self.failed_reads += 1;
        let is_gone = error.kind() == io::ErrorKind::NotFound;
        if self.failed_reads < MOST_READS && !is_gone {
            tracing::warn!(segment = %segment.name, %error, "a segment of the spool cannot be read; trying again");
            return Step::Failed;
        }
        self.shared.note_damage(segment, self.position.offset, u64::MAX);
        tracing::error!(segment = %segment.name, %error, "a segment of the spool is given up");
        self.finish_segment(segment);
        Step::Delivered
    }
}
