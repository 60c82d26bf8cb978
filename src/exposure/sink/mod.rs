//! Where exposures go: sinks that take records, and sinks that take whole segments of the spool.

mod json_lines;
mod lake;
mod line_file;
mod stdout;

use std::error::Error;
use std::fmt;

use super::record::Record;
use super::spool::SegmentReader;

pub use json_lines::{HourlyJsonLines, JsonLines};
pub use lake::Lake;
pub use stdout::Stdout;

/// What went wrong inside a sink; each sink has errors of its own.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Takes records one by one: a log, a stream, a bus. Runs on a thread of its own and may block.
pub trait RecordSink: Send + fmt::Debug {
    /// Its name in metrics, logs and the names of cursor files: plain, and no other sink's.
    fn name(&self) -> &'static str;

    /// Takes records, in order. When it returns `Ok`, they are the destination's to keep.
    ///
    /// # Errors
    /// Says which of them it did not take; behind a spool only those are sent again, until they are taken. A record
    /// that it can never take, such as one that is too long for its destination, is not an error: it counts and logs
    /// that itself, or the record would be in the way for ever.
    fn send(&mut self, records: &[Record<'_>]) -> Result<(), SendError>;
}

/// Takes whole closed segments. Runs on a thread of its own and may block.
pub trait SegmentSink: Send + fmt::Debug {
    /// As [`RecordSink::name`].
    fn name(&self) -> &'static str;

    /// Stores a segment under a name and with bytes that follow from the segment alone, so that storing it once more
    /// changes nothing. Returns how many records it had.
    ///
    /// # Errors
    /// The segment is stored again later.
    fn store(&mut self, segment: &mut SegmentReader) -> Result<u64, Cause>;
}

/// A sink of either kind.
#[derive(Debug)]
pub enum Sink {
    /// Takes records.
    Records(Box<dyn RecordSink>),
    /// Takes closed segments.
    Segments(Box<dyn SegmentSink>),
}

impl Sink {
    /// The sink's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Records(sink) => sink.name(),
            Self::Segments(sink) => sink.name(),
        }
    }
}

/// Records that a sink did not take.
#[derive(Debug)]
pub struct SendError {
    /// Which ones.
    pub failed: Failed,
    /// Why.
    pub source: Cause,
}

impl SendError {
    /// Nothing was taken.
    pub fn all(source: impl Into<Cause>) -> Self {
        Self { failed: Failed::All, source: source.into() }
    }

    /// All but these were taken.
    pub fn these(failed: Vec<usize>, source: impl Into<Cause>) -> Self {
        Self { failed: Failed::These(failed), source: source.into() }
    }
}

/// Which records a sink did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// All of them: the destination is away.
    All,
    /// Those at these places of what was sent, ascending: the destination took the others.
    These(Vec<usize>),
}

impl Failed {
    /// How many of `sent` records these are.
    pub fn count(&self, sent: usize) -> u64 {
        match self {
            Self::All => sent as u64,
            Self::These(places) => places.iter().filter(|place| **place < sent).count() as u64,
        }
    }

    /// Whether the record at this place is among them.
    pub fn has(&self, place: usize) -> bool {
        match self {
            Self::All => true,
            Self::These(places) => places.contains(&place),
        }
    }
}
