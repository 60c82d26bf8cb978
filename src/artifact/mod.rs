//! Where snapshots come from and go to: one narrow, synchronous trait over object storage, three stores behind it (a
//! directory, memory, S3), and verified, resumable downloads.

#[cfg(any(feature = "s3", feature = "aws"))]
pub(crate) mod aws;
mod cache;
mod conditional;
mod credentials;
mod digest;
mod download;
mod error;
mod fetch_error;
mod key;
mod local;
mod location;
mod memory;
mod partial;
mod parts;
mod private;
mod regular_file;
#[cfg(feature = "s3")]
mod s3;
mod stop;
pub mod table;
mod whole_file;

use std::path::{Path, PathBuf};

pub use cache::BlobCache;
pub use conditional::Conditional;
pub use credentials::{CaBundleError, Credentials};
pub use digest::{is_sha256, sha256_bytes, sha256_file};
pub use download::{FetchOptions, fetch};
pub use error::{LocationError, StoreError};
pub use fetch_error::FetchError;
pub use key::is_key;
pub use local::LocalStore;
pub use location::{OpenOptions, open};
pub use memory::MemoryStore;
pub use parts::{Part, PartError, PartFormat, PartOptions, find_parts};
pub use private::{NotPrivate, open_private, private_dir, read_private};
pub use regular_file::{NotRegular, is_same_file, name_of, open_regular, read_regular};
#[cfg(feature = "s3")]
pub use s3::{S3Options, S3Store};
pub use stop::Stop;
pub use whole_file::replace_file;

/// The most that [`ArtifactStore::read`] takes into memory; a manifest or a channel is far smaller.
pub const MAX_SMALL_OBJECT: u64 = 16 << 20;

/// A place that keeps objects under relative, slash-separated keys.
///
/// Calls block. They may come from any thread that is allowed to wait, which an async worker is not.
/// Keys are refused with [`StoreError::Invalid`] when a segment is empty or starts with a dot, or when they
/// hold a backslash or control character: some of them come out of a manifest.
pub trait ArtifactStore: Send + Sync + std::fmt::Debug {
    /// Where this is, for messages: `s3://bucket/prefix`, or the directory.
    fn location(&self) -> String;

    /// Tells this store from all others: the location, and the server if there are several that it may be on.
    fn identity(&self) -> String {
        self.location()
    }

    /// Reads a small object whole, up to [`MAX_SMALL_OBJECT`].
    fn read(&self, key: &str) -> Result<Object, StoreError>;

    /// Like [`read`](Self::read), but `None` when the object still has this etag.
    fn read_if_changed(&self, key: &str, etag: Option<&str>) -> Result<Option<Object>, StoreError>;

    /// Reads `len` bytes from `start`. The answer is shorter only where the object ends, and empty past it.
    fn read_range(&self, key: &str, start: u64, len: u64) -> Result<Vec<u8>, StoreError>;

    /// Like [`read_range`](Self::read_range), but ends soon after `stop` is set, with [`StoreError::Stopped`]. A store
    /// that cannot break off a read ends before it.
    fn read_range_until(&self, key: &str, start: u64, len: u64, stop: &Stop) -> Result<Vec<u8>, StoreError> {
        if stop.is_set() {
            return Err(StoreError::Stopped { location: self.location(), key: key.to_owned() });
        }
        self.read_range(key, start, len)
    }

    /// Stores a file of any size, replacing what was there.
    fn write_file(&self, key: &str, source: &Path) -> Result<(), StoreError>;

    /// Stores a small object if `condition` holds, and returns its new etag; else [`StoreError::Conflict`].
    fn write(&self, key: &str, bytes: &[u8], condition: Condition) -> Result<String, StoreError>;

    /// The names of the "folders" directly below `prefix` (empty: the root), sorted. None is no error.
    fn list_dirs(&self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// All objects below the folder `prefix` at any depth, or the one of that name, by key. None is no error. Objects
    /// whose names are no keys are left out.
    fn list_objects(&self, prefix: &str) -> Result<Vec<Listed>, StoreError>;

    /// The file behind `key`, when objects are local files that can be read in place. It need not exist.
    fn local_path(&self, _key: &str) -> Option<PathBuf> {
        None
    }
}

/// A small object, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The content.
    pub bytes: Vec<u8>,
    /// Names this content; opaque, and only comparable within one store.
    pub etag: String,
}

/// An object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key in the store.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// As [`Object::etag`].
    pub etag: String,
}

/// What must be true of the stored object for a write to take place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: replace whatever is there.
    Always,
    /// There is no such object yet.
    IfAbsent,
    /// The object still has this etag.
    IfMatch(String),
}
