//! An unfinished download on disk: the blob's bytes in their final places, and beside them a file of marks
//! that says which parts are there, so that a later attempt asks only for the rest.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{open_private, read_private};

const MISSING: u8 = b'.';
const DONE: u8 = b'#';

/// A download in parts of equal size (the last may be shorter). Whoever holds one holds the blob's lock.
#[derive(Debug)]
pub(super) struct Partial {
    data: PathBuf,
    /// A line with both sizes, then one byte for each part.
    marks: Mutex<File>,
    marks_path: PathBuf,
    marks_start: u64,
    missing: Vec<u64>,
    parts: u64,
    bytes: u64,
    part_bytes: u64,
}

impl Partial {
    /// Takes up the download at `data` where it stopped, or starts it afresh.
    pub(super) fn open(data: &Path, bytes: u64, part_bytes: u64) -> io::Result<Self> {
        let marks_path = data.with_extension("marks");
        // An empty blob has a part too, in which is seen whether the object is really empty.
        let parts = bytes.div_ceil(part_bytes).max(1);
        let heading = format!("{bytes} {part_bytes}\n");

        let there = open_private(File::options().read(true), data).and_then(|file| file.metadata());
        let same_size = there.is_ok_and(|found| found.len() == bytes);
        let known = if same_size { read_marks(&marks_path, &heading, parts) } else { None };
        let marks = match &known {
            Some(_) => open_private(File::options().write(true), &marks_path)?,
            None => {
                // Made anew, and not emptied: what is there may be a link, or another name of some other file.
                remove_if_there(&marks_path)?;
                remove_if_there(data)?;
                let create = |path| open_private(File::options().write(true).create_new(true), path);
                // Sparse where the file system allows it: a disk that is too small is noticed when the parts are
                // written.
                create(data)?.set_len(bytes)?;
                let mut marks = create(&marks_path)?;
                marks.write_all(heading.as_bytes())?;
                marks.write_all(&vec![MISSING; parts as usize])?;
                marks
            }
        };
        let missing = match known {
            Some(marks) => {
                (0..parts).zip(marks).filter(|&(_, mark)| mark == MISSING).map(|(part, _)| part).collect()
            }
            None => (0..parts).collect(),
        };
        Ok(Self {
            data: data.to_owned(),
            marks: Mutex::new(marks),
            marks_path,
            marks_start: heading.len() as u64,
            missing,
            parts,
            bytes,
            part_bytes,
        })
    }

    /// The file with the bytes.
    pub(super) fn path(&self) -> &Path {
        &self.data
    }

    /// The parts that were missing when this was opened, in order.
    pub(super) fn missing(&self) -> &[u64] {
        &self.missing
    }

    /// Whether an earlier attempt left anything behind.
    pub(super) fn is_resumed(&self) -> bool {
        (self.missing.len() as u64) < self.parts
    }

    /// How many bytes were there when this was opened.
    pub(super) fn bytes_done(&self) -> u64 {
        self.bytes - self.missing.iter().map(|&part| self.range(part).1).sum::<u64>()
    }

    /// Whether the blob ends with this part.
    pub(super) fn is_last(&self, part: u64) -> bool {
        part + 1 == self.parts
    }

    /// Where a part starts, and how long it is.
    pub(super) fn range(&self, part: u64) -> (u64, u64) {
        let start = part * self.part_bytes;
        (start, self.part_bytes.min(self.bytes - start))
    }

    /// Writes a part in its place and marks it. Different parts may be written by different threads.
    pub(super) fn write(&self, part: u64, bytes: &[u8]) -> io::Result<()> {
        // A handle of its own: threads that share one would share its position.
        let mut data = open_private(File::options().write(true), &self.data)?;
        data.seek(SeekFrom::Start(self.range(part).0))?;
        data.write_all(bytes)?;
        // Marked only after the bytes are written. They are not flushed first: after a crash of the machine the digest
        // tells.
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.seek(SeekFrom::Start(self.marks_start + part))?;
        marks.write_all(&[DONE])
    }

    /// Deletes what is left of the download.
    pub(super) fn delete(&self) -> io::Result<()> {
        remove_if_there(&self.marks_path)?;
        remove_if_there(&self.data)
    }
}

/// The marks of an earlier attempt, if they are there, intact and about the same parts.
fn read_marks(path: &Path, heading: &str, parts: u64) -> Option<Vec<u8>> {
    let text = read_private(path, heading.len() as u64 + parts + 1).ok()?;
    let marks = text.strip_prefix(heading.as_bytes())?;
    let intact = marks.len() as u64 == parts && marks.iter().all(|&mark| mark == MISSING || mark == DONE);
    intact.then(|| marks.to_vec())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
