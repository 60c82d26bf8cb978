//! Reads dead letters, the oldest first.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::folder;
use super::letter::DeadLetter;
use crate::connect::lines::{Line, Lines};

/// Bytes of a line: a record of the largest size in base64, its headers and what is said of it.
const LINE_BYTES: usize = 4 << 20;

/// What is wrong with a folder of dead letters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeadError {
    /// A file or the folder cannot be read or written.
    #[error("dead letters in {}: {source}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line that is no letter, such as one that was cut off as the machine stopped.
    #[error("{} line {line} is no dead letter: {problem}", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        problem: String,
    },
}

/// The letters of a folder.
#[derive(Debug)]
pub struct Letters {
    files: VecDeque<PathBuf>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    lines: Lines<BufReader<File>>,
    line: usize,
    failed: bool,
}

/// Reads the letters of a folder, one after the other.
///
/// # Errors
/// There is no such folder, or it cannot be read.
pub fn read(folder: &Path) -> Result<Letters, DeadError> {
    let failed = |source| DeadError::Io { path: folder.to_owned(), source };
    let pieces = folder::pieces(folder).map_err(failed)?;
    Ok(Letters { files: pieces.iter().map(|piece| piece.path(folder)).collect(), open: None })
}

impl Iterator for Letters {
    type Item = Result<DeadLetter, DeadError>;

    /// The next letter. After an error about a line, reading goes on with the next.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.open.is_none() {
                let path = self.files.pop_front()?;
                match File::open(&path) {
                    Ok(file) => {
                        let lines = Lines::new(BufReader::new(file), LINE_BYTES);
                        self.open = Some(Open { path, lines, line: 0, failed: false });
                    }
                    // The writer dropped it as the oldest.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(source) => return Some(Err(DeadError::Io { path, source })),
                }
            }
            let outcome = self.open.as_mut().and_then(Open::next);
            if outcome.is_some() {
                return outcome;
            }
            self.open = None;
        }
    }
}

impl Open {
    fn next(&mut self) -> Option<Result<DeadLetter, DeadError>> {
        self.line += 1;
        let problem = match self.lines.read() {
            Ok(None) => return None,
            Ok(Some(Line::Whole(text))) => match serde_json::from_slice(text) {
                Ok(letter) => return Some(Ok(letter)),
                Err(error) => error.to_string(),
            },
            Ok(Some(Line::TooLong)) => format!("it has more than {LINE_BYTES} bytes"),
            // Asked again, a broken disk would give the same error for ever.
            Err(_) if self.failed => return None,
            Err(source) => {
                self.failed = true;
                return Some(Err(DeadError::Io { path: self.path.clone(), source }));
            }
        };
        Some(Err(DeadError::Line { path: self.path.clone(), line: self.line, problem }))
    }
}
