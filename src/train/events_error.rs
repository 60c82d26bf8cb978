//! Why events cannot be read.

use thiserror::Error;

use crate::artifact::table::TableError;

/// Why events cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EventsError {
    /// A part that cannot be read, or that lacks a column.
    #[error(transparent)]
    Table(#[from] TableError),
    /// What was shown, where what was done is expected.
    #[error(
        "{file}: has exposures (what was shown), not events (what people did); leave it out here, and give it to \
         `larder report --exposures`"
    )]
    Exposures {
        /// The part.
        file: String,
    },
    /// A column that not all parts have.
    #[error(
        "{file}: {what} the column \"{column}\", unlike {other}; write all parts with the same columns, or train on \
         fewer of them"
    )]
    Columns {
        /// The part.
        file: String,
        /// `has` or `lacks`.
        what: &'static str,
        /// The column.
        column: String,
        /// The first part.
        other: String,
    },
    /// A column of another type than before.
    #[error(
        "{file}: column \"{column}\" is {found}, and {expected} in the parts before; write it as one type"
    )]
    Type {
        /// The part.
        file: String,
        /// The column.
        column: String,
        /// What it is.
        found: &'static str,
        /// What it was.
        expected: &'static str,
    },
    /// A partition that was asked for.
    #[error("{file}: its path has no partition \"{column}\"; expected a folder such as {column}=… above it")]
    Partition {
        /// The part.
        file: String,
        /// The column.
        column: String,
    },
    /// Too many rows to number.
    #[error("{file}: with it there are more than {limit} events; train on a shorter period")]
    TooMany {
        /// The part at which it was noticed.
        file: String,
        /// The most.
        limit: u64,
    },
    /// Files without anything to learn from.
    #[error("{files}: no usable row: {reason}")]
    NoUsableRow {
        /// The file, or how many there are.
        files: String,
        /// The commonest fault.
        reason: String,
    },
}
