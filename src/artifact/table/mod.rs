//! Tables as files: Parquet (any writer) and CSV, read a column at a time, with errors that name file, column and row.

mod cell;
mod csv_file;
mod outline;
mod parquet_file;
mod positioned;
mod write;

use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::setting::{As, SettingError, Size, number_within, size_within};

pub use cell::{Cell, CellKind};
pub use outline::Outline;
pub use write::{TableBatch, TableStream, TableWriter, float_lists, text_lists};

/// Why a table was refused. Rows count from 1.
#[derive(Debug, Error)]
pub enum TableError {
    /// The file cannot be opened, or is no Parquet or CSV.
    #[error("{file}: cannot be read: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the reader said.
        reason: String,
    },
    /// A column is not there.
    #[error("{file}: column \"{column}\" is missing; the file has: {found}")]
    MissingColumn {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// The columns that are there.
        found: String,
    },
    /// A column has the wrong type.
    #[error("{file}: column \"{column}\" is {found}, expected {expected}")]
    WrongType {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// What it is.
        found: String,
        /// What would fit.
        expected: &'static str,
    },
    /// A cell cannot be used.
    #[error("{file}: column \"{column}\", row {row}: {reason}")]
    BadValue {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// The row, from 1.
        row: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The file would decode to more than the limit.
    #[error("{file}: would decode to {size} {unit}, over the limit of {limit}")]
    TooLarge {
        /// The file.
        file: String,
        /// What it declares.
        size: u64,
        /// The most that is allowed.
        limit: u64,
        /// `rows` or `bytes`.
        unit: &'static str,
    },
    /// The file could not be written.
    #[error("{file}: cannot be written: {reason}; check that the directory exists and the disk has room")]
    Unwritable {
        /// The file.
        file: String,
        /// What went wrong.
        reason: String,
    },
}

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
}

