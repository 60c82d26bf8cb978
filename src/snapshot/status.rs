//! A snapshot as operators see it.

use serde::Serialize;

use super::{Artifact, Snapshot};

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
    /// The index over its vectors, if it has vectors.
    pub index: Option<IndexStatus>,
    /// Bytes of its shards in memory, if it is a table of users' features.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_bytes: Option<u64>,
}

/// How vectors are searched.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct IndexStatus {
    /// The way: exhaustive, or by partitions.
    pub way: &'static str,
    /// The share of the exact best that it found when it was calibrated.
    pub recall: f32,
}

impl Snapshot {
    /// What there is to say about it.
    pub fn status(&self) -> SnapshotStatus {
        let manifest = self.manifest();
        let artifacts = manifest.artifacts.iter().map(|entry| {
            let artifact = self.artifact(&entry.name).map(AsRef::as_ref);
            let resident_bytes = match entry.kind.as_str() {
                "catalog" => Some(self.items().resident_bytes() + self.catalog().resident_bytes()),
                _ => artifact.map(Artifact::resident_bytes),
            };
            let (mut index, mut cached_bytes) = (None, None);
            match artifact {
                Some(Artifact::ItemVectors(items)) => {
                    index = Some(IndexStatus { way: items.index.way(), recall: items.index.recall() });
                }
                Some(Artifact::UserFeatures(users)) => cached_bytes = Some(users.cached_bytes()),
                _ => {}
            }
            ArtifactStatus {
                name: entry.name.clone(),
                kind: entry.kind.clone(),
                rows: entry.rows,
                bytes: entry.bytes,
                resident_bytes,
                sha256: entry.sha256.clone(),
                index,
                cached_bytes,
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
