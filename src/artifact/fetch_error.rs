//! Why an artifact is not on local disk.

use std::io;
use std::path::{Path, PathBuf};

use super::{NotPrivate, NotRegular, StoreError};

/// Why an artifact is not on local disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The store failed; what was fetched so far is kept for the next attempt.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The expected digest is not one.
    #[error(
        "the sha256 given for `{key}` is `{given}`, which is not 64 lower-case hex digits: mend the manifest"
    )]
    NotADigest {
        /// The artifact.
        key: String,
        /// What was given as its digest.
        given: String,
    },
    /// The artifact is said to be larger than allowed.
    #[error(
        "`{key}` is said to be {bytes} bytes, more than the {limit} allowed: raise the limit if that is meant"
    )]
    TooLarge {
        /// The artifact.
        key: String,
        /// Its expected size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The object is shorter than expected.
    #[error("`{key}` in {location} is cut short by byte {ends_by} of {expected}: publish it again")]
    Truncated {
        /// The store.
        location: String,
        /// The artifact.
        key: String,
        /// Its expected size.
        expected: u64,
        /// A size that the object does not exceed.
        ends_by: u64,
    },
    /// The object is longer than expected.
    #[error("`{key}` in {location} is longer than the {expected} bytes expected: publish it again")]
    Overlong {
        /// The store.
        location: String,
        /// The artifact.
        key: String,
        /// Its expected size.
        expected: u64,
    },
    /// The content is not what was expected.
    #[error(
        "`{key}` in {location} has sha256 {actual}, not {expected}: damaged or replaced; publish it again"
    )]
    Digest {
        /// The store.
        location: String,
        /// The artifact.
        key: String,
        /// The digest in the manifest.
        expected: String,
        /// The digest of what is there.
        actual: String,
    },
    /// Something cannot be kept under this name.
    #[error(
        "`{name}` cannot name a file in the cache: use a short plain name without slashes or a leading dot"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// There is no directory for downloads.
    #[error(
        "there is no directory for downloads: neither XDG_CACHE_HOME nor HOME names one; set cache_dir \
         (LARDER_CACHE_DIR) to a directory for this user alone"
    )]
    NoCacheDir,
    /// The local file system failed, or what is there is not this user's.
    #[error("local file {} failed: {source}; {}", path.display(), cure(source))]
    Cache {
        /// The file or directory.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

/// What to do about a failure of the local file system.
fn cure(source: &io::Error) -> &'static str {
    match source.get_ref() {
        Some(inner) if inner.is::<NotPrivate>() => {
            "delete it, or set cache_dir to a directory for this user alone"
        }
        Some(inner) if inner.is::<NotRegular>() => "put the file there that belongs there",
        _ => "check that the disk has room and can be written",
    }
}

impl FetchError {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }

    /// Whether it is because nobody wants the artifact any more.
    pub fn is_stopped(&self) -> bool {
        matches!(self, Self::Store(StoreError::Stopped { .. }))
    }

    pub(super) fn cache(path: &Path, source: io::Error) -> Self {
        Self::Cache { path: path.to_owned(), source }
    }
}
