//! One file of the spool: its name, and its records from a place on.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use super::super::{Batch, Record, Screen};
use super::frame::Frames;

/// The ending of segments' names.
const ENDING: &str = ".seg";

/// What a segment is called: the process that wrote it, and its number among all segments of the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentName {
    /// The process.
    pub boot: String,
    /// The number; a later segment has a greater one, whichever process wrote it.
    pub number: u64,
}

impl SegmentName {
    /// The name that a file's name stands for; `None` if it is no segment's.
    pub(super) fn parse(file: &str) -> Option<Self> {
        let (boot, number) = file.strip_suffix(ENDING)?.rsplit_once('-')?;
        let is_number = number.len() >= 8 && number.bytes().all(|b| b.is_ascii_digit());
        Some(Self { boot: boot.to_owned(), number: number.parse().ok().filter(|_| is_number)? })
    }
}

/// The file's name.
impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08}{ENDING}", self.boot, self.number)
    }
}

/// Reads a segment's records, some at a time.
pub struct SegmentReader {
    name: SegmentName,
    frames: Frames<Box<dyn Read + Send>>,
    batch: Batch,
    screen: Option<Screen>,
    has_failed: bool,
}

impl fmt::Debug for SegmentReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentReader").field("name", &self.name).finish_non_exhaustive()
    }
}

impl SegmentReader {
    /// Reads the segment from `offset` on, of which `from` gives the bytes.
    pub(super) fn new(
        name: SegmentName,
        from: Box<dyn Read + Send>,
        offset: u64,
        screen: Option<Screen>,
    ) -> Self {
        Self { name, frames: Frames::new(from, offset), batch: Batch::default(), screen, has_failed: false }
    }

    /// The segment's name.
    pub fn name(&self) -> &SegmentName {
        &self.name
    }

    /// The next records, up to a number of them and about a number of bytes; `None` at the end. Damaged stretches are
    /// skipped. A record that must not go out any more has no bytes; it keeps its place.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn next_batch(&mut self, most: usize, most_bytes: usize) -> io::Result<Option<&Batch>> {
        self.batch.clear();
        while self.batch.len() < most && self.batch.bytes() < most_bytes {
            match self.frames.next() {
                Ok(Some(record)) => match self.screen.as_ref().and_then(|screen| screen.left_of(&record)) {
                    None => self.batch.push(record),
                    Some(left) => self.batch.push(Record { bytes: &left, ..record }),
                },
                Ok(None) => break,
                Err(error) => {
                    self.has_failed = true;
                    return Err(error);
                }
            }
        }
        Ok((!self.batch.is_empty()).then_some(&self.batch))
    }

    /// What the last call of [`SegmentReader::next_batch`] has read.
    pub(super) fn batch(&self) -> &Batch {
        &self.batch
    }

    /// The place behind the last record that was read.
    pub(super) fn position(&self) -> u64 {
        self.frames.whole()
    }

    /// The damaged stretches that were skipped since the last call.
    pub(super) fn take_gaps(&mut self) -> Vec<Range<u64>> {
        self.frames.take_gaps()
    }

    /// What is left behind the last record, once there is no next one.
    pub(super) fn rest(&self) -> Range<u64> {
        self.frames.rest()
    }

    /// Whether the file could not be read, which is no fault of a sink.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written_and_others_are_left_alone() {
        let name = SegmentName { boot: "0193-f00".to_owned(), number: 123_456_789 };
        assert_eq!(SegmentName::parse(&name.to_string()), Some(name));
        let short = SegmentName { boot: "b".to_owned(), number: 7 };
        assert_eq!(short.to_string(), "b-00000007.seg");
        for other in
            ["lock", "b-7.seg", "b-0000000x.seg", "b-00000007.seg.tmp", "00000007.seg", "jsonl.cursor"]
        {
            assert_eq!(SegmentName::parse(other), None, "{other}");
        }
    }
}
