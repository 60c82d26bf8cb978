//! From files to a manifest.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::kinds::ArtifactError;
use super::{ArtifactEntry, FORMAT_VERSION, Manifest, SnapshotError};
use crate::artifact::{sha256_bytes, sha256_file};

/// A file that is to become an artifact.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildArtifact {
    /// The name that recipes will use.
    pub name: String,
    /// The artifact kind.
    pub kind: String,
    /// The file, relative to the directory.
    pub path: String,
    /// Rows of a table; 0 for other files.
    pub rows: u64,
    /// Parameters of the kind.
    pub params: Map<String, Value>,
}

/// Digests the files of `dir` and puts the manifest together. The version is made of `now` and the digests.
///
/// # Errors
/// A file that cannot be read.
pub fn build_manifest(
    dir: &Path,
    artifacts: Vec<BuildArtifact>,
    data_until_ms: Option<i64>,
    now: DateTime<Utc>,
) -> Result<Manifest, SnapshotError> {
    let mut entries = Vec::with_capacity(artifacts.len());
    for artifact in artifacts {
        let (sha256, bytes) = sha256_file(&dir.join(&artifact.path)).map_err(|source| {
            let file = artifact.path.clone();
            SnapshotError::of_artifact(&artifact.name, ArtifactError::Unreadable { file, source })
        })?;
        let BuildArtifact { name, kind, path, rows, params } = artifact;
        entries.push(ArtifactEntry { name, kind, path, sha256, bytes, rows, params });
    }
    Ok(Manifest {
        format_version: FORMAT_VERSION,
        snapshot: new_version(&entries, now),
        created_at: rfc3339(now),
        data_until: data_until_ms.and_then(DateTime::from_timestamp_millis).map(rfc3339),
        catalog_as_of: None,
        artifacts: entries,
        golden: Vec::new(),
        evidence: None,
    })
}

/// A time as manifests have it: whole seconds, rounded down.
pub fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// `20261120T030000Z-7f3a9c`: the time, and six digits of the digest of the artifacts' digests.
pub fn new_version(artifacts: &[ArtifactEntry], now: DateTime<Utc>) -> String {
    // Of the digests and not of the names alone: two builds in one second with other content get other versions.
    let digests: String = artifacts.iter().map(|entry| entry.sha256.as_str()).collect();
    let digest = sha256_bytes(digests.as_bytes());
    format!("{}-{}", now.format("%Y%m%dT%H%M%SZ"), digest.get(..6).unwrap_or("000000"))
}
