//! A directory as a store. An etag is the digest of the content; conditional writes are atomic between
//! threads and processes.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{
    ArtifactStore, Condition, Listed, LocationError, MAX_SMALL_OBJECT, NotRegular, Object, StoreError, key,
    open_regular, sha256_bytes, sha256_file, whole_file,
};

/// Held while an object is replaced, so that nothing comes between the test of a condition and the write.
/// No key can name it, because it starts with a dot.
const LOCK: &str = ".larder.lock";

#[derive(Debug, Error)]
#[error("{0}; check the owner and mode of the directory and its files")]
struct NotAllowed(#[source] io::Error);

/// Keeps each object as a file below one directory.
#[derive(Debug)]
pub struct LocalStore {
    root: PathBuf,
}

impl LocalStore {
    /// Opens a directory that exists.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        let source = match fs::metadata(&root) {
            Ok(found) if found.is_dir() => return Ok(Self { root }),
            Ok(_) => LocationError::NotADirectory,
            Err(error) => LocationError::Missing(error),
        };
        Err(StoreError::Location { location: root.display().to_string(), source })
    }

    /// Opens a directory, creating it when there is none.
    pub fn create(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        if let Err(error) = fs::create_dir_all(&root) {
            let source = LocationError::Uncreatable(error);
            return Err(StoreError::Location { location: root.display().to_string(), source });
        }
        Self::open(root)
    }

    fn path(&self, key: &str) -> Result<PathBuf, StoreError> {
        key::check(&self.location(), key)?;
        Ok(self.root.join(key))
    }

    /// Opens an object; like in S3, a folder is not one, and neither is a pipe or a device.
    fn open_object(&self, key: &str) -> Result<File, StoreError> {
        open_regular(&self.path(key)?).map_err(|error| self.failed(key, error))
    }

    /// Puts a staged write in place if `condition` holds.
    fn put(
        &self,
        key: &str,
        condition: &Condition,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let path = self.path(key)?;
        let written = || -> io::Result<bool> {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            // Written before the lock is taken: a large file must not keep other writers waiting.
            let staged = whole_file::stage(&path, write)?;
            let _lock = whole_file::lock(&self.root.join(LOCK))?;
            let holds = match condition {
                Condition::Always => true,
                Condition::IfAbsent => !fs::exists(&path)?,
                Condition::IfMatch(etag) => match sha256_file(&path) {
                    Ok((current, _)) => current == *etag,
                    Err(error) if error.kind() == ErrorKind::NotFound => false,
                    Err(error) => return Err(error),
                },
            };
            if holds {
                whole_file::publish(staged, &path)?;
            }
            Ok(holds)
        };
        match written() {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::Conflict { location: self.location(), key: key.to_owned() }),
            Err(error) => Err(self.failed(key, error)),
        }
    }

    fn failed(&self, key: &str, error: io::Error) -> StoreError {
        let (location, key) = (self.location(), key.to_owned());
        match error.kind() {
            ErrorKind::InvalidInput if is_folder(&error) => StoreError::NotFound { location, key },
            ErrorKind::InvalidInput => StoreError::Invalid { location, key, source: error.into() },
            // Where the root itself is gone, a volume is not mounted: that may pass, and no object is missing.
            ErrorKind::NotFound | ErrorKind::NotADirectory if self.root.is_dir() => {
                StoreError::NotFound { location, key }
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                StoreError::Denied { location, key, source: NotAllowed(error).into() }
            }
            ErrorKind::IsADirectory | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => {
                StoreError::Invalid { location, key, source: error.into() }
            }
            _ => StoreError::Unavailable { location, key, source: error.into() },
        }
    }
}

impl ArtifactStore for LocalStore {
    fn location(&self) -> String {
        self.root.display().to_string()
    }

