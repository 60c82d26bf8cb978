//! The local cache directory: verified blobs named by their digest, unfinished downloads, and the few small
//! documents that let a restart serve while the store is down. Processes may share one directory.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{FetchError, MAX_SMALL_OBJECT, key, partial::Partial, sha256_file, whole_file};

/// A directory of downloads: `blobs/<sha256>`, `partial/`, `documents/<name>` and `locks/`.
///
/// A blob's size is checked whenever it is asked for, its digest the first time in each process.
#[derive(Debug)]
pub struct BlobCache {
    dir: PathBuf,
    verified: Mutex<HashSet<String>>,
}

impl BlobCache {
    /// Opens the cache in `dir`, creating what is missing.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, FetchError> {
        let dir = dir.into();
        for folder in ["blobs", "partial", "documents", "locks"] {
            let folder = dir.join(folder);
            fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
        }
        Ok(Self { dir, verified: Mutex::default() })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The blob with this digest, when it is here, whole and sound.
    pub fn find(&self, sha256: &str, bytes: u64) -> Result<Option<PathBuf>, FetchError> {
        let path = self.blob(sha256)?;
        match fs::metadata(&path) {
            Ok(found) if found.is_file() && found.len() == bytes => {}
            Ok(_) => {
                self.verified().remove(sha256);
                return Ok(None);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&path, error)),
        }
        // Once a process: whoever can change a file behind its back can change the process as well.
        if self.verified().contains(sha256) {
            return Ok(Some(path));
        }
        let (actual, _) = sha256_file(&path).map_err(|error| failed(&path, error))?;
        if actual != sha256 {
            // Not deleted: the download that follows replaces it, under the lock that other processes wait for.
            tracing::warn!(blob = sha256, %actual, "a cached blob is corrupt and will be fetched again");
            return Ok(None);
        }
        self.verified().insert(actual);
        Ok(Some(path))
    }

    /// Deletes every blob and abandoned download whose digest is not in `keep`; returns the bytes freed.
    /// `keep` must name what other threads, and other processes on this directory, are about to open.
    pub fn retain(&self, keep: &HashSet<String>) -> Result<u64, FetchError> {
        let mut freed = 0;
        for (digest, path) in files_below(&self.dir.join("blobs"))? {
            if !keep.contains(&digest) {
                freed += remove(&path)?;
                self.verified().remove(&digest);
            }
        }
        for (digest, path) in files_below(&self.dir.join("partial"))? {
            if keep.contains(&digest) {
                continue;
            }
            let lock_path = self.lock_path(&digest)?;
            // An unfinished download may belong to another process that shares the directory.
            let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
            match lock.map_err(|error| failed(&lock_path, error))?.try_lock() {
                Ok(()) => freed += remove(&path)?,
                // Somebody is downloading it now.
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(failed(&lock_path, error)),
            }
        }
        Ok(freed)
    }

    /// Deletes the documents whose names begin with `prefix`, but for those in `keep`.
    pub fn forget(&self, prefix: &str, keep: &HashSet<String>) -> Result<(), FetchError> {
        let folder = self.dir.join("documents");
        let listed = fs::read_dir(&folder).map_err(|error| failed(&folder, error))?;
        for entry in listed.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(prefix) && !keep.contains(&name) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Stores a small document under a plain file name, whole or not at all.
    pub fn remember(&self, name: &str, bytes: &[u8]) -> Result<(), FetchError> {
        let path = self.document(name)?;
        let staged = whole_file::stage(&path, |file| file.write_all(bytes));
        staged.and_then(|staged| whole_file::publish(staged, &path)).map_err(|error| failed(&path, error))
    }

    /// The document last remembered under `name`, if any.
    pub fn recall(&self, name: &str) -> Result<Option<Vec<u8>>, FetchError> {
        let path = self.document(name)?;
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(MAX_SMALL_OBJECT).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&path, error)),
        }
    }

    /// Waits until nobody else downloads this blob, and keeps others out until dropped.
    pub(super) fn lock(&self, sha256: &str) -> Result<File, FetchError> {
        let path = self.lock_path(sha256)?;
        whole_file::lock(&path).map_err(|error| failed(&path, error))
    }

    /// The unfinished download of a blob; its lock must be held.
    pub(super) fn partial(&self, sha256: &str, bytes: u64, part_bytes: u64) -> Result<Partial, FetchError> {
        let path = self.dir.join("partial").join(format!("{sha256}.part"));
        Partial::open(&path, bytes, part_bytes).map_err(|error| failed(&path, error))
    }

    /// Moves a finished and verified download among the blobs.
    pub(super) fn admit(&self, sha256: &str, partial: &Partial) -> Result<PathBuf, FetchError> {
        let path = self.blob(sha256)?;
        whole_file::move_into_place(partial.path(), &path).map_err(|error| failed(&path, error))?;
        partial.delete().map_err(|error| failed(partial.path(), error))?;
        self.verified().insert(sha256.to_owned());
        Ok(path)
    }

    fn blob(&self, sha256: &str) -> Result<PathBuf, FetchError> {
        Ok(self.dir.join("blobs").join(plain_name(sha256)?))
    }

    fn document(&self, name: &str) -> Result<PathBuf, FetchError> {
        Ok(self.dir.join("documents").join(plain_name(name)?))
    }

    /// One lock for each first byte of a digest: few enough to be left in place for ever.
    fn lock_path(&self, sha256: &str) -> Result<PathBuf, FetchError> {
        Ok(self.dir.join("locks").join(plain_name(sha256.get(..2).unwrap_or(sha256))?))
    }

    fn verified(&self) -> MutexGuard<'_, HashSet<String>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn plain_name(name: &str) -> Result<&str, FetchError> {
    let plain = name.len() <= 200 && key::is_segment(name);
    if plain { Ok(name) } else { Err(FetchError::Name { name: name.to_owned() }) }
}

/// The visible files in a folder of the cache, each with the digest that its name starts with.
fn files_below(folder: &Path) -> Result<Vec<(String, PathBuf)>, FetchError> {
    let listed = || -> io::Result<Vec<(String, PathBuf)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).filter(|name| key::is_segment(name));
            let digest = name.and_then(|name| name.split('.').next()).map(str::to_owned);
            files.extend(digest.map(|digest| (digest, path)));
        }
        Ok(files)
    };
    listed().map_err(|error| failed(folder, error))
}

fn remove(path: &Path) -> Result<u64, FetchError> {
    let bytes = fs::metadata(path).map(|found| found.len()).unwrap_or(0);
    match fs::remove_file(path) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(failed(path, error)),
    }
}

fn failed(path: &Path, source: io::Error) -> FetchError {
    FetchError::Cache { path: path.to_owned(), source }
}
