//! From what people write after a flag (a file, a directory, a pattern, `s3://bucket/prefix`) to the local files that
//! it means, in a fixed order.

mod local;
mod pattern;
mod remote;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{FetchError, OpenOptions, StoreError};

/// Upper bound on the files that one value may mean; raising it takes some hundred bytes of memory for each.
const MOST: usize = 1_000_000;

/// One file of many that together are one table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// What people know it by: its path, or `s3://bucket/key`.
    pub name: String,
    /// Where it is on the local disk.
    pub path: PathBuf,
}

/// How the rows of a part are written, told by the ending of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartFormat {
    /// Parquet: `.parquet`, and any ending that is not listed.
    Parquet,
    /// CSV with a header line: `.csv`.
    Csv,
    /// A JSON object on each line: `.jsonl`, `.ndjson`, `.json`.
    JsonLines,
}

/// How parts are reached that are not on the local disk.
#[derive(Debug, Clone, Copy)]
pub struct PartOptions<'a> {
    /// How the store is opened.
    pub store: &'a OpenOptions,
    /// Where downloads are kept; empty where there is no such directory. They are named after their content's etag, so
    /// they are used again, and may be deleted at any time.
    pub cache_dir: &'a Path,
}

/// Why the files of a value cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PartError {
    /// A file or directory that cannot be read.
    #[error("{name}: {source}; check the path and its permissions")]
    Io {
        /// The file or directory.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// A value that means no file.
    #[error(
        "{value}: there are no files; expected files that end in .parquet, .csv, .jsonl, .ndjson or .json"
    )]
    Nothing {
        /// The value.
        value: String,
    },
    /// A file in a directory whose format cannot be told.
    #[error(
        "{name}: cannot tell what format it has: expected a name that ends in .parquet, .csv, .jsonl, .ndjson or \
         .json; choose files with a pattern, such as 'DIR/**/*.parquet', or move it away"
    )]
    Format {
        /// The file.
        name: String,
    },
    /// Too many files.
    #[error("{value}: has more than {MOST} files; name a smaller part of it")]
    TooMany {
        /// The value.
        value: String,
    },
    /// A value that cannot be one.
    #[error("{value}: expected a file, a directory, a pattern with * or ?, or s3://bucket/prefix")]
    Value {
        /// The value.
        value: String,
    },
    /// An object that is shorter than its listing says.
    #[error("{name}: has {found} bytes and was listed with {listed}: it was changed meanwhile; try again")]
    Changed {
        /// The object.
        name: String,
        /// What was read.
        found: u64,
        /// What the listing said.
        listed: u64,
    },
    /// There is no directory for downloads.
    #[error(transparent)]
    NoCacheDir(FetchError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Part {
    /// A local file by its path.
    pub fn local(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { name: path.display().to_string(), path }
    }

    /// How its rows are written.
    pub fn format(&self) -> PartFormat {
        format_of(&self.name).unwrap_or(PartFormat::Parquet)
    }

    /// The value of a Hive partition of its path, as in `dt=2026-11-20/hour=08`.
    pub fn partition(&self, column: &str) -> Option<&str> {
        let folders = self.name.split('/').rev().skip(1);
        folders
            .filter_map(|folder| folder.split_once('='))
            .find(|(name, _)| *name == column)
            .map(|pair| pair.1)
    }
}

/// The files that `values` mean, those of each value by name, each file once. Files in directories whose names begin
/// with `.` or `_` are left out. What is in a store is downloaded; `progress` is told what is done, and which share.
///
/// # Errors
/// A value that means no file, a file that cannot be read, a store that does not answer.
pub fn find_parts(
    values: &[String],
    options: PartOptions<'_>,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<Vec<Part>, PartError> {
    let mut parts: Vec<Part> = Vec::new();
    for value in values {
        let mut found = match value.split_once("://") {
            Some(("s3", address)) => remote::find(value, address, options, progress)?,
            Some(("file", path)) if path.starts_with('/') => local::find(value, path)?,
            Some(_) => return Err(PartError::Value { value: value.clone() }),
            None if value.is_empty() => return Err(PartError::Value { value: value.clone() }),
            None => local::find(value, value)?,
        };
        if found.is_empty() {
            return Err(PartError::Nothing { value: value.clone() });
        }
        found.sort();
        parts.append(&mut found);
    }
    // A pattern and a directory may mean the same file; its rows must not count twice.
    let mut seen = hashbrown::HashSet::new();
    parts.retain(|part| seen.insert(part.path.clone()));
    Ok(parts)
}

fn format_of(name: &str) -> Option<PartFormat> {
    let (_, ending) = name.rsplit('/').next()?.rsplit_once('.')?;
    match ending.to_ascii_lowercase().as_str() {
        "parquet" => Some(PartFormat::Parquet),
        "csv" => Some(PartFormat::Csv),
        "jsonl" | "ndjson" | "json" => Some(PartFormat::JsonLines),
        _ => None,
    }
}

/// Whether a file or folder is beside the data: `_SUCCESS`, `_metadata`, `.part-0.parquet.crc`.
fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '_'])
}
