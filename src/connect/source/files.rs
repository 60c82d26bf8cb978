//! Files of JSON lines in a directory, followed as they grow.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::{EventSource, Polled, SourceError};
use crate::connect::Record;
use crate::connect::decode::limits::RECORD_BYTES;

/// Endings of the names of files that are read; others may lie beside them.
const ENDINGS: [&str; 3] = ["jsonl", "ndjson", "json"];

/// Bytes that are read of a file before the next has its turn. Raising it reads a backlog in longer pieces and takes
/// memory.
const PIECE: usize = 256 << 10;

/// How often the directory is looked through for new files. Known files are looked at with every poll.
const LOOK: Duration = Duration::from_millis(200);

/// After this long, a last line without an end is taken for whole: somebody wrote it without one.
const UNENDED: Duration = Duration::from_secs(1);

/// A directory whose files are followed. A file is known by its inode: one that is renamed goes on where it was, one
/// that takes its place is read from its beginning, and so is one that became shorter.
#[derive(Debug)]
pub struct FilesSource {
    name: String,
    dir: PathBuf,
    files: BTreeMap<(u64, u64), Followed>,
    looked: Option<Instant>,
    /// Files of the first look that are not read to the end that they had then.
    behind: Option<BTreeMap<(u64, u64), u64>>,
    /// Never sent on: only to wait for, as a thread that sleeps cannot be told to stop.
    pause: (SyncSender<()>, Receiver<()>),
}

/// A file, and how far it is read.
#[derive(Debug)]
struct Followed {
    name: String,
    file: File,
    /// Bytes that were read.
    read: u64,
    line: i64,
    /// The beginning of a line whose end is not there yet.
    rest: Vec<u8>,
    /// Whether the line is too long, and its end is waited for only to leave it out.
    skipping: bool,
    grown: Instant,
}

impl FilesSource {
    /// Follows the files of a directory, which is made if it is not there. `name` is the source's in records.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open(name: &str, dir: &Path) -> Result<Self, SourceError> {
        fs::create_dir_all(dir).map_err(|source| failed(dir, source))?;
        Ok(Self {
            name: name.to_owned(),
            dir: dir.to_owned(),
            files: BTreeMap::new(),
            looked: None,
            behind: None,
            pause: sync_channel(1),
        })
    }

    /// Finds files that are new, and forgets those that are gone.
    fn look(&mut self) -> Result<(), SourceError> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return Ok(());
        }
        let mut there = BTreeMap::new();
        for entry in fs::read_dir(&self.dir).map_err(|source| failed(&self.dir, source))? {
            let path = entry.map_err(|source| failed(&self.dir, source))?.path();
            if !path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known)) {
                continue;
            }
            // A file that goes at this moment was as good as never there.
            let Ok(about) = fs::metadata(&path) else { continue };
            if about.is_file() {
                there.insert(key(&about, &path), (path, about.len()));
            }
        }
        // What is gone may have lines that are not read yet: it stays open until they are.
        self.files.retain(|key, file| there.contains_key(key) || !file.is_at_end());
        for (key, (path, _)) in &there {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            match self.files.get_mut(key) {
                Some(known) => known.name = name,
                None => {
                    let file = File::open(path).map_err(|source| failed(path, source))?;
                    self.files.insert(*key, Followed::new(name, file));
                }
            }
        }
        if self.behind.is_none() {
            self.behind = Some(there.into_iter().map(|(key, (_, bytes))| (key, bytes)).collect());
        }
        self.looked = Some(Instant::now());
        Ok(())
    }

    fn read(&mut self, each: &mut dyn FnMut(&Record<'_>)) -> Result<bool, SourceError> {
        // By name, as files that are named by date were written one after the other.
        let mut files: Vec<&mut Followed> = self.files.values_mut().collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let mut more = false;
        for file in files {
            more |=
                file.read(&self.name, each).map_err(|source| failed(&self.dir.join(&file.name), source))?;
        }
        if let Some(behind) = &mut self.behind {
            behind.retain(|key, end| self.files.get(key).is_some_and(|file| file.read < *end));
        }
        Ok(more)
    }
}

