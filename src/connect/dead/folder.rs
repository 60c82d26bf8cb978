//! The files of dead letters: their names and their order.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file of letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its number; the lowest is the oldest.
    pub(super) number: u64,
    /// Its bytes.
    pub(super) bytes: u64,
}

impl Piece {
    /// Its path.
    pub(super) fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("dead-{:010}.jsonl", self.number))
    }
}

/// The files of a folder, the oldest first. Others there are left alone.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn pieces(folder: &Path) -> io::Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix("dead-")?.strip_suffix(".jsonl"));
        if let Some(number) = digits.and_then(|digits| digits.parse().ok()) {
            pieces.push(Piece { number, bytes: entry.metadata()?.len() });
        }
    }
    pieces.sort_by_key(|piece| piece.number);
    Ok(pieces)
}
