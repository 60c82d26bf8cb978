//! One file of a snapshot, as its manifest lists it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One file of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArtifactEntry {
    /// The name that recipes use.
    pub name: String,
    /// `catalog`, `popularity`, `item_neighbors` …
    pub kind: String,
    /// The file, relative to the snapshot's directory.
    pub path: String,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
    /// Size of the file.
    pub bytes: u64,
    /// Rows of a table; 0 for other files.
    #[serde(default)]
    pub rows: u64,
    /// Parameters of the kind.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
}
