//! A snapshot as operators see it.

use serde::Serialize;
use serde_json::{Map, Value};

use super::Snapshot;

/// What there is to say about a snapshot in memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SnapshotStatus {
    /// Its version.
    pub version: String,
    /// When it was made.
    pub created_at: String,
    /// The newest event that its models know, if its manifest says.
    pub data_until: Option<String>,
    /// Items of its catalogue.
    pub items: usize,
    /// Bytes in memory, roughly.
    pub resident_bytes: usize,
    /// Its artifacts, in the order of the manifest.
    pub artifacts: Vec<ArtifactStatus>,
}

/// What there is to say about one artifact of a snapshot in memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ArtifactStatus {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Rows of a table; 0 for other files.
    pub rows: u64,
    /// Bytes of its file.
    pub bytes: u64,
    /// Bytes in memory, roughly; `None` where it does not stay there as such.
    pub resident_bytes: Option<usize>,
    /// SHA-256 of its file, in hexadecimal.
    pub sha256: String,
    /// What its kind adds.
    #[serde(flatten)]
    pub details: Map<String, Value>,
}

impl Snapshot {
    /// What there is to say about it.
    pub fn status(&self) -> SnapshotStatus {
        let manifest = self.manifest();
        let artifacts = manifest.artifacts.iter().map(|entry| {
            let artifact = self.artifact(&entry.name);
            ArtifactStatus {
                name: entry.name.clone(),
                kind: entry.kind.clone(),
                rows: entry.rows,
                bytes: entry.bytes,
                resident_bytes: artifact.map(|artifact| artifact.resident_bytes()),
                sha256: entry.sha256.clone(),
                details: artifact.map(|artifact| artifact.status()).unwrap_or_default(),
            }
        });
        SnapshotStatus {
            version: manifest.snapshot.clone(),
            created_at: manifest.created_at.clone(),
            data_until: manifest.data_until.clone(),
            items: self.items().len(),
            resident_bytes: self.resident_bytes(),
            artifacts: artifacts.collect(),
        }
    }
}
