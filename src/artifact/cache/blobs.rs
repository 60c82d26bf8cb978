//! Blobs and unfinished downloads. What some process needs is under a lock of its, and not deleted by another.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{BlobCache, failed, plain_name};
use crate::artifact::digest::sha256_of;
use crate::artifact::{FetchError, NotPrivate, NotRegular, key, open_private, partial::Partial, whole_file};

impl BlobCache {
    /// The blob with this digest, when it is here, whole and sound. From now on no other process deletes it, until
    /// this one does not [keep](BlobCache::retain) it or ends.
    ///
    /// # Errors
    /// A file that cannot be read, or belongs to another user.
    pub fn find(&self, sha256: &str, bytes: u64) -> Result<Option<PathBuf>, FetchError> {
        let Some(path) = self.blob(sha256)? else { return Ok(None) };
        match self.look(&path, sha256, bytes) {
            Ok(true) => Ok(Some(path)),
            Ok(false) => {
                self.held().remove(sha256);
                Ok(None)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if is_foreign(&error) => {
                // As good as none: what is downloaded takes its place.
                tracing::warn!(file = %path.display(), %error, "a cached blob is not used");
                Ok(None)
            }
            Err(error) => Err(failed(&path, error)),
        }
    }

    /// Whether the file at `path` is the blob.
    fn look(&self, path: &Path, sha256: &str, bytes: u64) -> io::Result<bool> {
        let file = open_private(File::options().read(true), path)?;
        if file.metadata()?.len() != bytes {
            return Ok(false);
        }
        // Once a process: whoever can change a file behind its back can change the process as well.
        if self.held().contains_key(sha256) {
            return Ok(true);
        }
        file.lock_shared()?;
        // Deleted by another process before it was locked.
        if file.metadata()?.nlink() == 0 {
            return Ok(false);
        }
        let (actual, _) = sha256_of(&file)?;
        if actual != sha256 {
            // Not deleted: the download that follows replaces it, under the lock that other processes wait for.
            tracing::warn!(blob = sha256, %actual, "a cached blob is corrupt and will be fetched again");
            return Ok(false);
        }
        self.held().insert(actual, file);
        Ok(true)
    }

    /// Deletes every blob and abandoned download whose digest is not in `keep`, but for those that another process
    /// needs; returns the bytes freed. `keep` must name what other threads are about to open.
    ///
    /// # Errors
    /// A folder or file that the system does not let be read or deleted.
    pub fn retain(&self, keep: &HashSet<String>) -> Result<u64, FetchError> {
        let mut freed = 0;
        for (digest, path) in self.files_below("blobs")? {
            if keep.contains(&digest) {
                continue;
            }
            self.held().remove(&digest);
            freed += delete_unless_held(&path)?;
        }
        for (digest, path) in self.files_below("partial")? {
            let Some(lock) = self.lock_path(&digest)?.filter(|_| !keep.contains(&digest)) else { continue };
            // An unfinished download may belong to another process that shares the directory.
            let options = &mut File::options();
            let file = open_private(options.create(true).truncate(false).write(true), &lock);
            match file.map_err(|error| failed(&lock, error))?.try_lock() {
                Ok(()) => freed += remove(&path)?,
                // Somebody is downloading it now.
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(failed(&lock, error)),
            }
        }
        Ok(freed)
    }

    /// Waits until nobody else downloads this blob, and keeps others out until dropped.
    pub(in crate::artifact) fn lock(&self, sha256: &str) -> Result<File, FetchError> {
        let path = self.lock_path(sha256)?.ok_or_else(no_directory)?;
        let file = open_private(File::options().create(true).truncate(false).write(true), &path);
        file.and_then(|file| file.lock().map(|()| file)).map_err(|error| failed(&path, error))
    }

    /// The unfinished download of a blob; its lock must be held.
    pub(in crate::artifact) fn partial(
        &self,
        sha256: &str,
        bytes: u64,
        part_bytes: u64,
    ) -> Result<Partial, FetchError> {
        let path = self.folder("partial").ok_or_else(no_directory)?.join(format!("{sha256}.part"));
        Partial::open(&path, bytes, part_bytes).map_err(|error| failed(&path, error))
    }

    /// Moves a finished and verified download among the blobs.
    pub(in crate::artifact) fn admit(&self, sha256: &str, partial: &Partial) -> Result<PathBuf, FetchError> {
        let path = self.blob(sha256)?.ok_or_else(no_directory)?;
        let from = partial.path();
        let file = open_private(File::options().read(true), from).map_err(|error| failed(from, error))?;
        // Before it has its name, by which others may delete it.
        file.lock_shared().map_err(|error| failed(from, error))?;
        whole_file::move_into_place(from, &path).map_err(|error| failed(&path, error))?;
        partial.delete().map_err(|error| failed(from, error))?;
        self.held().insert(sha256.to_owned(), file);
        Ok(path)
    }

    fn blob(&self, sha256: &str) -> Result<Option<PathBuf>, FetchError> {
        let name = plain_name(sha256)?;
        Ok(self.folder("blobs").map(|folder| folder.join(name)))
    }

    /// One lock for each first byte of a digest: few enough to be left in place for ever.
    fn lock_path(&self, sha256: &str) -> Result<Option<PathBuf>, FetchError> {
        let name = plain_name(sha256.get(..2).unwrap_or(sha256))?;
        Ok(self.folder("locks").map(|folder| folder.join(name)))
    }

    /// The visible files in a folder of the cache, each with the digest that its name starts with.
    fn files_below(&self, folder: &str) -> Result<Vec<(String, PathBuf)>, FetchError> {
        let Some(folder) = self.folder(folder) else { return Ok(Vec::new()) };
        let listed = || -> io::Result<Vec<(String, PathBuf)>> {
            let mut files = Vec::new();
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                let name =
                    path.file_name().and_then(|name| name.to_str()).filter(|name| key::is_segment(name));
                let digest = name.and_then(|name| name.split('.').next()).map(str::to_owned);
                files.extend(digest.map(|digest| (digest, path)));
            }
            Ok(files)
        };
        listed().map_err(|error| failed(&folder, error))
    }
}

/// Whether what is there is nothing that this program put there.
fn is_foreign(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<NotPrivate>() || inner.is::<NotRegular>())
}

/// A cache that keeps nothing was asked to keep something.
fn no_directory() -> FetchError {
    FetchError::NoCacheDir
}

/// Deletes a blob that no process needs; returns its bytes.
fn delete_unless_held(path: &Path) -> Result<u64, FetchError> {
    let file = match open_private(File::options().read(true), path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        // A link or another's file has no business here. Deleting a link leaves alone what it leads to.
        Err(_) => return remove(path),
    };
    match file.try_lock() {
        Ok(()) => remove(path),
        Err(TryLockError::WouldBlock) => Ok(0),
        Err(TryLockError::Error(error)) => Err(failed(path, error)),
    }
}

pub(super) fn remove(path: &Path) -> Result<u64, FetchError> {
    let bytes = fs::symlink_metadata(path).map(|found| found.len()).unwrap_or(0);
    match fs::remove_file(path) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(failed(path, error)),
    }
}
