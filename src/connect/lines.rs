//! Lines of a file or a pipe, each within a bound: a longer one is passed over without being held.

use std::io::{self, BufRead};

/// Reads lines.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    most: usize,
    line: Vec<u8>,
}

/// A line without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'l> {
    /// Its bytes.
    Whole(&'l [u8]),
    /// It has more bytes than are held.
    TooLong,
}

impl<R: BufRead> Lines<R> {
    /// Reads lines of at most `most` bytes.
    pub fn new(input: R, most: usize) -> Self {
        Self { input, most, line: Vec::new() }
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn read(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let (mut began, mut fits) = (false, true);
        loop {
            let piece = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                piece => piece?,
            };
            if piece.is_empty() {
                break;
            }
            began = true;
            let end = piece.iter().position(|byte| *byte == b'\n');
            let text = &piece[..end.unwrap_or(piece.len())];
            fits = fits && self.line.len() + text.len() <= self.most;
            if fits {
                self.line.extend_from_slice(text);
            }
            let used = text.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                break;
            }
        }
        Ok(match (began, fits) {
            (false, _) => None,
            (true, true) => Some(Line::Whole(self.line.strip_suffix(b"\r").unwrap_or(&self.line))),
            (true, false) => Some(Line::TooLong),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn a_line_that_is_too_long_costs_itself_only() {
        let text = b"one\r\n\ntwenty-two letters here\nfour\nlast";
        // Buffers of two bytes, so that every line comes in pieces.
        let mut lines = Lines::new(BufReader::with_capacity(2, &text[..]), 4);
        let mut seen = Vec::new();
        while let Some(line) = lines.read().unwrap() {
            seen.push(match line {
                Line::Whole(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                Line::TooLong => "too long".to_owned(),
            });
        }
        assert_eq!(seen, ["one", "", "too long", "four", "last"]);
        assert!(lines.line.capacity() < 16, "a long line is not held");
    }
}
