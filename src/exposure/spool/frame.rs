//! Records in a segment: `length u32 | crc u32 | time i64 | record`, little-endian, the length and the checksum being
//! of time and record together.

use std::io::{self, Read};
use std::ops::Range;

use super::super::record::Record;

/// Upper bound on the bytes of a frame after its head. It only keeps a damaged length from being taken for one.
pub(super) const MOST_BYTES: usize = 1 << 20;
/// Bytes of length and checksum.
const HEAD: usize = 8;
/// Bytes of the time.
const TIME: usize = 8;
/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// The bytes that a record takes in a segment.
pub(super) fn frame_len(record: &Record<'_>) -> u64 {
    (HEAD + TIME + record.bytes.len()) as u64
}

/// Whether a record fits a frame.
pub(super) fn fits(record: &Record<'_>) -> bool {
    TIME + record.bytes.len() <= MOST_BYTES
}

/// Appends a record's frame.
pub(super) fn encode(record: &Record<'_>, into: &mut Vec<u8>) {
    let time = record.time_ms.to_le_bytes();
    let mut crc = crc32fast::Hasher::new();
    crc.update(&time);
    crc.update(record.bytes);
    into.extend_from_slice(&((TIME + record.bytes.len()) as u32).to_le_bytes());
    into.extend_from_slice(&crc.finalize().to_le_bytes());
    into.extend_from_slice(&time);
    into.extend_from_slice(record.bytes);
}

/// Reads frames, and finds the next whole one where some bytes are damaged.
///
/// What is damaged is skipped byte by byte until a frame's checksum holds. A record's JSON has no zero bytes and a
/// frame's length always has, so nothing inside a record is taken for a frame.
pub(super) struct Frames<R> {
    from: R,
    window: Vec<u8>,
    /// Where in the window the next frame begins.
    at: usize,
    /// Where in the file the window begins.
    base: u64,
    /// The end of the last whole frame in the file.
    whole: u64,
    /// Damaged stretches that lie before a whole frame.
    gaps: Vec<Range<u64>>,
    is_at_end: bool,
}

impl<R: Read> Frames<R> {
    /// Frames of a file that `from` reads from `offset`, where one begins.
    pub(super) fn new(from: R, offset: u64) -> Self {
        Self {
            from,
            window: Vec::new(),
            at: 0,
            base: offset,
            whole: offset,
            gaps: Vec::new(),
            is_at_end: false,
        }
    }

    /// The end of the last whole frame that was read.
    pub(super) fn whole(&self) -> u64 {
        self.whole
    }

    /// The damaged stretches that were skipped since the last call.
    pub(super) fn take_gaps(&mut self) -> Vec<Range<u64>> {
        std::mem::take(&mut self.gaps)
    }

    /// The bytes behind the last whole frame, once there is no next one.
    pub(super) fn rest(&self) -> Range<u64> {
        self.whole..self.base + self.window.len() as u64
    }

    /// The next whole frame; none if there is none up to the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        let Some(frame) = self.find()? else { return Ok(None) };
        let (time, bytes) = self.window[frame].split_at(TIME);
        let time_ms = i64::from_le_bytes(time.try_into().unwrap_or_default());
        Ok(Some(Record { time_ms, bytes }))
    }

    fn find(&mut self) -> io::Result<Option<Range<usize>>> {
        loop {
            if !self.fill(HEAD)? {
                return Ok(None);
            }
            if let Some(frame) = self.frame_here()? {
                let start = self.base + self.at as u64;
                if start > self.whole {
                    self.gaps.push(self.whole..start);
                }
                self.at = frame.end;
                self.whole = self.base + frame.end as u64;
                return Ok(Some(frame));
            }
            self.at += 1;
        }
    }

    /// The place in the window of the frame that begins here, if one does.
    fn frame_here(&mut self) -> io::Result<Option<Range<usize>>> {
        let word =
            |window: &[u8], at: usize| u32::from_le_bytes(window[at..at + 4].try_into().unwrap_or_default());
        let len = word(&self.window, self.at) as usize;
        if !(TIME..=MOST_BYTES).contains(&len) || !self.fill(HEAD + len)? {
            return Ok(None);
        }
        // Only now: filling may have moved the window.
        let body = self.at + HEAD..self.at + HEAD + len;
        let holds = crc32fast::hash(&self.window[body.clone()]) == word(&self.window, self.at + 4);
        Ok(holds.then_some(body))
    }

    /// Reads on until the window has this many bytes from the next frame's place; false if the file ends before.
    fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        while self.window.len() - self.at < wanted && !self.is_at_end {
            if self.at >= CHUNK {
                self.window.drain(..self.at);
                self.base += self.at as u64;
                self.at = 0;
            }
            let read = self.from.by_ref().take(CHUNK as u64).read_to_end(&mut self.window)?;
            self.is_at_end = read == 0;
        }
        Ok(self.window.len() - self.at >= wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(texts: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for text in texts {
            encode(&Record { time_ms: 7, bytes: text.as_bytes() }, &mut bytes);
        }
        bytes
    }

    fn read(bytes: &[u8]) -> (Vec<String>, Vec<Range<u64>>, Range<u64>) {
        let mut frames = Frames::new(bytes, 0);
        let mut found = Vec::new();
        while let Some(record) = frames.next().unwrap() {
            assert_eq!(record.time_ms, 7);
            found.push(String::from_utf8(record.bytes.to_vec()).unwrap());
        }
        (found, frames.take_gaps(), frames.rest())
    }

    #[test]
    fn any_flipped_bit_costs_one_record_and_any_cut_only_what_is_behind_it() {
        let texts = ["{\"one\":1}", "{}", "{\"three\":[3,3,3]}"];
        let whole = frames(&texts);
        assert_eq!(read(&whole), (texts.map(str::to_owned).to_vec(), vec![], 76..76));
        let ends = [frames(&texts[..1]).len(), frames(&texts[..2]).len(), whole.len()];
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let hit = ends.iter().position(|end| bit / 8 < *end).unwrap();
            let left: Vec<&str> = (0..3).filter(|at| *at != hit).map(|at| texts[at]).collect();
            let (found, gaps, rest) = read(&bytes);
            assert_eq!(found, left, "bit {bit}");
            // At the end of a file, damage looks like a record that was not written to its end.
            assert_eq!((gaps.len(), rest.is_empty()), if hit == 2 { (0, false) } else { (1, true) });
        }
        for cut in 0..whole.len() {
            let left = ends.iter().filter(|end| **end <= cut).count();
            let (found, gaps, rest) = read(&whole[..cut]);
            assert_eq!((found.len(), gaps.len()), (left, 0), "cut at {cut}");
            assert_eq!(rest.end, cut as u64);
        }
    }

    #[test]
    fn long_stretches_of_zeros_and_noise_are_skipped_in_little_memory() {
        let mut bytes = frames(&["{\"a\":1}"]);
        bytes.extend(vec![0; 300_000]);
        let mut random = fastrand::Rng::with_seed(4);
        bytes.extend((0..300_000).map(|_| random.u8(..)));
        let before = bytes.len() as u64;
        bytes.extend(frames(&["{\"b\":2}"]));
        let (found, gaps, rest) = read(&bytes);
        assert_eq!(found, ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!((gaps.len(), gaps.first()), (1, Some(&(23..before))));
        assert!(rest.is_empty());
    }
}
