//! Why a store did not do what it was asked.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{CaBundleError, MAX_SMALL_OBJECT};

/// What went wrong inside a store; each store has errors of its own.
type Cause = Box<dyn StdError + Send + Sync>;

/// Why a store did not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such object.
    #[error("`{key}` does not exist in {location}: check the name, or publish it first")]
    NotFound {
        /// The store.
        location: String,
        /// The object asked for.
        key: String,
    },
    /// The condition of a write did not hold.
    #[error("`{key}` in {location} was written by someone else first: read it again before deciding anew")]
    Conflict {
        /// The store.
        location: String,
        /// The object to be written.
        key: String,
    },
    /// The store could not be reached, or failed; the same call may succeed later.
    #[error(
        "{location} is unavailable for `{key}`: {source}; try again, or check that it is up and reachable"
    )]
    Unavailable {
        /// The store.
        location: String,
        /// The object asked for.
        key: String,
        /// What went wrong.
        source: Cause,
    },
    /// Whoever asked does not want the answer any more.
    #[error("reading `{key}` in {location} was called off")]
    Stopped {
        /// The store.
        location: String,
        /// The object asked for.
        key: String,
    },
    /// The store refused access; trying again will not help.
    #[error("{location} denied access to `{key}`: {source}")]
    Denied {
        /// The store.
        location: String,
        /// The object asked for.
        key: String,
        /// What was refused, and what to check.
        source: Cause,
    },
    /// The request itself cannot be served: a bad key, an object too large, an unreadable source file.
    #[error("{location} cannot serve `{key}`: {source}")]
    Invalid {
        /// The store.
        location: String,
        /// The object asked for.
        key: String,
        /// What is wrong, and what to do.
        source: Cause,
    },
    /// The location is not one that a store can be opened on.
    #[error("cannot open `{location}` as a store: {source}")]
    Location {
        /// The location as given.
        location: String,
        /// What is wrong, and what to do.
        source: LocationError,
    },
}

/// Why a store cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LocationError {
    /// Nothing is said.
    #[error("it is empty; name a directory or s3://bucket/prefix")]
    Empty,
    /// A URL of a kind that no store has.
    #[error("use s3://bucket/prefix, a directory, or file:///directory")]
    Scheme,
    /// A `file://` URL with a host, or a relative path.
    #[error("after file:// an absolute path is needed, as in file:///srv/larder")]
    RelativeFile,
    /// A path that is no directory.
    #[error("it is not a directory")]
    NotADirectory,
    /// A directory that cannot be looked at.
    #[error("{0}; check the path, or create the directory first")]
    Missing(#[source] io::Error),
    /// A directory that is to be created and cannot be.
    #[error("the directory cannot be created: {0}")]
    Uncreatable(#[source] io::Error),
    /// An S3 location in a build without S3.
    #[error("this build cannot reach S3: rebuild with the cargo feature `s3`, or name a directory")]
    WithoutS3,
    /// An S3 location without a bucket.
    #[error("the bucket is missing; write s3://bucket/prefix")]
    NoBucket,
    /// A bucket that is not there.
    #[error("the bucket does not exist; check its name and the endpoint, or create it")]
    UnknownBucket,
    /// Nothing says in which region the bucket is.
    #[error("no region is configured: give one in the options or in AWS_REGION")]
    NoRegion,
    /// The store's own threads.
    #[error("its threads cannot be started: {0}")]
    Threads(#[source] io::Error),
    /// The file of certificates to trust.
    #[error(transparent)]
    CaBundle(#[from] CaBundleError),
    /// The AWS configuration was not read to its end.
    #[error("reading the AWS configuration failed")]
    Configuration,
}

/// Why an object cannot be served or stored, in any store.
#[derive(Debug, Error)]
enum ObjectError {
    #[error(
        "it is larger than {MAX_SMALL_OBJECT} bytes, the most that is read whole; is it the right object?"
    )]
    TooLarge,
    #[error("the file to store, {}, cannot be read: {source}", .path.display())]
    UnreadableSource { path: PathBuf, source: io::Error },
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        // Denied access is not among them: it stays denied until somebody changes a policy or a key.
        matches!(self, Self::Unavailable { .. } | Self::Stopped { .. })
    }

    pub(super) fn invalid(location: &str, key: &str, source: impl Into<Cause>) -> Self {
        Self::Invalid { location: location.to_owned(), key: key.to_owned(), source: source.into() }
    }

    /// An object too large to be read whole.
    pub(super) fn too_large(location: &str, key: &str) -> Self {
        Self::invalid(location, key, ObjectError::TooLarge)
    }

    /// An upload whose source file cannot be read.
    pub(super) fn unreadable_source(location: &str, key: &str, source: &Path, error: io::Error) -> Self {
        Self::invalid(location, key, ObjectError::UnreadableSource { path: source.to_owned(), source: error })
    }
}
