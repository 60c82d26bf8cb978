//! Why a snapshot could not be trained.

use std::path::PathBuf;

use thiserror::Error;

use crate::artifact::table::TableError;
use crate::recommender::RecommendError;
use crate::snapshot::SnapshotError;

/// Why tuning or training came to no snapshot.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A table that cannot be read or written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A recipe that cannot be written as TOML.
    #[error("the recipes cannot be written as TOML: {0}")]
    Recipes(#[from] toml::ser::Error),
    /// What was trained would not be served (a defect), or a file of it cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The recommender of a trial does not know the placement that it was made for (a defect).
    #[error("a trial's recommender: {0}")]
    Replay(#[source] RecommendError),
    /// A file that cannot be written.
    #[error("{}: cannot be written: {source}; check that the directory exists and the disk has room", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}
