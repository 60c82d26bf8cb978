//! Where exposures go: sinks that take records, and sinks that take whole segments of the spool.

mod json_lines;
mod lake;
mod line_file;
mod stdout;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::record::Record;
use super::spool::SegmentReader;

pub use json_lines::{HourlyJsonLines, JsonLines};
pub use lake::Lake;
pub use stdout::Stdout;

/// What went wrong inside a sink; each sink has errors of its own.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Takes records one by one: a log, a stream, a bus. Runs on a thread of its own and may block.
pub trait RecordSink: Send + fmt::Debug {
    /// Takes records, in order. When it returns `Ok`, they are the destination's to keep, but for those that it says it
    /// can never take, such as one that is too long: sent again for ever, they would be in the way of the others.
    ///
    /// # Errors
    /// Says which of them it did not take; behind a spool only those are sent again, until they are taken.
    fn send(&mut self, records: &[Record<'_>]) -> Result<Vec<Refusal>, SendError>;
}

/// A record that a destination can never take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where it is in what was sent.
    pub place: usize,
    /// The destination's name for the reason, or [`TOO_LARGE`]; a label of a metric.
    pub reason: String,
    /// What else is known of it, for people.
    pub said: String,
}

/// The reason of a record that is larger than its destination takes.
pub const TOO_LARGE: &str = "too_large";

/// Takes whole closed segments. Runs on a thread of its own and may block.
pub trait SegmentSink: Send + fmt::Debug {
    /// Stores a segment under a name and with bytes that follow from the segment alone, so that storing it once more
    /// changes nothing. Returns how many records it had.
    ///
    /// # Errors
    /// The segment is stored again later.
    fn store(&mut self, segment: &mut SegmentReader) -> Result<u64, Cause>;
}

/// A sink with its name.
#[derive(Debug)]
pub struct Sink {
    /// Its name in metrics, logs and the names of cursor files: plain, and no other sink's.
    pub name: Arc<str>,
    /// Where records go.
    pub taker: Taker,
}

/// What a sink takes.
#[derive(Debug)]
pub enum Taker {
    /// Records.
    Records(Box<dyn RecordSink>),
    /// Closed segments, which only a spool has.
    Segments(Box<dyn SegmentSink>),
}

impl Sink {
    /// A sink that takes records.
    pub fn records(name: &str, sink: impl RecordSink + 'static) -> Self {
        Self { name: name.into(), taker: Taker::Records(Box::new(sink)) }
    }

    /// A sink that takes closed segments.
    pub fn segments(name: &str, sink: impl SegmentSink + 'static) -> Self {
        Self { name: name.into(), taker: Taker::Segments(Box::new(sink)) }
    }
}

/// Records that a sink did not take.
#[derive(Debug)]
pub struct SendError {
    /// Which ones.
    pub failed: Failed,
    /// Of the others, those that it can never take.
    pub refused: Vec<Refusal>,
    /// Why.
    pub source: Cause,
}

impl SendError {
    /// Nothing was taken.
    pub fn all(source: impl Into<Cause>) -> Self {
        Self { failed: Failed::All, refused: Vec::new(), source: source.into() }
    }

    /// All but these were taken.
    pub fn these(failed: Vec<usize>, source: impl Into<Cause>) -> Self {
        Self { failed: Failed::These(failed), refused: Vec::new(), source: source.into() }
    }

    /// The same, where the destination can never take some of the others.
    #[must_use]
    pub fn refusing(self, refused: Vec<Refusal>) -> Self {
        Self { refused, ..self }
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
