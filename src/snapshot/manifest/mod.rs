//! `manifest.json`: what a snapshot consists of.

mod entry;
mod error;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SnapshotError;
use super::kinds::{self, Count};

pub use entry::ArtifactEntry;
pub use error::{ManifestError, VersionError};

/// The newest manifest format this build reads, and the one it writes.
pub const FORMAT_VERSION: u32 = 1;
/// The manifest's file name.
pub const MANIFEST: &str = "manifest.json";
/// Upper bound on the artifacts of a snapshot: checks of their names are quadratic in it.
const MAX_ARTIFACTS: usize = 256;

/// Upper bound on the values of a manifest, those of `params` and `evidence` included: each takes up to thirty times
/// its bytes in memory.
const MAX_VALUES: usize = 500_000;

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
    /// Until when its catalogue knows what happened, RFC 3339: events after it are brought in when it is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_as_of: Option<String>,
    /// The files.
    pub artifacts: Vec<ArtifactEntry>,
    /// Queries that must give known answers before the snapshot is served.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub golden: Vec<GoldenQuery>,
    /// How the recipes were chosen, for people; not read by the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Value>,
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
    /// See [`ManifestError`].
    pub fn parse(bytes: &[u8], file: &str) -> Result<Self, SnapshotError> {
        Self::read(bytes).map_err(|source| SnapshotError::Manifest { file: file.to_owned(), source })
    }

    fn read(bytes: &[u8]) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Version {
            format_version: u32,
        }
        // Those in texts too: it is an upper bound.
        let values = bytes.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
        if values > MAX_VALUES {
            return Err(ManifestError::TooManyValues);
        }
        // The version by itself first: of a newer format nothing else may be readable.
        let version: Version = serde_json::from_slice(bytes)?;
        if version.format_version == 0 || version.format_version > FORMAT_VERSION {
            return Err(ManifestError::Format { found: version.format_version });
        }
        let manifest: Self = serde_json::from_slice(bytes)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        check_version(&self.snapshot)?;
        if self.artifacts.len() > MAX_ARTIFACTS {
            return Err(ManifestError::TooManyArtifacts { found: self.artifacts.len() });
        }
        for (at, entry) in self.artifacts.iter().enumerate() {
            let artifact = || entry.name.clone();
            // Quadratic, but for 256 artifacts at most.
            if self.artifacts[..at].iter().any(|other| other.name == entry.name) {
                return Err(ManifestError::ListedTwice { artifact: artifact() });
            }
            if !crate::artifact::is_key(&entry.path) {
                return Err(ManifestError::Path { artifact: artifact(), path: entry.path.clone() });
            }
            if !crate::artifact::is_sha256(&entry.sha256) {
                return Err(ManifestError::Digest { artifact: artifact(), sha256: entry.sha256.clone() });
            }
        }
        self.check_counts()?;
        self.data_until_ms()?;
        self.catalog_as_of_ms().map(|_| ())
    }

    /// Refuses more or fewer artifacts of a kind than there may be: of two catalogues, one would win silently.
    pub(super) fn check_counts(&self) -> Result<(), ManifestError> {
        for kind in kinds::ALL {
            let found: Vec<&str> = self.of_kind(kind.name).map(|entry| entry.name.as_str()).collect();
            // Kinds of which a snapshot has one are looked up by their kind and not by their name.
            let fits = match kind.count {
                Count::Any => true,
                Count::AtMostOne => found.len() <= 1,
                Count::ExactlyOne => found.len() == 1,
            };
            if !fits {
                let names = found.into_iter().map(str::to_owned).collect();
                return Err(ManifestError::Count { kind: kind.name, expected: kind.count, names });
            }
        }
        Ok(())
    }

    /// The newest event used, in milliseconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// [`ManifestError::Time`].
    pub fn data_until_ms(&self) -> Result<Option<i64>, ManifestError> {
        time_ms("data_until", self.data_until.as_deref())
    }

    /// Until when its catalogue knows what happened, in milliseconds since 1970-01-01 UTC. Where it does not say, the
    /// earlier of `data_until` and `created_at`: an event that is brought in again changes nothing, one that is left
    /// out is missed.
    ///
    /// # Errors
    /// [`ManifestError::Time`].
    pub fn catalog_as_of_ms(&self) -> Result<Option<i64>, ManifestError> {
        let said = time_ms("catalog_as_of", self.catalog_as_of.as_deref())?;
        // What is no time here has been read by nobody until now, and is no reason to refuse a snapshot.
        let created = time_ms("created_at", Some(&self.created_at)).ok().flatten();
        let until = self.data_until_ms()?;
        Ok(said.or(until.into_iter().chain(created).min()))
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

fn time_ms(field: &'static str, text: Option<&str>) -> Result<Option<i64>, ManifestError> {
    let Some(text) = text else { return Ok(None) };
    match chrono::DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(Some(time.timestamp_millis())),
        Err(source) => Err(ManifestError::Time { field, text: text.to_owned(), source }),
    }
}

/// A version is a plain directory name.
pub(super) fn check_version(version: &str) -> Result<(), VersionError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if version.is_empty() || version.len() > 128 || version.starts_with('.') || !version.chars().all(plain) {
        return Err(VersionError { version: version.to_owned() });
    }
    Ok(())
}
