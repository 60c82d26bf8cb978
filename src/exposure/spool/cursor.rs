//! How far a sink has come, on disk.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::disk::{is_no_space, sync_folder};

/// A place between two records. Ordered as records are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    /// The number of the segment, which may be gone: then the next one is meant.
    pub(super) segment: u64,
    /// Bytes from its beginning.
    pub(super) offset: u64,
}

/// The ending of cursors' names.
pub(super) const ENDING: &str = ".cursor";

/// The file of a sink's cursor.
pub(super) fn path(dir: &Path, sink: &str) -> PathBuf {
    dir.join(format!("{sink}{ENDING}"))
}

/// Reads a cursor; `None` if there is none or it is damaged.
pub(super) fn read(path: &Path) -> io::Result<Option<Position>> {
    let text = match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let position = parse(&text);
    if position.is_none() {
        // Records twice are better than records lost.
        tracing::warn!(file = %path.display(), "the cursor is damaged: the sink is given all that the spool has");
    }
    Ok(position)
}

/// Writes a cursor, whole or not at all, and durably.
pub(super) fn write(path: &Path, position: Position) -> io::Result<()> {
    // Of one length, so that it can also be written over.
    let text = format!("segment {:020} offset {:020}\n", position.segment, position.offset);
    match replace(path, &text) {
        // A full disk would else stay full for ever: without a cursor nothing is deleted. To write over the few bytes
        // that are there takes no room, and a disk writes them at once or not.
        Err(error) if is_no_space(&error) => write_over(path, &text).map_err(|_| error),
        outcome => outcome,
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let staged = path.with_extension("cursor.tmp");
    let mut file = File::create(&staged)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&staged, path)?;
    sync_folder(path)
}

fn write_over(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn parse(text: &str) -> Option<Position> {
    let (segment, offset) = text.strip_prefix("segment ")?.strip_suffix('\n')?.split_once(" offset ")?;
    Some(Position { segment: segment.parse().ok()?, offset: offset.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_a_damaged_one_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path(), "jsonl");
        assert_eq!(read(&path).unwrap(), None);
        for position in [Position { segment: 12, offset: 345 }, Position { segment: u64::MAX, offset: 0 }] {
            write(&path, position).unwrap();
            assert_eq!(read(&path).unwrap(), Some(position));
        }
        write_over(&path, "segment 00000000000000000007 offset 00000000000000000008\n").unwrap();
        assert_eq!(read(&path).unwrap(), Some(Position { segment: 7, offset: 8 }));
        fs::write(&path, "segment 12 off").unwrap();
        assert_eq!(read(&path).unwrap(), None);
    }
}
