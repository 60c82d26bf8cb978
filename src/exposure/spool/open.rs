//! Opening a spool: what earlier processes left is found by names and sizes, and read only when its turn comes.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use thiserror::Error;

use super::super::SpoolCounts;
use super::super::sink::Sink;
use super::backoff::Backoff;
use super::cursor;
use super::deliverer::Deliverer;
use super::disk::Disk;
use super::frame::Frames;
use super::options::Options;
use super::segment::SegmentName;
use super::shared::{Segment, Shared, State};
use super::writer::SpoolWriter;

/// Why a spool cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it.
    #[error("another process uses {}: give each server a directory of its own", .0.display())]
    InUse(PathBuf),
    /// A file or the directory cannot be used.
    #[error("{} cannot be {action}: {source}; check owner and mode", .path.display())]
    Io {
        /// What was to be done.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Opens or creates a spool: the end to write at, and one for each sink to be served from. Segments that this process
/// writes have `boot` in their names.
///
/// # Errors
/// The directory cannot be used, or another process uses it.
pub fn open(
    options: Options,
    boot: &str,
    sinks: Vec<Sink>,
    disk: Arc<dyn Disk>,
) -> Result<(SpoolWriter, Vec<Deliverer>), OpenError> {
    let dir = options.dir.as_path();
    fs::create_dir_all(dir).map_err(|source| failed("created", dir, source))?;
    let lock = lock(dir)?;
    let Found { mut segments, beyond } = look(dir)?;
    if let Some(mut newest) = segments.last_entry() {
        cut_torn_tail(dir, newest.get_mut(), disk.as_ref())?;
    }
    let empty: Vec<u64> =
        segments.iter().filter(|(_, segment)| segment.bytes == 0).map(|(number, _)| *number).collect();
    for number in empty {
        if let Some(segment) = segments.remove(&number) {
            let path = dir.join(segment.name.to_string());
            fs::remove_file(&path).map_err(|source| failed("deleted", &path, source))?;
        }
    }
    let bytes = segments.values().map(|segment| segment.bytes).sum();
    tracing::info!(dir = %dir.display(), segments = segments.len(), bytes, "the spool is open");
    let mut positions = Vec::new();
    for sink in &sinks {
        let path = cursor::path(dir, &sink.name);
        let position = cursor::read(&path).map_err(|source| failed("read", &path, source))?;
        positions.push(position.unwrap_or_default());
    }
    let state = State { segments, saved: positions.clone(), bytes, stop: None };
    let shared = Arc::new(Shared::new(dir, disk, Arc::new(SpoolCounts::default()), state, lock));
    if let Some(first) = positions.first() {
        // Where a process ended between a cursor and the deletion that follows it.
        shared.saved(0, *first);
    }
    let screen = options.screen.clone();
    let backoff = || Backoff::new(options.first_wait, options.longest_wait);
    let deliverer = |(index, (sink, position))| {
        Deliverer::new(Arc::clone(&shared), sink, index, position, backoff()).screened(screen.clone())
    };
    let deliverers = sinks.into_iter().zip(positions).enumerate().map(deliverer).collect();
    Ok((SpoolWriter::new(Arc::clone(&shared), options.clone(), boot.to_owned(), beyond), deliverers))
}

/// What is in the directory.
struct Found {
    segments: BTreeMap<u64, Segment>,
    /// A number that no segment has or had, as far as cursors tell.
    beyond: u64,
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|source| failed("opened", &path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed("locked", &path, source)),
    }
}

fn look(dir: &Path) -> Result<Found, OpenError> {
    let mut found = Found { segments: BTreeMap::new(), beyond: 1 };
    let entries = fs::read_dir(dir).map_err(|source| failed("listed", dir, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| failed("listed", dir, source))?;
        let (path, file) = (entry.path(), entry.file_name());
        let file = file.to_string_lossy();
        if file.ends_with(cursor::ENDING) {
            // Also that of a sink which is not configured now: its numbers must not come again.
            let position = cursor::read(&path).map_err(|source| failed("read", &path, source))?;
            found.beyond = found.beyond.max(position.unwrap_or_default().segment);
        }
        let Some(name) = SegmentName::parse(&file) else { continue };
        let metadata = entry.metadata().map_err(|source| failed("looked at", &path, source))?;
        found.beyond = found.beyond.max(name.number + 1);
        let bytes = metadata.len();
        let changed = metadata.modified().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let since_ms = changed.unwrap_or_default().as_millis() as i64;
        let segment = Segment { name, bytes, readable: bytes, is_closed: true, since_ms, checked: 0 };
        found.segments.insert(segment.name.number, segment);
    }
    Ok(found)
}

/// Cuts the newest segment behind its last whole record. Only that one can end in half a record: each is synced before
/// the next is begun.
fn cut_torn_tail(dir: &Path, segment: &mut Segment, disk: &dyn Disk) -> Result<(), OpenError> {
    let path = dir.join(segment.name.to_string());
    let unreadable = |source| failed("read", &path, source);
    let mut frames = Frames::new(disk.read(&path, 0).map_err(unreadable)?, 0);
    while frames.next().map_err(unreadable)?.is_some() {}
    let whole = frames.whole();
    if whole < segment.bytes {
        let (segment, torn) = (&segment.name, segment.bytes - whole);
        tracing::warn!(%segment, torn, "the newest segment ends in half a record, which is cut off");
        let file = File::options().write(true).open(&path);
        let cut = file.and_then(|file| {
            file.set_len(whole)?;
            file.sync_all()
        });
        cut.map_err(|source| failed("cut", &path, source))?;
    }
    (segment.bytes, segment.readable) = (whole, whole);
    Ok(())
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { action, path: path.to_owned(), source }
}
