//! Why a table was refused: by its reader, for its columns, or for one cell.

use std::error::Error as StdError;
use std::io;

use thiserror::Error;

use super::footer::FooterFault;
use super::page_fault::PageFault;

/// Why a visitor refused a cell. Each visitor has errors of its own; one becomes the source of
/// [`TableError::BadValue`].
pub type CellError = Box<dyn StdError + Send + Sync>;

/// Why a table was refused. Rows count from 1.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file cannot be opened, or is no Parquet or CSV.
    #[error("{file}: cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the reader said.
        source: ReadError,
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
    #[error("{file}: column \"{column}\", row {row}: {source}")]
    BadValue {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// The row, from 1.
        row: usize,
        /// What is wrong with it.
        source: CellError,
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
    #[error("{file}: cannot be written: {source}; check that the directory exists and the disk has room")]
    Unwritable {
        /// The file.
        file: String,
        /// What went wrong.
        source: Box<dyn StdError + Send + Sync>,
    },
}

/// What the reader of a file met.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The system did not give the file's bytes, or the threads to read it with.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is no Parquet, or is broken.
    #[error(transparent)]
    Parquet(#[from] parquet::errors::ParquetError),
    /// A page does not hold what its column promises.
    #[error(transparent)]
    Arrow(#[from] arrow_schema::ArrowError),
    /// The file is no CSV.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// A line of JSON lines that is no object.
    #[error("line {line}: {what}; expected a JSON object on each line")]
    Json {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// It happened in this column.
    #[error("column \"{column}\": {source}")]
    Column {
        /// The column.
        column: String,
        /// What happened.
        source: Box<ReadError>,
    },
    /// The footer was refused before it was read.
    #[error("{0}")]
    Footer(String),
    /// A page was refused before it was decoded.
    #[error("{0}")]
    Page(String),
    /// A row group was asked for that the file does not have.
    #[error("has no row group {group}")]
    NoGroup {
        /// The group, from 0.
        group: usize,
    },
    /// A column has another number of rows than the footer declares.
    #[error("has {found} rows, the footer says {declared}")]
    Rows {
        /// The rows that were read.
        found: usize,
        /// The rows that were declared.
        declared: i64,
    },
}

impl ReadError {
    pub(super) fn in_column(self, column: &str) -> Self {
        // Boxed, so that results in hot loops stay small.
        Self::Column { column: column.to_owned(), source: Box::new(self) }
    }
}

impl From<FooterFault> for ReadError {
    fn from(fault: FooterFault) -> Self {
        Self::Footer(fault.to_string())
    }
}

impl From<PageFault> for ReadError {
    fn from(fault: PageFault) -> Self {
        Self::Page(fault.to_string())
    }
}

/// Why the table itself refuses a cell, before any visitor sees it.
#[derive(Debug, Error)]
pub(super) enum BadCell {
    #[error("is empty")]
    Empty,
    #[error("is missing")]
    Missing,
    #[error("is {0}, expected a finite number")]
    NotFinite(f64),
    #[error("is beyond the rows that the file declares")]
    BeyondDeclared,
    #[error("is larger than 2^63 - 1")]
    AboveInt64,
    #[error("is of type {0}, which is not supported")]
    Type(arrow_schema::DataType),
    #[error("is a list of {0}, which is not supported")]
    ListType(arrow_schema::DataType),
}

/// Why a visit ended early.
pub(super) enum Stop {
    Unreadable(ReadError),
    /// The bytes that were decoded when the limit was passed.
    TooLarge(u64),
    Refused {
        /// The row, from 0.
        row: usize,
        reason: CellError,
    },
}

impl Stop {
    /// The same, if the rows were counted from row `first` of the file.
    pub(super) fn moved_by(self, first: usize) -> Self {
        match self {
            Self::Refused { row, reason } => Self::Refused { row: first + row, reason },
            other => other,
        }
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Unreadable(error)
    }
}