impl EventSource for FilesSource {
    fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(&Record<'_>)) -> Result<Polled, SourceError> {
        self.look()?;
        let mut found = false;
        let mut more = self.read(&mut |record| {
            found = true;
            each(record);
        })?;
        if !found && !more {
            // Nothing tells when a file grows: the next look is after a while.
            if self.pause.1.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                return Ok(Polled { caught_up: false, more: false });
            }
            more = false;
        }
        Ok(Polled { caught_up: self.behind.as_ref().is_some_and(BTreeMap::is_empty), more })
    }
}

impl Followed {
    fn new(name: String, file: File) -> Self {
        let grown = Instant::now();
        Self { name, file, read: 0, line: 0, rest: Vec::new(), skipping: false, grown }
    }

    fn is_at_end(&self) -> bool {
        self.file.metadata().is_ok_and(|about| about.len() <= self.read) && self.rest.is_empty()
    }

    /// Hands on the lines that came; whether there may be more.
    fn read(&mut self, source: &str, each: &mut dyn FnMut(&Record<'_>)) -> io::Result<bool> {
        let bytes = self.file.metadata()?.len();
        if bytes < self.read {
            tracing::info!(
                file = self.name,
                "a file of events became shorter: it is read from its beginning"
            );
            self.file.seek(SeekFrom::Start(0))?;
            (self.read, self.line, self.skipping) = (0, 0, false);
            self.rest.clear();
        }
        if bytes == self.read {
            if !self.rest.is_empty() && !self.skipping && self.grown.elapsed() >= UNENDED {
                let line = std::mem::take(&mut self.rest);
                self.hand_on(source, &line, each);
            }
            return Ok(false);
        }
        let mut piece = vec![0; PIECE.min(usize::try_from(bytes - self.read).unwrap_or(PIECE))];
        let filled = match self.file.read(&mut piece) {
            Ok(filled) => filled,
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(true),
            Err(error) => return Err(error),
        };
        self.read += filled as u64;
        self.grown = Instant::now();
        self.take(source, piece.get(..filled).unwrap_or_default(), each);
        Ok(self.read < bytes)
    }

    fn take(&mut self, source: &str, piece: &[u8], each: &mut dyn FnMut(&Record<'_>)) {
        let mut lines = piece.split_inclusive(|byte| *byte == b'\n');
        for part in &mut lines {
            let Some(whole) = part.strip_suffix(b"\n") else {
                self.keep(part);
                break;
            };
            if self.rest.is_empty() {
                self.hand_on(source, whole, each);
            } else {
                self.keep(whole);
                let line = std::mem::take(&mut self.rest);
                self.hand_on(source, &line, each);
            }
            self.skipping = false;
        }
    }

    /// Keeps a part of a line: no more of it than is needed to see that it is too long.
    fn keep(&mut self, part: &[u8]) {
        let room = (RECORD_BYTES + 1).saturating_sub(self.rest.len());
        self.skipping = part.len() > room;
        self.rest.extend_from_slice(part.get(..room).unwrap_or(part));
    }

    fn hand_on(&mut self, source: &str, line: &[u8], each: &mut dyn FnMut(&Record<'_>)) {
        self.line += 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // An empty line is no tombstone: files have no deletions.
        if !line.trim_ascii().is_empty() {
            each(&Record::new(source, line).at(&self.name, self.line));
        }
    }
}

#[cfg(unix)]
fn key(about: &Metadata, _path: &Path) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (about.dev(), about.ino())
}

/// By name, where files have no numbers: one that is renamed is read again, which changes nothing.
#[cfg(not(unix))]
fn key(_about: &Metadata, path: &Path) -> (u64, u64) {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    (0, hasher.finish())
}

fn failed(path: &Path, source: io::Error) -> SourceError {
    SourceError::Io { path: path.display().to_string(), source }
}
