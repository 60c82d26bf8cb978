//! The local cache directory: verified blobs named by their digest, unfinished downloads, and the few small
//! documents that let a restart serve while the store is down. It is this user's alone, and processes may share it.

mod blobs;
mod documents;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{FetchError, key, private_dir};

/// A directory of downloads: `blobs/<sha256>`, `partial/`, `documents/<name>` and `locks/`.
///
/// A blob's size is checked whenever it is asked for, its digest the first time in each process. Files that belong to
/// another user, or are links, are never opened.
#[derive(Debug)]
pub struct BlobCache {
    /// None: nothing is kept.
    dir: Option<PathBuf>,
    /// What the documents are from.
    origin: String,
    /// The blobs that this process has verified, each under a shared lock, by which other processes know that it is
    /// needed.
    held: Mutex<HashMap<String, File>>,
}

impl BlobCache {
    /// Opens the cache in `dir`, creating what is missing.
    ///
    /// # Errors
    /// A directory that cannot be made, or is another user's.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, FetchError> {
        let dir = dir.into();
        for folder in ["", "blobs", "partial", "documents", "locks"] {
            let folder = if folder.is_empty() { dir.clone() } else { dir.join(folder) };
            private_dir(&folder).map_err(|error| failed(&folder, error))?;
        }
        Ok(Self { dir: Some(dir), origin: String::new(), held: Mutex::default() })
    }

    /// A cache that keeps nothing, for a store whose files are local.
    pub fn none() -> Self {
        Self { dir: None, origin: String::new(), held: Mutex::default() }
    }

    /// The same cache, whose documents are from `origin`: those from anywhere else count as not there.
    #[must_use]
    pub fn of(self, origin: impl Into<String>) -> Self {
        Self { origin: origin.into(), ..self }
    }

    fn folder(&self, name: &str) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.join(name))
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, File>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn plain_name(name: &str) -> Result<&str, FetchError> {
    let plain = name.len() <= 200 && key::is_segment(name);
    if plain { Ok(name) } else { Err(FetchError::Name { name: name.to_owned() }) }
}

fn failed(path: &Path, source: io::Error) -> FetchError {
    FetchError::Cache { path: path.to_owned(), source }
}
