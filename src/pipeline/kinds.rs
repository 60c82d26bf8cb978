//! The kinds of stages that recipes may name, and how each is made.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{BuildError, CandidateSource, Filter, Reranker, Scorer, Spec};

/// Makes a stage of one kind. It may capture handles, such as a table that something else keeps up to date.
pub type Factory<T> = Arc<dyn Fn(&Spec<'_>) -> Result<Box<T>, BuildError> + Send + Sync>;
/// Makes a candidate source.
pub type SourceFactory = Factory<dyn CandidateSource>;
/// Makes a filter.
pub type FilterFactory = Factory<dyn Filter>;
/// Makes a scorer.
pub type ScorerFactory = Factory<dyn Scorer>;
/// Makes a re-ranker.
pub type RerankerFactory = Factory<dyn Reranker>;

/// The stage kinds that recipes may name. Add your own before the first snapshot is loaded.
#[derive(Clone)]
pub struct Stages {
    sources: Kinds<dyn CandidateSource>,
    filters: Kinds<dyn Filter>,
    scorers: Kinds<dyn Scorer>,
    rerankers: Kinds<dyn Reranker>,
}

// Sorted: the refusal of an unknown kind lists the known ones, and tests read that list.
/// The factories of one stage, by kind.
type Kinds<T> = BTreeMap<&'static str, Factory<T>>;

impl Stages {
    /// No kinds at all; [`Stages::default`] has those of this crate.
    pub fn none() -> Self {
        Self { sources: Kinds::new(), filters: Kinds::new(), scorers: Kinds::new(), rerankers: Kinds::new() }
    }

    /// Adds (or replaces) a kind of source.
    pub fn source(
        mut self,
        kind: &'static str,
        factory: impl Fn(&Spec<'_>) -> Result<Box<dyn CandidateSource>, BuildError> + Send + Sync + 'static,
    ) -> Self {
        self.sources.insert(kind, Arc::new(factory));
        self
    }

    /// Adds (or replaces) a kind of filter; recipes list it under `filters`.
    pub fn filter(
        mut self,
        kind: &'static str,
        factory: impl Fn(&Spec<'_>) -> Result<Box<dyn Filter>, BuildError> + Send + Sync + 'static,
    ) -> Self {
        self.filters.insert(kind, Arc::new(factory));
        self
    }

    /// Adds (or replaces) a kind of scorer.
    pub fn scorer(
        mut self,
        kind: &'static str,
        factory: impl Fn(&Spec<'_>) -> Result<Box<dyn Scorer>, BuildError> + Send + Sync + 'static,
    ) -> Self {
        self.scorers.insert(kind, Arc::new(factory));
        self
    }

    /// Adds (or replaces) a kind of re-ranker.
    pub fn reranker(
        mut self,
        kind: &'static str,
        factory: impl Fn(&Spec<'_>) -> Result<Box<dyn Reranker>, BuildError> + Send + Sync + 'static,
    ) -> Self {
        self.rerankers.insert(kind, Arc::new(factory));
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

impl fmt::Debug for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stages")
            .field("sources", &self.sources.keys())
            .field("filters", &self.filters.keys())
            .field("scorers", &self.scorers.keys())
            .field("rerankers", &self.rerankers.keys())
            .finish()
    }
}

fn find<'a, T: ?Sized>(
    kinds: &'a Kinds<T>,
    stage: &'static str,
    kind: &str,
) -> Result<&'a Factory<T>, BuildError> {
    kinds.get(kind).ok_or_else(|| BuildError::UnknownKind {
        stage,
        kind: kind.to_owned(),
        known: kinds.keys().copied().collect::<Vec<_>>().join(", "),
    })
}