impl Default for TableLimits {
    fn default() -> Self {
        Self { rows: 1 << 31, bytes: 16 << 30 }
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
pub type Visit<'v> = &'v mut dyn FnMut(usize, Cell<'_>) -> Result<(), String>;

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
    Parquet(parquet_file::ParquetFile),
    Csv(csv_file::CsvFile),
}

impl Table {
    /// Opens `path`: CSV if it ends in `.csv`, else Parquet. Reads only the footer of a Parquet file.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] and [`TableError::TooLarge`].
    pub fn open(path: &Path, limits: &TableLimits) -> Result<Self, TableError> {
        let is_csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        Self::open_as(path, is_csv, limits)
    }

    /// Opens a Parquet file whatever its name.
    ///
    /// # Errors
    /// As [`Table::open`].
    pub fn open_parquet(path: &Path, limits: &TableLimits) -> Result<Self, TableError> {
        Self::open_as(path, false, limits)
    }

    fn open_as(path: &Path, is_csv: bool, limits: &TableLimits) -> Result<Self, TableError> {
        let file = path.display().to_string();
        let unreadable = |reason: String| TableError::Unreadable { file: file.clone(), reason };
        let (rows, columns, body) = if is_csv {
            let body = csv_file::CsvFile::open(path).map_err(unreadable)?;
            (body.rows(), body.columns(), Body::Csv(body))
        } else {
            let body = parquet_file::ParquetFile::open(path).map_err(unreadable)?;
            let (rows, bytes) = body.declared();
            let large = |size, limit, unit| TableError::TooLarge { file: file.clone(), size, limit, unit };
            if rows > limits.rows {
                return Err(large(rows, limits.rows, "rows"));
            }
            if bytes > limits.bytes {
                return Err(large(bytes, limits.bytes, "bytes"));
            }
            (rows as usize, body.columns(), Body::Parquet(body))
        };
        Ok(Self { file, rows, columns, max_bytes: limits.bytes, body })
    }

    /// The row groups of a Parquet file, 1 for any other.
    pub fn groups(&self) -> usize {
        match &self.body {
            Body::Parquet(file) => file.groups(),
            Body::Csv(_) => 1,
        }
    }

    /// One row group of a Parquet file as a table of its own.
    ///
    /// # Errors
    /// A group that does not exist, or a file without groups.
    pub fn group(&self, group: usize) -> Result<Self, TableError> {
        let narrowed = match &self.body {
            Body::Parquet(file) if group < file.groups() => Ok(file.narrowed(group)),
            _ => Err(format!("has no row group {group}")),
        };
        self.with(narrowed)
    }

    fn with(&self, body: Result<parquet_file::ParquetFile, String>) -> Result<Self, TableError> {
        let (file, columns, max_bytes) = (self.file.clone(), self.columns.clone(), self.max_bytes);
        match body {
            Ok(body) => {
                let rows = body.declared().0 as usize;
                Ok(Self { file, rows, columns, max_bytes, body: Body::Parquet(body) })
            }
            Err(reason) => Err(TableError::Unreadable { file, reason }),
        }
    }

    /// The uncompressed bytes of a column, as a Parquet file declares them; 0 where nothing does.
    pub fn column_bytes(&self, column: &str) -> u64 {
        match &self.body {
            Body::Parquet(file) => file.column_bytes(column),
            Body::Csv(_) => 0,
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
        };
        outcome.map_err(|stop| self.stopped(column, stop))
    }

    fn stopped(&self, column: &str, stop: Stop) -> TableError {
        match stop {
            Stop::Unreadable(reason) => TableError::Unreadable { file: self.file.clone(), reason },
            Stop::TooLarge(size) => {
                TableError::TooLarge { file: self.file.clone(), size, limit: self.max_bytes, unit: "bytes" }
            }
            Stop::Refused { row, reason } => self.bad(column, row, reason),
        }
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
            Body::Parquet(body) => {
                body.outline(column).map_err(|reason| self.stopped(column, Stop::Unreadable(reason)))
            }
            Body::Csv(_) => Ok(Outline::default()),
        }
    }

    /// Visits a column that must hold text in every row, neither missing nor empty.
    ///
    /// # Errors
    /// As [`Table::each`], and [`TableError::WrongType`].
    pub fn each_id(
        &self,
        column: &str,
        mut visit: impl FnMut(usize, &str) -> Result<(), String>,
    ) -> Result<(), TableError> {
        self.expect(column, &[CellKind::Text], "text")?;
        self.each(column, &mut |row, cell| match cell {
            Cell::Text("") => Err("is empty".to_owned()),
            Cell::Text(text) => visit(row, text),
            _ => Err("is missing".to_owned()),
        })
    }

    /// The number that `find` gives each text of a column, in row order; every row must have text. Works in several threads.
    ///
    /// # Errors
    /// As [`Table::each_id`].
    pub fn numbers(
        &self,
        column: &str,
        find: impl Fn(&str) -> Result<u32, String> + Sync,
    ) -> Result<Vec<u32>, TableError> {
        self.expect(column, &[CellKind::Text], "text")?;
        let number = |cell: Cell<'_>| match cell {
            Cell::Text("") => Err("is empty".to_owned()),
            Cell::Text(text) => find(text),
            _ => Err("is missing".to_owned()),
        };
        let Body::Parquet(body) = &self.body else {
            let mut numbers = Vec::with_capacity(self.rows);
            self.each(column, &mut |_, cell| number(cell).map(|found| numbers.push(found)))?;
            return Ok(numbers);
        };
        let mut numbers = vec![0u32; self.rows];
        let mut rest = numbers.as_mut_slice();
        let slots = |rows: usize| rest.split_off_mut(..rows.min(rest.len())).unwrap_or_default();
        let visit = |slots: &mut &mut [u32], row: usize, cell: Cell<'_>| {
            let found = number(cell)?;
            *slots.get_mut(row).ok_or("is beyond the rows that the file declares")? = found;
            Ok(())
        };
        let outcome = body.each_apart(column, self.max_bytes, slots, visit);
        outcome.map_err(|stop| self.stopped(column, stop))?;
        Ok(numbers)
    }

    /// Visits a column that must hold a finite number in every row.
    ///
    /// # Errors
    /// As [`Table::each`], and [`TableError::WrongType`].
    pub fn each_number(
        &self,
        column: &str,
        mut visit: impl FnMut(usize, f64) -> Result<(), String>,
    ) -> Result<(), TableError> {
        self.expect(column, &[CellKind::Float, CellKind::Int], "a number")?;
        self.each(column, &mut |row, cell| match cell {
            Cell::Float(value) if value.is_finite() => visit(row, value),
            Cell::Float(value) => Err(format!("is {value}, expected a finite number")),
            Cell::Int(value) => visit(row, value as f64),
            _ => Err("is missing".to_owned()),
        })
    }

    /// Refuses a column of another kind than the expected ones.
    ///
    /// # Errors
    /// [`TableError::MissingColumn`] and [`TableError::WrongType`].
    pub fn expect(&self, column: &str, kinds: &[CellKind], expected: &'static str) -> Result<(), TableError> {
        let found = self.kind(column)?;
        if kinds.contains(found) {
            return Ok(());
        }
        let (file, column) = (self.file.clone(), column.to_owned());
        Err(TableError::WrongType { file, column, found: found.describe(), expected })
    }

    /// An error about one cell (row from 0).
    pub fn bad(&self, column: &str, row: usize, reason: String) -> TableError {
        TableError::BadValue { file: self.file.clone(), column: column.to_owned(), row: row + 1, reason }
    }
}

/// Why a visit ended early.
enum Stop {
    Unreadable(String),
    TooLarge(u64),
    Refused { row: usize, reason: String },
}
