//! Trying a snapshot out in a process of its own, before the one that serves touches it.
//!
//! A decoder that panics is caught. One that overflows the stack, is refused memory by the system, or never ends takes
//! its process along: so the first to decode a snapshot is a child process, under limits, without the parent's
//! environment. Its end says "refused", and the last artifact that it named says which.

mod child;
mod confine;
mod parent;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ArtifactEntry, Files, LoadOptions, Manifest, SnapshotError};

pub use child::try_out;
pub use confine::{Confinement, confine};
pub use parent::{Quarantine, QuarantineError};

/// What a child is to try out. The files have been fetched and verified: a child has no way to a store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trial {
    manifest: Manifest,
    /// In the manifest's order; `None` for one that is served already and not at hand.
    files: Vec<Option<PathBuf>>,
    /// Those that are served already, by name.
    shared: Vec<String>,
    /// Bytes that there are for it.
    memory: Option<u64>,
    max_artifact_bytes: u64,
    max_rows: u64,
    max_bytes: u64,
    user_features_memory: u64,
}

impl Trial {
    /// Fetches the files of a snapshot that is to be tried out. `shared` says which artifacts are served already.
    ///
    /// # Errors
    /// A file that cannot be had.
    pub(super) fn of(
        file: &Files<'_>,
        manifest: &Manifest,
        options: &LoadOptions,
        shared: impl Fn(&ArtifactEntry) -> bool,
    ) -> Result<Self, SnapshotError> {
        let (mut files, mut names) = (Vec::new(), Vec::new());
        for entry in &manifest.artifacts {
            let served = shared(entry);
            files.push(match file(entry) {
                Ok(path) => Some(path),
                // A load would not ask for it.
                Err(_) if served => None,
                Err(error) => return Err(error),
            });
            names.extend(served.then(|| entry.name.clone()));
        }
        Ok(Self {
            manifest: manifest.clone(),
            files,
            shared: names,
            memory: options.memory,
            max_artifact_bytes: options.max_artifact_bytes,
            max_rows: options.table.rows,
            max_bytes: options.table.bytes,
            user_features_memory: options.user_features_memory,
        })
    }

    /// Bytes of its files together.
    fn bytes(&self) -> u64 {
        self.manifest.artifacts.iter().fold(0, |sum, entry| sum.saturating_add(entry.bytes))
    }
}

/// What a snapshot that passed is like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Soundness {
    /// Its version.
    pub version: String,
    /// Items of its catalogue.
    pub items: usize,
    /// Its artifacts.
    pub artifacts: usize,
    /// Its placements.
    pub placements: usize,
    /// Bytes in memory; 0 where there was no room for all of it at the same time, and it was decoded part by part.
    pub resident_bytes: u64,
}

/// A line from the child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// It begins to work on this artifact.
    At(String),
    /// The snapshot is refused.
    Refused {
        /// The artifact at fault, if one is.
        artifact: Option<String>,
        /// [`SnapshotError::label`].
        label: String,
        /// Bytes that it needs, where there is not enough memory for it.
        needs: Option<u64>,
        /// The message.
        reason: String,
    },
    /// It passed.
    Sound(Soundness),
}
