//! `manifest.json`: what a snapshot consists of.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::SnapshotError;

/// The newest manifest format this build reads, and the one it writes.
pub const FORMAT_VERSION: u32 = 1;
/// The manifest's file name.
pub const MANIFEST: &str = "manifest.json";
/// The most artifacts one snapshot may have.
const MAX_ARTIFACTS: usize = 256;

/// The list of a snapshot's artifacts, written last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// The snapshot's version: also its directory name.
    pub snapshot: String,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// The newest event used, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_until: Option<String>,
    /// The files.
    pub artifacts: Vec<ArtifactEntry>,
    /// Queries that must give known answers before the snapshot is served.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub golden: Vec<GoldenQuery>,
    /// How the recipes were chosen, for people; not read by the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Value>,
}

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

/// A request whose slate must hold known items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoldenQuery {
    /// The placement asked.
    pub placement: String,
    /// Seed items.
    #[serde(default)]
    pub seeds: Vec<String>,
    /// Session items, newest last.
    #[serde(default)]
    pub session: Vec<String>,
    /// The user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Items that must be in the slate.
    pub expect: Vec<String>,
}

impl Manifest {
    /// Reads and checks a manifest; `file` names it in messages.
    ///
    /// # Errors
    /// Malformed JSON, a newer format, no or two catalogues, repeated names, digests that are none.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Self, SnapshotError> {
        let wrong = |reason: String| SnapshotError::Document { file: file.to_owned(), reason };
        #[derive(Deserialize)]
        struct Version {
            format_version: u32,
        }
        let json = |e: serde_json::Error| wrong(format!("not a manifest: {e}"));
        let version: Version = serde_json::from_slice(bytes).map_err(json)?;
        if version.format_version == 0 || version.format_version > FORMAT_VERSION {
            return Err(wrong(format!(
                "format_version is {}, this build reads 1 to {FORMAT_VERSION}; upgrade larder or publish an older format",
                version.format_version
            )));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(json)?;
        manifest.check().map_err(wrong)?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        check_version(&self.snapshot)?;
        if self.artifacts.len() > MAX_ARTIFACTS {
            return Err(format!("{} artifacts, over the limit of {MAX_ARTIFACTS}", self.artifacts.len()));
        }
        for (at, entry) in self.artifacts.iter().enumerate() {
            if self.artifacts[..at].iter().any(|other| other.name == entry.name) {
                return Err(format!("artifact \"{}\" is listed twice", entry.name));
            }
            if !crate::artifact::is_key(&entry.path) {
                let ArtifactEntry { name, path, .. } = entry;
                return Err(format!("artifact \"{name}\": path {path:?} is not a plain relative path"));
            }
            if !crate::artifact::is_sha256(&entry.sha256) {
                return Err(format!("artifact \"{}\": sha256 is not 64 lower-case hex digits", entry.name));
            }
        }
        match self.of_kind("catalog").count() {
            1 => Ok(()),
            n => Err(format!("{n} artifacts of kind \"catalog\", expected exactly one")),
        }
    }

    /// The artifacts of a kind.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a ArtifactEntry> {
        self.artifacts.iter().filter(move |entry| entry.kind == kind)
    }

    /// The manifest as pretty JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

/// A version is a plain directory name.
pub(super) fn check_version(version: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if version.is_empty() || version.len() > 128 || version.starts_with('.') || !version.chars().all(plain) {
        return Err(format!(
            "snapshot version \"{version}\" is not a plain name (letters, digits, '-', '_', '.', at most 128)"
        ));
    }
    Ok(())
}
