//! What is wrong with a channel's file.

use thiserror::Error;

use crate::snapshot::manifest::VersionError;

/// What is wrong with a channel's file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// It is no JSON, or not of a channel's shape.
    #[error("not a channel: {0}")]
    Json(#[from] serde_json::Error),
    /// What it names cannot be a snapshot.
    #[error(transparent)]
    Version(#[from] VersionError),
}
