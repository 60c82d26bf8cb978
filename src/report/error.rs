//! Why there is no report.

use thiserror::Error;

use crate::artifact::table::TableError;
use crate::exposure::ReadError;
use crate::train::EventsError;

/// Why there is no report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Exposures that cannot be read.
    #[error("--exposures {0}")]
    Exposures(#[from] ReadError),
    /// Events that cannot be read.
    #[error("--events {0}")]
    Events(#[from] EventsError),
    /// A file that has more rows than can be numbered.
    #[error(
        "{file}: with it there are more than {limit} clicks and purchases; make the report for a shorter period"
    )]
    TooManyEvents {
        /// The file.
        file: String,
        /// The most.
        limit: u32,
    },
    /// Too many combinations.
    #[error("the exposures have more than {limit} combinations of {by}; tell them apart by less with --by")]
    TooManyRows {
        /// What they are told apart by.
        by: String,
        /// The most.
        limit: usize,
    },
}

impl From<TableError> for ReportError {
    fn from(error: TableError) -> Self {
        Self::Events(error.into())
    }
}
