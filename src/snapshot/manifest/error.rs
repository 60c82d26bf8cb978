//! What is wrong with a manifest.

use thiserror::Error;

use super::{FORMAT_VERSION, MAX_ARTIFACTS, MAX_VALUES};
use crate::snapshot::SignatureError;
use crate::snapshot::kinds::Count;

/// What is wrong with a manifest.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// It is no JSON, or not of a manifest's shape.
    #[error("not a manifest: {0}")]
    Json(#[from] serde_json::Error),
    /// It is of a format that this build does not read.
    #[error(
        "format_version is {found}, this build reads 1 to {FORMAT_VERSION}; upgrade larder or publish an older format"
    )]
    Format {
        /// The format.
        found: u32,
    },
    /// Its version is no plain name.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// It is the manifest of another snapshot than the directory's.
    #[error("is the manifest of \"{found}\", expected \"{expected}\"")]
    OtherVersion {
        /// The version it names.
        found: String,
        /// The version that was looked for.
        expected: String,
    },
    /// It is not signed as it must be.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It holds too much to be read.
    #[error("more than {MAX_VALUES} values; keep long evidence beside the snapshot")]
    TooManyValues,
    /// It lists too many artifacts.
    #[error("{found} artifacts, over the limit of {MAX_ARTIFACTS}")]
    TooManyArtifacts {
        /// How many there are.
        found: usize,
    },
    /// Two artifacts have one name.
    #[error("artifact \"{artifact}\" is listed twice")]
    ListedTwice {
        /// The name.
        artifact: String,
    },
    /// A file is not where a snapshot's files may be.
    #[error("artifact \"{artifact}\": path {path:?} is not a plain relative path")]
    Path {
        /// The artifact.
        artifact: String,
        /// Its path as written.
        path: String,
    },
    /// A digest is none.
    #[error("artifact \"{artifact}\": sha256 is not 64 lower-case hex digits: \"{sha256:.80}\"")]
    Digest {
        /// The artifact.
        artifact: String,
        /// Its digest as written.
        sha256: String,
    },
    /// There are more or fewer artifacts of a kind than there may be.
    #[error("{} artifacts of kind \"{kind}\"{}, expected {expected}", names.len(), listed(names))]
    Count {
        /// The kind.
        kind: &'static str,
        /// How many there may be.
        expected: Count,
        /// The artifacts of the kind.
        names: Vec<String>,
    },
    /// A field is no time.
    #[error("{field} is \"{text}\", expected an RFC 3339 time: {source}")]
    Time {
        /// The field.
        field: &'static str,
        /// As written.
        text: String,
        /// What the parser said.
        source: chrono::ParseError,
    },
}

/// A snapshot version that cannot be the name of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("snapshot version \"{version}\" is not a plain name (letters, digits, '-', '_', '.', at most 128)")]
pub struct VersionError {
    /// As written.
    pub version: String,
}

/// ` ("a", "b")`, or nothing.
fn listed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    if quoted.is_empty() { String::new() } else { format!(" ({})", quoted.join(", ")) }
}
