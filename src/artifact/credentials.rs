//! An access key for a store, and the authorities that its certificate is trusted from.

use std::error::Error;
use std::fmt;
#[cfg(any(feature = "s3", feature = "aws"))]
use std::path::Path;
use std::path::PathBuf;

/// An access key; its secret half is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// A file of certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "AWS_CA_BUNDLE, or ca_bundle of the AWS profile, names {}: {source}; expected a file of certificates in PEM",
    .path.display()
)]
pub struct CaBundleError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    source: Box<dyn Error + Send + Sync>,
}

impl CaBundleError {
    #[cfg(any(feature = "s3", feature = "aws"))]
    pub(super) fn refused(path: &Path, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { path: path.to_owned(), source: source.into() }
    }
}
