//! From a recipe's words to stages: the kinds that are known, and how each is made.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use thiserror::Error;

use super::{CandidateSource, Filter, Reranker, Scorer};
use super::{filter, reranker, scorer, source};
use crate::feature::{Column, PredicateError, nearest};
use crate::snapshot::{ArtifactKind, ArtifactLookupError, Snapshot};

/// Why a stage cannot be made in a snapshot.
#[derive(Debug, Error)]
pub enum BuildError {
    /// No stage of this kind.
    #[error("there is no {room} of kind \"{kind}\"{}; known: {known}", hint(.kind, .known))]
    UnknownKind {
        /// `source`, `filter`, `scorer` or `re-ranker`.
        room: &'static str,
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
    #[error("artifact \"{artifact}\", input {input} ({feature}): {reason}")]
    Input {
        /// The ranker's artifact.
        artifact: String,
        /// Which input, from 1.
        input: usize,
        /// The feature it names.
        feature: String,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// A filter expression that does not fit the catalogue.
    #[error(transparent)]
    Filter(#[from] PredicateError),
}

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
    /// The labels of the recipe's sources, in order.
    pub sources: &'a [Arc<str>],
}

impl<'a> Spec<'a> {
    /// The parameters as a type; unknown keys are refused by `#[serde(deny_unknown_fields)]` there.
    ///
    /// # Errors
    /// [`BuildError::Parameters`].
    pub fn parse<P: DeserializeOwned>(&self) -> Result<P, BuildError> {
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

/// Refuses `take = 0` and absurdly large ones.
pub(super) fn check_take(take: usize) -> Result<usize, BuildError> {
    match take {
        1..=10_000 => Ok(take),
        _ => Err(BuildError::Range { key: "take", value: take.to_string(), expected: "1 to 10000" }),
    }
}

/// Makes a candidate source.
pub type SourceFactory = fn(&Spec<'_>) -> Result<Box<dyn CandidateSource>, BuildError>;
/// Makes a filter.
pub type FilterFactory = fn(&Spec<'_>) -> Result<Box<dyn Filter>, BuildError>;
/// Makes a scorer.
pub type ScorerFactory = fn(&Spec<'_>) -> Result<Box<dyn Scorer>, BuildError>;
/// Makes a re-ranker.
pub type RerankerFactory = fn(&Spec<'_>) -> Result<Box<dyn Reranker>, BuildError>;

/// The stage kinds that recipes may name. Add your own before the first snapshot is loaded.
#[derive(Debug, Clone)]
pub struct Stages {
    sources: BTreeMap<&'static str, SourceFactory>,
    filters: BTreeMap<&'static str, FilterFactory>,
    scorers: BTreeMap<&'static str, ScorerFactory>,
    rerankers: BTreeMap<&'static str, RerankerFactory>,
}

impl Default for Stages {
    fn default() -> Self {
        Self {
            sources: source::kinds().into(),
            filters: filter::kinds().into(),
            scorers: scorer::kinds().into(),
            rerankers: reranker::kinds().into(),
        }
    }
}

impl Stages {
    /// Adds (or replaces) a kind of source.
    pub fn source(mut self, kind: &'static str, factory: SourceFactory) -> Self {
        self.sources.insert(kind, factory);
        self
    }

    /// Adds (or replaces) a kind of filter; recipes list it under `filters`.
    pub fn filter(mut self, kind: &'static str, factory: FilterFactory) -> Self {
        self.filters.insert(kind, factory);
        self
    }

    /// Adds (or replaces) a kind of scorer.
    pub fn scorer(mut self, kind: &'static str, factory: ScorerFactory) -> Self {
        self.scorers.insert(kind, factory);
        self
    }

    /// Adds (or replaces) a kind of re-ranker.
    pub fn reranker(mut self, kind: &'static str, factory: RerankerFactory) -> Self {
        self.rerankers.insert(kind, factory);
        self
    }

    /// Makes a source of a kind.
    ///
    /// # Errors
    /// An unknown kind, or what the kind's factory refuses.
    pub fn make_source(&self, kind: &str, spec: &Spec<'_>) -> Result<Box<dyn CandidateSource>, BuildError> {
        find(&self.sources, "source", kind)?(spec)
    }

    /// Makes a filter of a kind.
    ///
    /// # Errors
    /// As [`Stages::make_source`].
    pub fn make_filter(&self, kind: &str, spec: &Spec<'_>) -> Result<Box<dyn Filter>, BuildError> {
        find(&self.filters, "filter", kind)?(spec)
    }

    /// Makes a scorer of a kind.
    ///
    /// # Errors
    /// As [`Stages::make_source`].
    pub fn make_scorer(&self, kind: &str, spec: &Spec<'_>) -> Result<Box<dyn Scorer>, BuildError> {
        find(&self.scorers, "scorer", kind)?(spec)
    }

    /// Makes a re-ranker of a kind.
    ///
    /// # Errors
    /// As [`Stages::make_source`].
    pub fn make_reranker(&self, kind: &str, spec: &Spec<'_>) -> Result<Box<dyn Reranker>, BuildError> {
        find(&self.rerankers, "re-ranker", kind)?(spec)
    }
}

fn find<F: Copy>(kinds: &BTreeMap<&'static str, F>, room: &'static str, kind: &str) -> Result<F, BuildError> {
    kinds.get(kind).copied().ok_or_else(|| BuildError::UnknownKind {
        room,
        kind: kind.to_owned(),
        known: kinds.keys().copied().collect::<Vec<_>>().join(", "),
    })
}