    fn read(&self, key: &str) -> Result<Object, StoreError> {
        let mut bytes = Vec::new();
        let object = self.open_object(key)?;
        object.take(MAX_SMALL_OBJECT + 1).read_to_end(&mut bytes).map_err(|error| self.failed(key, error))?;
        if bytes.len() as u64 > MAX_SMALL_OBJECT {
            return Err(StoreError::too_large(&self.location(), key));
        }
        let etag = sha256_bytes(&bytes);
        Ok(Object { bytes, etag })
    }

    fn read_if_changed(&self, key: &str, etag: Option<&str>) -> Result<Option<Object>, StoreError> {
        let object = self.read(key)?;
        Ok(if etag == Some(object.etag.as_str()) { None } else { Some(object) })
    }

    fn read_range(&self, key: &str, start: u64, len: u64) -> Result<Vec<u8>, StoreError> {
        let mut object = self.open_object(key)?;
        let mut bytes = Vec::new();
        let read = object.seek(SeekFrom::Start(start)).and_then(|_| object.take(len).read_to_end(&mut bytes));
        read.map_err(|error| self.failed(key, error))?;
        Ok(bytes)
    }

    fn write_file(&self, key: &str, source: &Path) -> Result<(), StoreError> {
        let mut from = open_regular(source)
            .map_err(|error| StoreError::unreadable_source(&self.location(), key, source, error))?;
        self.put(key, &Condition::Always, |to| io::copy(&mut from, to).map(drop))
    }

    fn write(&self, key: &str, bytes: &[u8], condition: Condition) -> Result<String, StoreError> {
        self.put(key, &condition, |to| to.write_all(bytes))?;
        Ok(sha256_bytes(bytes))
    }

    fn list_dirs(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let prefix = key::check_prefix(&self.location(), prefix)?;
        let listed = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in fs::read_dir(self.root.join(prefix))? {
                let entry = entry?;
                // Through symbolic links too: a mounted ConfigMap is made of them.
                let is_dir = fs::metadata(entry.path()).is_ok_and(|found| found.is_dir());
                names.extend(
                    entry.file_name().into_string().ok().filter(|name| is_dir && key::is_segment(name)),
                );
            }
            names.sort_unstable();
            Ok(names)
        };
        match listed().map_err(|error| self.failed(prefix, error)) {
            Err(StoreError::NotFound { .. }) => Ok(Vec::new()),
            other => other,
        }
    }

    fn list_objects(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let prefix = key::check_prefix(&self.location(), prefix)?;
        let about = |path: &Path, key: String| -> io::Result<Listed> {
            let (etag, bytes) = sha256_file(path)?;
            Ok(Listed { key, bytes, etag })
        };
        let listed = || -> io::Result<Vec<Listed>> {
            let root = self.root.join(prefix);
            if !prefix.is_empty() && root.is_file() {
                return Ok(vec![about(&root, prefix.to_owned())?]);
            }
            let below = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
            let files = files_below(&root)?.into_iter().map(|(name, path)| (format!("{below}{name}"), path));
            files.filter(|(key, _)| key::is_key(key)).map(|(key, path)| about(&path, key)).collect()
        };
        match listed().map_err(|error| self.failed(prefix, error)) {
            Ok(mut objects) => {
                objects.sort_by(|one, other| one.key.cmp(&other.key));
                Ok(objects)
            }
            Err(StoreError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn local_path(&self, key: &str) -> Option<PathBuf> {
        self.path(key).ok()
    }
}

/// Whether the refusal to open something is about a folder.
fn is_folder(error: &io::Error) -> bool {
    let what = error.get_ref().and_then(|inner| inner.downcast_ref::<NotRegular>());
    what.is_some_and(NotRegular::is_folder)
}

/// Every visible file below a folder, by its key there.
fn files_below(root: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), root.to_owned())];
    while let Some((prefix, folder)) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') {
                continue;
            }
            let key = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                folders.push((format!("{key}/"), entry.path()));
            } else if fs::metadata(entry.path()).is_ok_and(|about| about.is_file()) {
                found.push((key, entry.path()));
            }
        }
    }
    Ok(found)
}
