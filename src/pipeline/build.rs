//! What a stage's factory gets to read, and why it may refuse.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use thiserror::Error;

use super::InputError;
use crate::feature::{Column, PredicateError, nearest};
use crate::snapshot::{ArtifactKind, ArtifactLookupError, Snapshot};

/// Why a stage cannot be made in a snapshot.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No stage of this kind.
    #[error("there is no {stage} of kind \"{kind}\"{}; known: {known}", hint(.kind, .known))]
    UnknownKind {
        /// `source`, `filter`, `scorer` or `re-ranker`.
        stage: &'static str,
        /// As written.
        kind: String,
        /// The kinds there are.
        known: String,
    },
    /// No artifact of this name.
    #[error("the snapshot has no artifact \"{name}\"{}; it has: {known}", hint(.name, .known))]
    UnknownArtifact {
        /// As written.
        name: String,
        /// The artifacts there are.
        known: String,
    },
    /// The artifact is of another kind.
    #[error("artifact \"{name}\" is of kind {found}, expected {expected}")]
    WrongKind {
        /// The artifact.
        name: String,
        /// Its kind.
        found: &'static str,
        /// The kind that is needed.
        expected: &'static str,
    },
    /// No catalogue column of this name.
    #[error("the catalogue has no attribute \"{name}\"{}; it has: {known}", hint(.name, .known))]
    UnknownColumn {
        /// As written.
        name: String,
        /// The columns there are.
        known: String,
    },
    /// A source that the recipe does not have.
    #[error("the recipe has no source \"{name}\"{}; it has: {known}", hint(.name, .known))]
    UnknownSource {
        /// As written.
        name: String,
        /// The labels of the recipe's sources.
        known: String,
    },
    /// A key that is not known, missing, or of the wrong type.
    #[error("{0}")]
    Parameters(String),
    /// A value outside its range.
    #[error("{key} is {value}, expected {expected}")]
    Range {
        /// The key.
        key: &'static str,
        /// As written.
        value: String,
        /// The range.
        expected: &'static str,
    },
    /// A ranker's input that cannot be fed.
    #[error("artifact \"{artifact}\", input {input} ({feature}): {source}")]
    Input {
        /// The ranker's artifact.
        artifact: String,
        /// Which input, from 1.
        input: usize,
        /// The feature it names.
        feature: String,
        /// What is wrong with it, and what would be right.
        source: InputError,
    },
    /// A segment that a popularity artifact has no list for.
    #[error("artifact \"{artifact}\" has no segment \"{name}\"{}; it has: {known}", hint(.name, .known))]
    UnknownSegment {
        /// The artifact.
        artifact: String,
        /// As written.
        name: String,
        /// The segments there are.
        known: String,
    },
    /// Users and items whose vectors do not have the same width.
    #[error("artifact \"{users}\" has vectors of {users_width} numbers, \"{items}\" of {items_width}")]
    Width {
        /// The users' artifact.
        users: String,
        /// How wide its vectors are.
        users_width: usize,
        /// The items' artifact.
        items: String,
        /// How wide its vectors are.
        items_width: usize,
    },
    /// More past sessions of an item wanted than its index keeps. What is missing would not be noticed in any answer.
    #[error(
        "m_most_recent_sessions is {wanted}, but artifact \"{artifact}\" keeps the {kept} newest sessions of an item: \
         raise its max_sessions_per_item, or lower m_most_recent_sessions"
    )]
    SessionsKept {
        /// The artifact.
        artifact: String,
        /// How many the recipe wants.
        wanted: usize,
        /// How many there are at most.
        kept: usize,
    },
    /// A filter expression that does not fit the catalogue.
    #[error(transparent)]
    Filter(#[from] PredicateError),
}

/// `; did you mean "price"?`, or nothing; `known` is separated by commas.
fn hint(name: &str, known: &str) -> String {
    nearest(name, known.split(", ")).map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default()
}

/// What a recipe says of one stage.
#[derive(Debug)]
pub struct Spec<'a> {
    /// Its parameters, without `kind` and `name`.
    pub params: toml::Table,
    /// The snapshot it will read.
    pub snapshot: &'a Snapshot,
    /// The labels of the recipe's sources, in order; for a source, of those before it.
    pub sources: &'a [Arc<str>],
}

impl<'a> Spec<'a> {
    /// The parameters as a type; unknown keys are refused by `#[serde(deny_unknown_fields)]` there.
    ///
    /// # Errors
    /// [`BuildError::Parameters`].
    pub fn parse<P: DeserializeOwned>(&self) -> Result<P, BuildError> {
        // Only the message: the rest of toml's error points into a text that is not the one that the recipe is in.
        let wrong = |e: toml::de::Error| BuildError::Parameters(e.message().to_owned());
        toml::Value::Table(self.params.clone()).try_into().map_err(wrong)
    }

    /// The named artifact, as what its kind decodes to.
    ///
    /// # Errors
    /// [`BuildError::UnknownArtifact`] and [`BuildError::WrongKind`].
    pub fn artifact<K: ArtifactKind>(&self, name: &str) -> Result<Arc<K>, BuildError> {
        self.snapshot.get(name).map_err(|error| match error {
            ArtifactLookupError::WrongKind { name, found, expected } => {
                BuildError::WrongKind { name, found, expected }
            }
            ArtifactLookupError::Unknown { name, known } => BuildError::UnknownArtifact { name, known },
        })
    }

    /// The named catalogue column.
    ///
    /// # Errors
    /// [`BuildError::UnknownColumn`].
    pub fn column(&self, name: &str) -> Result<&'a Column, BuildError> {
        let catalog = self.snapshot.catalog();
        catalog.column(name).ok_or_else(|| BuildError::UnknownColumn {
            name: name.to_owned(),
            known: catalog.names().join(", "),
        })
    }

    /// Refuses a catalogue column that does not exist.
    ///
    /// # Errors
    /// [`BuildError::UnknownColumn`].
    pub fn check_column(&self, name: &str) -> Result<(), BuildError> {
        self.column(name).map(|_| ())
    }
}

/// Upper bound on the candidates of one source. A recipe may have 32 sources: raising it lets one request score more
/// candidates than a deadline of some milliseconds allows.
const MOST_TAKEN: usize = 10_000;

/// Refuses a `take` of nothing, and one that no deadline allows.
pub(super) fn check_take(take: usize) -> Result<usize, BuildError> {
    if (1..=MOST_TAKEN).contains(&take) {
        return Ok(take);
    }
    Err(BuildError::Range { key: "take", value: take.to_string(), expected: "1 to 10000" })
}
