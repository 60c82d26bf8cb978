//! Tables as files: Parquet (any writer), CSV and JSON lines, read a column at a time, with errors that name file,
//! column and row.

mod arrow_cells;
mod cell;
mod checked;
mod csv_file;
mod delta;
mod error;
mod footer;
mod group_reader;
mod json_columns;
mod json_lines;
mod levels;
mod outline;
mod page_fault;
mod page_head;
mod pages;
mod parquet_file;
mod positioned;
mod room;
mod scan;
mod thrift;
mod varint;
mod write;

use std::path::Path;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use csv_file::CsvFile;
use error::Stop;
use json_lines::JsonLines;
use parquet_file::{Declared, ParquetFile};

use super::{Part, PartFormat};
use crate::setting::{As, SettingError, Size, number_within, size_within};

pub use cell::{Cell, CellKind};
pub use error::{CellError, ReadError, TableError};
pub use outline::Outline;
pub use write::{TableBatch, TableStream, TableWriter, float_lists, text_lists};

/// Guards against files that decode to far more than they weigh.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default)]
pub struct TableLimits {
    /// The most rows.
    #[serde(rename = "max_table_rows")]
    pub rows: u64,
    /// The most bytes after decompression.
    #[serde(rename = "max_table_size", with = "As::<Size>")]
    pub bytes: u64,
    /// The most bytes that are decoded at the same time, pages and the rows made of them. A load sets it to what the
    /// snapshot may take; no setting of its own.
    #[serde(skip)]
    pub at_a_time: u64,
}

impl Default for TableLimits {
    fn default() -> Self {
        // Some writers make one page of a whole column: 50 million numbers take 400 MB.
        Self { rows: 1 << 31, bytes: 16 << 30, at_a_time: 1 << 30 }
    }
}

impl TableLimits {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), SettingError> {
        number_within("max_table_rows", self.rows, 1..=1 << 31)?;
        size_within("max_table_size", self.bytes, 1 << 20..=16 << 40)
    }
}

