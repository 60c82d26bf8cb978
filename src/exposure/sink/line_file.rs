//! A file that only whole lines are appended to.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::super::record::Record;
use crate::artifact::is_same_file;

/// Bytes that are looked at in one go for the end of the last whole line.
const CHUNK: u64 = 64 << 10;

/// A file of lines, with one writer: this one.
#[derive(Debug)]
pub(super) struct LineFile {
    path: PathBuf,
    file: File,
    lines: Vec<u8>,
}

impl LineFile {
    /// Opens or creates the file. A last line without an end, of a process that was killed while it wrote, is cut off:
    /// half a record is none, and readers of JSON give up at it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::options().create(true).read(true).append(true).open(path)?;
        let len = file.metadata()?.len();
        let whole = whole_lines(&mut file, len)?;
        if whole < len {
            tracing::warn!(file = %path.display(), bytes = len - whole, "half a line at the end was cut off");
            file.set_len(whole)?;
        }
        Ok(Self { path: path.to_owned(), file, lines: Vec::new() })
    }

    /// Bytes of the file, be it still at its path or not.
    pub(super) fn len(&self) -> io::Result<u64> {
        self.file.metadata().map(|found| found.len())
    }

    /// Appends a line for each record, all or none.
    pub(super) fn append(&mut self, records: &[Record<'_>]) -> io::Result<()> {
        self.follow_rotation()?;
        self.lines.clear();
        for record in records {
            self.lines.extend_from_slice(record.bytes);
            self.lines.push(b'\n');
        }
        // One call for all of them: a process that is killed leaves at most one line torn, the last.
        let before = self.file.metadata()?.len();
        let written = self.file.write_all(&self.lines);
        if written.is_err() {
            // A disk that is full takes a part. What is reported as not taken must not be there.
            self.file.set_len(before)?;
        }
        written
    }

    /// Begins a new file where the open one is no longer at its path.
    fn follow_rotation(&mut self) -> io::Result<()> {
        let is_here = match std::fs::metadata(&self.path) {
            Ok(found) => is_same_file(&found, &self.file.metadata()?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if !is_here {
            let lines = std::mem::take(&mut self.lines);
            *self = Self { lines, ..Self::open(&self.path)? };
        }
        Ok(())
    }
}

/// The bytes up to the end of the last whole line.
fn whole_lines(file: &mut File, len: u64) -> io::Result<u64> {
    let mut end = len;
    let mut chunk = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(CHUNK);
        chunk.clear();
        file.seek(SeekFrom::Start(start))?;
        file.take(end - start).read_to_end(&mut chunk)?;
        if let Some(at) = chunk.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
