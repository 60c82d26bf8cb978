//! Why a snapshot was refused.

use thiserror::Error;

use crate::artifact::table::TableError;
use crate::artifact::{FetchError, StoreError};

/// A snapshot that cannot be loaded, built or published. Names the artifact at fault wherever there is one.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The store did not answer as needed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A manifest or channel file is not what it should be.
    #[error("{file}: {reason}")]
    Document {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An artifact is not the file that the manifest promises.
    #[error("artifact \"{artifact}\": {source}")]
    Fetch {
        /// The artifact.
        artifact: String,
        /// What is wrong with it.
        source: FetchError,
    },
    /// An artifact's table cannot be read.
    #[error("artifact \"{artifact}\": {source}")]
    Table {
        /// The artifact.
        artifact: String,
        /// What is wrong with it.
        source: TableError,
    },
    /// An artifact's content makes no sense.
    #[error("artifact \"{artifact}\": {reason}")]
    Content {
        /// The artifact.
        artifact: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The parts do not fit each other: a recipe that names what is not there, a golden query that fails.
    #[error("{part}: {reason}")]
    Refused {
        /// What holds the part: `placements` or `golden`.
        artifact: &'static str,
        /// `placements.toml, line 4`, or `golden query 3`.
        part: String,
        /// What does not fit.
        reason: String,
    },
    /// There is not enough memory for it beside what is served.
    #[error(
        "needs about {needs} bytes of memory, and of the budget of {budget} there are {room} left beside what is served \
         (largest: artifact \"{largest}\"); raise memory_budget or the container's limit, or publish less"
    )]
    Memory {
        /// Bytes it will take, and while it is decoded.
        needs: u64,
        /// Bytes there are for it.
        room: u64,
        /// Bytes there are for all.
        budget: u64,
        /// The artifact that needs most.
        largest: String,
    },
    /// Two publishers met.
    #[error(
        "channel \"{channel}\" was switched by someone else at the same time; it now serves {now}. Look at it, then publish again"
    )]
    LostRace {
        /// The channel.
        channel: String,
        /// What it names now.
        now: String,
    },
}

impl SnapshotError {
    /// The artifact at fault, if one is.
    pub fn artifact(&self) -> Option<&str> {
        match self {
            Self::Fetch { artifact, .. } | Self::Table { artifact, .. } | Self::Content { artifact, .. } => {
                Some(artifact)
            }
            Self::Refused { artifact, .. } => Some(artifact),
            _ => None,
        }
    }

    /// A short reason for a metric label.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Store(StoreError::NotFound { .. }) => "not_found",
            Self::Store(_) => "store",
            Self::Document { .. } => "document",
            Self::Fetch { .. } => "fetch",
            Self::Table { .. } => "table",
            Self::Content { .. } => "content",
            Self::Refused { .. } => "refused",
            Self::Memory { .. } => "memory",
            Self::LostRace { .. } => "lost_race",
        }
    }

    /// Whether trying again may help without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Fetch { source, .. } => source.is_transient(),
            _ => false,
        }
    }
}
