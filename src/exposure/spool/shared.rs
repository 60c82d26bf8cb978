//! What the thread that writes segments and those that read them know together.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::SpoolCounts;
use super::cursor::Position;
use super::disk::Disk;
use super::segment::SegmentName;

/// The spool's directory and what is in it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) dir: PathBuf,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) counts: Arc<SpoolCounts>,
    state: Mutex<State>,
    /// Told when there is more to read, and when it is time to stop.
    changed: Condvar,
    /// Held for as long as the spool is open.
    _lock: File,
}

/// Segments by number, and what the sinks have of them.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) segments: BTreeMap<u64, Segment>,
    /// For each sink, the place up to which its cursor on disk says that it has all.
    pub(super) saved: Vec<Position>,
    /// Bytes of all segments.
    pub(super) bytes: u64,
    /// When deliverers give up, once the spool is being closed.
    pub(super) stop: Option<Instant>,
}

/// One file.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) name: SegmentName,
    /// Bytes in the file.
    pub(super) bytes: u64,
    /// Bytes that are on the disk itself and may be read: what a crash can undo must not go out before.
    pub(super) readable: u64,
    /// Whether nothing is added any more.
    pub(super) is_closed: bool,
    /// The time of its first record, or what is known of it.
    pub(super) since_ms: i64,
    /// Up to where damage in it was counted, which each sink finds for itself.
    pub(super) checked: u64,
}

impl Shared {
    pub(super) fn new(
        dir: &Path,
        disk: Arc<dyn Disk>,
        counts: Arc<SpoolCounts>,
        state: State,
        lock: File,
    ) -> Self {
        counts.set_bytes(state.bytes);
        let (dir, state, changed) = (dir.to_owned(), Mutex::new(state), Condvar::new());
        Self { dir, disk, counts, state, changed, _lock: lock }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn path(&self, name: &SegmentName) -> PathBuf {
        self.dir.join(name.to_string())
    }

    /// Bytes that are on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.state().bytes
    }

    /// Adds a new segment.
    pub(super) fn add(&self, segment: Segment) {
        self.state().segments.insert(segment.name.number, segment);
    }

    /// Notes that a segment has grown or shrunk, or become readable or closed.
    pub(super) fn change(&self, number: u64, change: impl FnOnce(&mut Segment)) {
        let mut state = self.state();
        if let Some(segment) = state.segments.get_mut(&number) {
            let before = segment.bytes;
            change(segment);
            let after = segment.bytes;
            state.bytes = (state.bytes + after).saturating_sub(before);
        }
        self.counts.set_bytes(state.bytes);
        drop(state);
        self.changed.notify_all();
    }

    /// Forgets a segment and deletes its file.
    pub(super) fn remove(&self, number: u64) {
        let Some(name) = self.state().segments.get(&number).map(|segment| segment.name.clone()) else {
            return;
        };
        match fs::remove_file(self.path(&name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                // It stays counted, and is tried again when the next one is done.
                tracing::warn!(segment = %name, %error, "a delivered segment cannot be deleted; check its mode");
            }
            _ => {
                let mut state = self.state();
                if let Some(gone) = state.segments.remove(&number) {
                    state.bytes = state.bytes.saturating_sub(gone.bytes);
                }
                self.counts.set_bytes(state.bytes);
            }
        }
    }

    /// Notes what a sink's cursor on disk says, and deletes what no sink needs any more.
    pub(super) fn saved(&self, sink: usize, position: Position) {
        let mut state = self.state();
        if let Some(saved) = state.saved.get_mut(sink) {
            *saved = position;
        }
        // No sinks: nobody has had anything yet.
        let done = state.saved.iter().min().map_or(0, |slowest| slowest.segment);
        let over = state.segments.range(..done).filter(|(_, segment)| segment.is_closed);
        let over: Vec<u64> = over.map(|(number, _)| *number).collect();
        // The lock is not held while the file system works: requests' records wait behind it.
        drop(state);
        for number in over {
            self.remove(number);
        }
    }

    /// The segment that a sink at this place reads next.
    pub(super) fn next(&self, position: Position) -> Option<Segment> {
        self.state().segments.range(position.segment..).next().map(|(_, segment)| segment.clone())
    }

    /// Waits until `is_there`, the spool is being closed, or the time is up.
    pub(super) fn wait(&self, most: Duration, is_there: impl Fn(&State) -> bool) {
        let nothing = |state: &mut State| state.stop.is_none() && !is_there(state);
        let _ = self.changed.wait_timeout_while(self.state(), most, nothing);
    }

    /// Tells deliverers to end when they have delivered everything, a sink fails, or `grace` is over.
    pub(super) fn stop(&self, grace: Duration) {
        self.state().stop = Some(Instant::now() + grace);
        self.changed.notify_all();
    }

    /// Whether the spool is being closed, and whether the grace is over too.
    pub(super) fn stopping(&self) -> (bool, bool) {
        let stop = self.state().stop;
        (stop.is_some(), stop.is_some_and(|end| Instant::now() >= end))
    }
}
