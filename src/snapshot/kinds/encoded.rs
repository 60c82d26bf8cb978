//! What kinds are decoded from: a verified file and the manifest's words on it; and what they are recognised by.

use std::ops::RangeInclusive;
use std::path::Path;

use serde_json::{Map, Value};

use super::ArtifactError;
use crate::artifact::table::Table;
use crate::snapshot::{ArtifactEntry, LoadOptions};

/// An artifact's file, which is what the manifest promises, not decoded yet.
#[derive(Debug, Clone, Copy)]
pub struct Encoded<'a> {
    /// What the manifest says of it.
    pub entry: &'a ArtifactEntry,
    /// Where the file is.
    pub path: &'a Path,
    /// Limits of the load.
    pub options: &'a LoadOptions,
}

impl<'a> Encoded<'a> {
    /// Opens the file as a table and holds it against what the manifest says.
    ///
    /// # Errors
    /// No Parquet, over the limits, or another number of rows.
    pub fn table(&self) -> Result<Table, ArtifactError> {
        let table = Table::open_parquet(self.path, &self.options.table)?;
        // Catches a file that was cut between two row groups and sealed again.
        let (found, listed) = (table.rows() as u64, self.entry.rows);
        // Manifests of other writers may leave the number out.
        if listed != 0 && found != listed {
            return Err(ArtifactError::RowCount { found, listed });
        }
        Ok(table)
    }

    /// Its parameters.
    pub fn params(&self) -> Params<'a> {
        Params(&self.entry.params)
    }

    /// Refuses a file larger than `limit` bytes.
    pub(super) fn at_most(&self, limit: u64) -> Result<(), ArtifactError> {
        let bytes = self.entry.bytes;
        if bytes > limit { Err(ArtifactError::TooLarge { bytes, limit }) } else { Ok(()) }
    }

    /// That reading the file failed.
    pub(super) fn unreadable(&self, source: std::io::Error) -> ArtifactError {
        ArtifactError::Unreadable { file: self.path.display().to_string(), source }
    }
}

/// The parameters of an artifact, read with messages that name the key.
#[derive(Debug, Clone, Copy)]
pub struct Params<'a>(&'a Map<String, Value>);

impl<'a> Params<'a> {
    /// A parameter as it is written.
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key)
    }

    /// A number in `range`; `default` where nothing is said.
    ///
    /// # Errors
    /// [`ArtifactError::Parameter`].
    pub fn number(
        &self,
        key: &'static str,
        default: f64,
        range: RangeInclusive<f64>,
    ) -> Result<f64, ArtifactError> {
        let Some(value) = self.get(key) else { return Ok(default) };
        value.as_f64().filter(|number| range.contains(number)).ok_or_else(|| ArtifactError::Parameter {
            key,
            value: value.clone(),
            expected: format!("a number from {} to {}", range.start(), range.end()),
        })
    }

    /// One of a few words; `default` where nothing is said.
    ///
    /// # Errors
    /// [`ArtifactError::Parameter`].
    pub fn word<T>(
        &self,
        key: &'static str,
        default: T,
        parse: fn(&str) -> Option<T>,
        expected: &str,
    ) -> Result<T, ArtifactError> {
        let Some(value) = self.get(key) else { return Ok(default) };
        value.as_str().and_then(parse).ok_or_else(|| ArtifactError::Parameter {
            key,
            value: value.clone(),
            expected: expected.to_owned(),
        })
    }
}

/// A file in a directory that somebody else wrote.
#[derive(Debug, Clone, Copy)]
pub struct FoundFile<'a> {
    /// Its name.
    pub file: &'a str,
    /// Its first bytes.
    pub head: &'a [u8],
    /// Its table, if it is Parquet.
    pub table: Option<&'a Table>,
    /// What `params.toml` says of it.
    pub params: &'a Map<String, Value>,
}

impl FoundFile<'_> {
    /// Whether it is a table with all of these columns.
    pub fn has_columns(&self, columns: &[&str]) -> bool {
        self.table.is_some_and(|table| columns.iter().all(|column| table.has(column)))
    }
}
