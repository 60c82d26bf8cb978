//! Why an artifact's file was refused.

use std::error::Error as StdError;
use std::io;

use serde_json::Value;
use thiserror::Error;

use crate::artifact::table::TableError;
use crate::feature::did_you_mean;

/// Why an artifact's file cannot be served.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// Its table cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The file cannot be read at all.
    #[error("{file}: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The manifest places the file where no file of a snapshot may be.
    #[error("path \"{path}\" is not allowed")]
    Path {
        /// As the manifest has it.
        path: String,
    },
    /// The file is another than the one the manifest was made for.
    #[error(
        "{file} has {bytes} bytes and sha256 {sha256}, the manifest says {listed_bytes} and {listed_sha256}; build \
         the manifest again, or put back the file that it was made for"
    )]
    NotAsListed {
        /// The file.
        file: String,
        /// Its size.
        bytes: u64,
        /// Its digest.
        sha256: String,
        /// Its size in the manifest.
        listed_bytes: u64,
        /// Its digest in the manifest.
        listed_sha256: String,
    },
    /// A table has another number of rows than the manifest says.
    #[error("the file has {found} rows, the manifest says {listed}")]
    RowCount {
        /// The rows of the file.
        found: u64,
        /// The rows in the manifest.
        listed: u64,
    },
    /// The file is larger than a file of its kind may be.
    #[error("has {bytes} bytes, over the limit of {limit}")]
    TooLarge {
        /// Its size in the manifest.
        bytes: u64,
        /// The most that is allowed.
        limit: u64,
    },
    /// The manifest names a kind that this version does not have.
    #[error("kind \"{kind}\" is not known to this version{}", did_you_mean(*nearest))]
    UnknownKind {
        /// As written.
        kind: String,
        /// The nearest kind there is.
        nearest: Option<&'static str>,
    },
    /// A table that no kind recognises.
    #[error("its columns ({columns}) are those of no artifact kind")]
    Unrecognised {
        /// The columns that are there.
        columns: String,
    },
    /// A parameter of the kind has a value that it cannot have.
    #[error("params.{key} is {value}, expected {expected}")]
    Parameter {
        /// The parameter.
        key: &'static str,
        /// As the manifest has it.
        value: Value,
        /// What it may be.
        expected: String,
    },
    /// The artifact's part of `params.toml` is no table.
    #[error("[{name}] in params.toml is not a table")]
    ParamsNoTable {
        /// The artifact.
        name: String,
    },
    /// The reader of a foreign format panicked.
    #[error("its reader gave up on the file's structure; write it again with another writer or version")]
    ReaderPanicked,
    /// What only its own kind knows of.
    #[error(transparent)]
    Content(Box<dyn StdError + Send + Sync>),
}

impl ArtifactError {
    /// A kind's own error.
    pub fn content(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Content(error.into())
    }

    /// A short reason for a metric label.
    pub fn label(&self) -> &'static str {
        match self {
            // Apart from the rest: a table names column and row, and it is the writer of the file who must look.
            Self::Table(_) => "table",
            _ => "content",
        }
    }
}
