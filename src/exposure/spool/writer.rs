//! The end of the spool that records go in at.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::super::record::{Record, hour_of};
use super::super::{Batch, Dropped, SpoolCounts};
use super::disk::{Append, is_no_space};
use super::frame::{encode, fits, frame_len};
use super::options::Options;
use super::segment::SegmentName;
use super::shared::{Segment, Shared};

/// How long deliverers may go on once nothing more comes in. Raising it lets more out before a stop, which takes longer
/// where a sink is slow.
const GRACE: Duration = Duration::from_secs(5);
/// How often the writer looks whether the hour is over.
const IDLE: Duration = Duration::from_secs(1);

/// Appends records to segments. Never waits for a sink: what there is no room for is dropped and counted.
#[derive(Debug)]
pub struct SpoolWriter {
    shared: Arc<Shared>,
    options: Options,
    boot: String,
    /// The number of the next segment.
    next: u64,
    open: Option<Open>,
    synced_at: Instant,
    frames: Vec<u8>,
}

/// The segment that is appended to.
#[derive(Debug)]
struct Open {
    file: Box<dyn Append>,
    number: u64,
    /// The hour that all its records are of.
    hour: i64,
    /// Bytes of whole frames.
    written: u64,
    /// How many of them are on the disk itself.
    synced: u64,
    /// Records between the two.
    unsynced: u64,
}

impl SpoolWriter {
    pub(super) fn new(shared: Arc<Shared>, options: Options, boot: String, next: u64) -> Self {
        Self { shared, options, boot, next, open: None, synced_at: Instant::now(), frames: Vec::new() }
    }

    /// What the spool holds and lost.
    pub fn counts(&self) -> &Arc<SpoolCounts> {
        &self.shared.counts
    }

    /// Appends records, and returns how many of them were dropped.
    pub fn append(&mut self, batch: &Batch) -> u64 {
        let mut records = batch.records();
        // A segment has one hour. Around its end the records of two come mixed, as requests overtake each other:
        // sorted, they make two segments and not twenty.
        records.sort_by_key(Record::hour);
        let mut dropped = 0;
        for run in records.chunk_by(|one, next| one.hour() == next.hour()) {
            let mut rest = run;
            while let Some(first) = rest.first() {
                if !fits(first) {
                    dropped += self.drop_records(Dropped::TooLarge, 1, None);
                    rest = &rest[1..];
                    continue;
                }
                match self.write_some(first.hour(), rest) {
                    Ok(count) => rest = &rest[count..],
                    Err((reason, error)) => {
                        dropped += self.drop_records(reason, rest.len() as u64, error);
                        break;
                    }
                }
            }
        }
        dropped
    }

