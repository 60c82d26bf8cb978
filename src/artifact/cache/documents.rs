//! Small documents, each with the origin that it is from.

use std::collections::HashSet;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use super::blobs::remove;
use super::{BlobCache, failed, plain_name};
use crate::artifact::{FetchError, MAX_SMALL_OBJECT, read_private, whole_file};

/// Bytes that the first line may take besides the document's own.
const HEADING: u64 = 64 << 10;

impl BlobCache {
    /// Deletes the documents whose names begin with `prefix`, but for those in `keep`.
    ///
    /// # Errors
    /// A folder or file that the system does not let be read or deleted.
    pub fn forget(&self, prefix: &str, keep: &HashSet<String>) -> Result<(), FetchError> {
        let Some(folder) = self.folder("documents") else { return Ok(()) };
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
    ///
    /// # Errors
    /// A name that is none, or a disk that does not take it.
    pub fn remember(&self, name: &str, bytes: &[u8]) -> Result<(), FetchError> {
        let Some(path) = self.document(name)? else { return Ok(()) };
        let heading = self.heading();
        let written = whole_file::stage(&path, |file| {
            file.write_all(heading.as_bytes())?;
            file.write_all(bytes)
        });
        written.and_then(|staged| whole_file::publish(staged, &path)).map_err(|error| failed(&path, error))
    }

    /// The document last remembered under `name`, if any. One of another origin is none of this cache's.
    ///
    /// # Errors
    /// A name that is none, or a file that cannot be read or belongs to another user.
    pub fn recall(&self, name: &str) -> Result<Option<Vec<u8>>, FetchError> {
        let Some(path) = self.document(name)? else { return Ok(None) };
        let mut bytes = match read_private(&path, MAX_SMALL_OBJECT + HEADING) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&path, error)),
        };
        let heading = self.heading();
        if !bytes.starts_with(heading.as_bytes()) {
            tracing::warn!(file = %path.display(), "a cached document of another store is not used");
            return Ok(None);
        }
        bytes.drain(..heading.len());
        Ok(Some(bytes))
    }

    /// The first line of a document.
    fn heading(&self) -> String {
        // Quoted, as an origin may have any character in it.
        format!("{:?}\n", self.origin)
    }

    fn document(&self, name: &str) -> Result<Option<PathBuf>, FetchError> {
        let name = plain_name(name)?;
        Ok(self.folder("documents").map(|folder| folder.join(name)))
    }
}
