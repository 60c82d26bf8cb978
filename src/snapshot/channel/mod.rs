//! `channels/NAME.json`: which snapshot a fleet should serve.

mod error;

use serde::{Deserialize, Serialize};

use super::SnapshotError;
use super::manifest::check_version;
use crate::artifact::{ArtifactStore, StoreError};

pub use error::ChannelError;

/// The pointer object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// The snapshot to serve.
    pub snapshot: String,
    /// What was served before; where a rollback goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// When it was switched, RFC 3339.
    pub published_at: String,
}

impl Channel {
    /// The key of a channel in its store.
    pub fn key(name: &str) -> String {
        format!("channels/{name}.json")
    }

    /// Reads a channel file; `file` names it in messages.
    ///
    /// # Errors
    /// Malformed JSON, or a version that is not a plain name.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Self, SnapshotError> {
        Self::check(bytes).map_err(|source| SnapshotError::Channel { file: file.to_owned(), source })
    }

    fn check(bytes: &[u8]) -> Result<Self, ChannelError> {
        let channel: Self = serde_json::from_slice(bytes)?;
        check_version(&channel.snapshot)?;
        Ok(channel)
    }

    /// The channel as pretty JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

/// Reads a channel and its etag; `None` if it does not exist yet.
///
/// # Errors
/// A store that does not answer, or a malformed channel.
pub fn read_channel(
    store: &dyn ArtifactStore,
    name: &str,
) -> Result<Option<(Channel, String)>, SnapshotError> {
    let key = Channel::key(name);
    match store.read(&key) {
        Ok(object) => Ok(Some((Channel::parse(&object.bytes, &key)?, object.etag))),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