    /// Does what is due: flushes what is new, and closes a segment whose hour is over.
    pub fn tick(&mut self) {
        if self.synced_at.elapsed() >= self.options.sync {
            self.sync();
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // A second later, for the records of requests that were answered just before.
        let hour = hour_of(now.as_millis() as i64 - 1000);
        if self.open.as_ref().is_some_and(|open| open.hour < hour) {
            self.close();
        }
    }

    /// How long there is nothing to be done by [`SpoolWriter::tick`].
    pub fn patience(&self) -> Duration {
        match &self.open {
            Some(open) if open.unsynced > 0 => self.options.sync.saturating_sub(self.synced_at.elapsed()),
            _ => IDLE,
        }
    }

    /// Flushes what is new to the disk itself, and lets the sinks have it.
    pub fn sync(&mut self) {
        let Some(open) = self.open.as_mut().filter(|open| open.unsynced > 0) else { return };
        let outcome = open.file.sync();
        self.synced_at = Instant::now();
        match outcome {
            Ok(()) => {
                (open.synced, open.unsynced) = (open.written, 0);
                let readable = open.synced;
                self.shared.change(open.number, |segment| segment.readable = readable);
            }
            Err(error) => {
                // Which of them are on disk, nobody knows: the kernel forgets pages that it could not write. None of
                // them, then, and a new file.
                let lost = std::mem::take(&mut open.unsynced);
                let written = open.synced;
                self.drop_records(reason_of(&error), lost, Some(error));
                self.roll_back(written);
                self.close();
            }
        }
    }

    /// Ends the segment, so that sinks which take whole ones can have it.
    pub fn close(&mut self) {
        self.sync();
        let Some(open) = self.open.take() else { return };
        if open.written == 0 {
            self.shared.change(open.number, |segment| segment.is_closed = true);
            return self.shared.remove(open.number);
        }
        self.shared.change(open.number, |segment| {
            (segment.is_closed, segment.readable) = (true, open.synced);
        });
    }

    /// Ends the segment, and lets deliverers end when they have delivered everything, or after some seconds.
    pub fn finish(mut self) {
        self.close();
        self.shared.stop(GRACE);
    }

    /// Writes as many of these records, all of one hour, as a segment has room for.
    fn write_some(
        &mut self,
        hour: i64,
        records: &[Record<'_>],
    ) -> Result<usize, (Dropped, Option<io::Error>)> {
        let wanted = records.first().map_or(0, frame_len);
        let limit = self.options.segment;
        let is_over = |open: &Open| open.hour != hour || (open.written > 0 && open.written + wanted > limit);
        if self.open.as_ref().is_some_and(is_over) {
            self.close();
        }
        let room = self.options.max.saturating_sub(self.shared.bytes());
        let written = self.open.as_ref().map_or(0, |open| open.written);
        self.frames.clear();
        let mut count = 0;
        for record in records.iter().take_while(|record| fits(record)) {
            let len = self.frames.len() as u64 + frame_len(record);
            if len > room || (count > 0 && written + len > limit) {
                break;
            }
            encode(record, &mut self.frames);
            count += 1;
        }
        if count == 0 {
            // What is in the open segment may be all that there is to deliver, and so to delete.
            self.close();
            return Err((Dropped::Full, None));
        }
        self.write_frames(hour, records, count).map_err(|error| (reason_of(&error), Some(error)))?;
        Ok(count)
    }

    fn write_frames(&mut self, hour: i64, records: &[Record<'_>], count: usize) -> io::Result<()> {
        if self.open.is_none() {
            self.open = Some(self.create(hour, records.first().map_or(0, |record| record.time_ms))?);
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        let before = open.written;
        if let Err(error) = open.file.write_all(&self.frames) {
            // A part may be there. What is counted as dropped must not be, nor half a frame before whole ones.
            self.roll_back(before);
            return Err(error);
        }
        open.written += self.frames.len() as u64;
        open.unsynced += count as u64;
        let bytes = open.written;
        self.shared.change(open.number, |segment| segment.bytes = bytes);
        Ok(())
    }

    fn create(&mut self, hour: i64, since_ms: i64) -> io::Result<Open> {
        let name = SegmentName { boot: self.boot.clone(), number: self.next };
        let file = self.shared.disk.create(&self.shared.path(&name))?;
        let number = self.next;
        self.next += 1;
        let segment = Segment { name, bytes: 0, readable: 0, is_closed: false, since_ms, checked: 0 };
        self.shared.add(segment);
        Ok(Open { file, number, hour, written: 0, synced: 0, unsynced: 0 })
    }

    /// Cuts the open segment back to its first `len` bytes. If even that fails, it is given up: readers stop at what
    /// was synced, and a later process finds the next whole frame or none.
    fn roll_back(&mut self, len: u64) {
        let Some(open) = &mut self.open else { return };
        match open.file.truncate(len) {
            Ok(()) => {
                open.written = len;
                self.shared.change(open.number, |segment| segment.bytes = len);
            }
            Err(error) => {
                tracing::warn!(segment = open.number, %error, "a segment cannot be cut to its whole records");
                self.close();
            }
        }
    }

    fn drop_records(&self, reason: Dropped, count: u64, error: Option<io::Error>) -> u64 {
        if self.shared.counts.add_dropped(reason, count) {
            let total = self.shared.counts.dropped(reason);
            let error = error.map(|error| error.to_string()).unwrap_or_default();
            let dir = self.shared.dir.display();
            tracing::warn!(%dir, reason = reason.as_str(), total, error, "the spool drops the newest exposures");
        }
        count
    }
}

fn reason_of(error: &io::Error) -> Dropped {
    if is_no_space(error) { Dropped::NoSpace } else { Dropped::Io }
}