/// Is called with each row's number (from 0) and cell; what it returns as an error becomes [`TableError::BadValue`].
pub type Visit<'v> = &'v mut dyn FnMut(usize, Cell<'_>) -> Result<(), CellError>;

/// An open table.
#[derive(Debug, Clone)]
pub struct Table {
    file: String,
    rows: usize,
    columns: Vec<(String, CellKind)>,
    max_bytes: u64,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    Parquet(ParquetFile),
    Csv(CsvFile),
    JsonLines(JsonLines),
}

impl Table {
    /// Opens a part by its format. Of JSON lines and CSV all is read.
    ///
    /// # Errors
    /// As [`Table::open`].
    pub fn open_part(part: &Part, limits: &TableLimits) -> Result<Self, TableError> {
        let file = part.name.clone();
        if part.format() == PartFormat::JsonLines {
            let body =
                JsonLines::open(&part.path, limits).map_err(|stop| stopped(&file, "", limits.bytes, stop))?;
            let (rows, columns) = (body.rows(), body.columns());
            return Ok(Self { file, rows, columns, max_bytes: limits.bytes, body: Body::JsonLines(body) });
        }
        Self::open_as(&part.path, file, part.format() == PartFormat::Csv, limits)
    }

    /// Opens `path`: CSV if it ends in `.csv`, else Parquet. Reads only the footer of a Parquet file.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] and [`TableError::TooLarge`].
    pub fn open(path: &Path, limits: &TableLimits) -> Result<Self, TableError> {
        // By its name: a CSV file has no beginning to know it by.
        let is_csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        Self::open_as(path, path.display().to_string(), is_csv, limits)
    }

    /// Opens a Parquet file whatever its name.
    ///
    /// # Errors
    /// As [`Table::open`].
    pub fn open_parquet(path: &Path, limits: &TableLimits) -> Result<Self, TableError> {
        Self::open_as(path, path.display().to_string(), false, limits)
    }

    /// Reads a Parquet file that is in memory; `file` names it in messages.
    ///
    /// # Errors
    /// As [`Table::open`].
    pub fn from_parquet(bytes: Bytes, file: &str, limits: &TableLimits) -> Result<Self, TableError> {
        match ParquetFile::from_bytes(bytes, limits.at_a_time) {
            Ok(body) => Self::of_parquet(file.to_owned(), body, limits),
            Err(source) => Err(TableError::Unreadable { file: file.to_owned(), source }),
        }
    }

    fn open_as(path: &Path, file: String, is_csv: bool, limits: &TableLimits) -> Result<Self, TableError> {
        if !is_csv {
            return match ParquetFile::open(path, limits.at_a_time) {
                Ok(body) => Self::of_parquet(file, body, limits),
                Err(source) => Err(TableError::Unreadable { file, source }),
            };
        }
        match CsvFile::open(path) {
            Ok(body) => {
                let (rows, columns) = (body.rows(), body.columns());
                Ok(Self { file, rows, columns, max_bytes: limits.bytes, body: Body::Csv(body) })
            }
            Err(source) => Err(TableError::Unreadable { file, source }),
        }
    }

    fn of_parquet(file: String, body: ParquetFile, limits: &TableLimits) -> Result<Self, TableError> {
        let Declared { rows, bytes } = body.declared();
        // Held against the limits before anything is decoded: the footer of a small file may promise any number.
        if rows > limits.rows {
            return Err(TableError::TooLarge { file, size: rows, limit: limits.rows, unit: "rows" });
        }
        if bytes > limits.bytes {
            return Err(TableError::TooLarge { file, size: bytes, limit: limits.bytes, unit: "bytes" });
        }
        let columns = body.columns();
        Ok(Self { file, rows: rows as usize, columns, max_bytes: limits.bytes, body: Body::Parquet(body) })
    }

    /// The row groups of a Parquet file, 1 for any other.
    pub fn groups(&self) -> usize {
        match &self.body {
            Body::Parquet(file) => file.groups(),
            Body::Csv(_) | Body::JsonLines(_) => 1,
        }
    }

    /// One row group of a Parquet file as a table of its own.
    ///
    /// # Errors
    /// A group that does not exist, or a file without groups.
    pub fn group(&self, group: usize) -> Result<Self, TableError> {
        let Body::Parquet(body) = &self.body else {
            return Err(self.unreadable(ReadError::NoGroup { group }));
        };
        if group >= body.groups() {
            return Err(self.unreadable(ReadError::NoGroup { group }));
        }
        let body = body.only_group(group);
        let (file, rows) = (self.file.clone(), body.declared().rows as usize);
        let (columns, max_bytes) = (self.columns.clone(), self.max_bytes);
        Ok(Self { file, rows, columns, max_bytes, body: Body::Parquet(body) })
    }

    /// The uncompressed bytes of a column, as a Parquet file declares them; 0 where nothing does.
    pub fn column_bytes(&self, column: &str) -> u64 {
        match &self.body {
            Body::Parquet(file) => file.column_bytes(column),
            Body::Csv(_) | Body::JsonLines(_) => 0,
        }
    }

    /// How many rows the table has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns in the order of the file.
    pub fn columns(&self) -> &[(String, CellKind)] {
        &self.columns
    }

    /// Whether there is a column of this name.
    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|(name, _)| name == column)
    }

    /// What a column holds.
    ///
    /// # Errors
    /// [`TableError::MissingColumn`].
    pub fn kind(&self, column: &str) -> Result<&CellKind, TableError> {
        let known = self.columns.iter().find(|(name, _)| name == column);
        known.map(|(_, kind)| kind).ok_or_else(|| TableError::MissingColumn {
            file: self.file.clone(),
            column: column.to_owned(),
            found: self.columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// Visits every cell of a column, in row order.
    ///
    /// # Errors
    /// A missing column, an unreadable file, or what `visit` returned for a row.
    pub fn each(&self, column: &str, visit: Visit<'_>) -> Result<(), TableError> {
        self.kind(column)?;
        let outcome = match &self.body {
            Body::Parquet(body) => body.each(column, self.max_bytes, visit),
            Body::Csv(body) => body.each(column, visit),
            Body::JsonLines(body) => body.each(column, visit),
        };
        outcome.map_err(|stop| self.stopped(column, stop))
    }

    /// The error that this file cannot be read, for readers that work beside this one.
    pub fn unreadable(&self, source: impl Into<ReadError>) -> TableError {
        TableError::Unreadable { file: self.file.clone(), source: source.into() }
    }

    /// What the table is called in messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    fn stopped(&self, column: &str, stop: Stop) -> TableError {
        stopped(&self.file, column, self.max_bytes, stop)
    }

    /// As [`Table::each`], at most the first `rows` rows.
    ///
    /// # Errors
    /// As [`Table::each`].
    pub fn head(&self, column: &str, rows: usize, visit: Visit<'_>) -> Result<(), TableError> {
        self.kind(column)?;
        let outcome = match &self.body {
            Body::Parquet(body) => body.head(column, rows, self.max_bytes, visit),
            Body::Csv(body) => body.each(column, visit),
            Body::JsonLines(body) => body.each(column, visit),
        };
        outcome.map_err(|stop| self.stopped(column, stop))
    }

    /// A column in outline, without decoding it; of a CSV file nothing is known.
    ///
    /// # Errors
    /// A missing column, an unreadable file.
    pub fn outline(&self, column: &str) -> Result<Outline, TableError> {
        self.kind(column)?;
        match &self.body {
            Body::Parquet(body) => body.outline(column).map_err(|source| self.unreadable(source)),
            Body::Csv(_) | Body::JsonLines(_) => Ok(Outline::default()),
        }
    }
}

fn stopped(file: &str, column: &str, limit: u64, stop: Stop) -> TableError {
    let file = file.to_owned();
    match stop {
        Stop::Unreadable(source) => TableError::Unreadable { file, source },
        Stop::TooLarge(size) => TableError::TooLarge { file, size, limit, unit: "bytes" },
        Stop::Refused { row, reason } => {
            TableError::BadValue { file, column: column.to_owned(), row: row + 1, source: reason }
        }
    }
}
