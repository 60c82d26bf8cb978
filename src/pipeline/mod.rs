//! The corridor: one trait per room, and the walk through all of them.
//!
//! Retrieve, hydrate, filter, score, re-rank, select. The author of a stage writes one method; [`run`](crate::pipeline::Pipeline::run) does naming,
//! timing, deadlines and failure policy for all of them.

mod build;
mod context;
pub mod features;
pub mod filter;
pub mod hydrator;
pub mod reranker;
mod run;
pub mod scorer;
pub mod selector;
pub mod source;

use std::sync::Arc;

use thiserror::Error;

use crate::domain::{CandidateSet, ItemMask};
use crate::snapshot::{Snapshot, UserFeatures};

pub use build::{BuildError, FilterFactory, RerankerFactory, ScorerFactory, SourceFactory, Spec, Stages};
pub use context::{Context, Deadline, Query, QuerySeed, USER_TABLES};
pub use run::{Depth, Outcome, Scratch, Span, Spans};

/// Retrieves possible items.
pub trait CandidateSource: Send + Sync {
    /// Adds candidates with this source's scores, best first, leaving out what `ctx.mask` does not admit.
    ///
    /// # Errors
    /// A failure is noted and the request goes on without this source.
    fn retrieve(&self, ctx: &Context<'_>, out: &mut CandidateSet) -> Result<(), StageError>;
}

/// Attaches features to candidates.
pub trait Hydrator: Send + Sync {
    /// Adds feature columns to the set.
    ///
    /// # Errors
    /// A failure is noted and the request goes on without the features.
    fn hydrate(&self, ctx: &Context<'_>, set: &mut CandidateSet) -> Result<(), StageError>;
}

/// Keeps or drops candidates; never reorders.
pub trait Filter: Send + Sync {
    /// Drops from the set what must not be shown.
    ///
    /// # Errors
    /// Filters fail closed: after an error no candidate is left.
    fn filter(&self, ctx: &Context<'_>, set: &mut CandidateSet) -> Result<(), StageError>;

    /// Says before retrieval what will be dropped, so that sources need not find it.
    fn prefilter(&self, _query: &Query<'_>, _snapshot: &Snapshot, _mask: &mut ItemMask) {}
}

/// Gives one number per candidate; can neither drop nor reorder.
pub trait Scorer: Send + Sync {
    /// Writes one score per row of the set; higher is better, NaN sinks.
    ///
    /// # Errors
    /// After an error what was written until then counts, and 0 where nothing was.
    fn score(&self, ctx: &Context<'_>, set: &CandidateSet, scores: &mut [f32]) -> Result<(), StageError>;

    /// Catalogue columns that this stage reads as features; they are gathered once for all stages.
    fn features(&self) -> &[String] {
        &[]
    }

    /// Artifacts with users' features that this stage reads, at most [`USER_TABLES`]. The user's rows in them are looked up
    /// before the walk, which is the one thing that a request may wait for, and are in [`Query::user_rows`] in this order.
    fn user_tables(&self) -> &[Arc<UserFeatures>] {
        &[]
    }

    /// What scores instead where there is no time for this stage; `None` for one that is cheap.
    fn stand_in(&self) -> Option<&dyn Scorer> {
        None
    }

    /// Whether scores change with the hour of the day or the day of the week.
    fn reads_clock(&self) -> bool {
        false
    }
}

/// Reorders with the whole list in view.
pub trait Reranker: Send + Sync {
    /// Reorders the set, which comes sorted by score.
    ///
    /// # Errors
    /// After an error the order stays as it was.
    fn rerank(&self, ctx: &Context<'_>, set: &mut CandidateSet) -> Result<(), StageError>;

    /// As [`Scorer::features`].
    fn features(&self) -> &[String] {
        &[]
    }
}

/// Makes the slate: cuts to size.
pub trait Selector: Send + Sync {
    /// Leaves at most `size` candidates, in slate order.
    fn select(&self, ctx: &Context<'_>, set: &mut CandidateSet, size: usize);
}

/// Why a stage gave up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StageError {
    /// The time was up before it was done.
    #[error("the time was up")]
    Deadline,
    /// Something it relies on does not hold.
    #[error("{0}")]
    Failed(&'static str),
}

/// A stage and its metric label.
pub struct Stage<T: ?Sized> {
    /// The name in metrics and traces.
    pub label: Arc<str>,
    /// The stage.
    pub inner: Box<T>,
}

impl<T: ?Sized> std::fmt::Debug for Stage<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.label)
    }
}

/// The stages of one placement, in the order in which a request meets them.
#[derive(Debug)]
pub struct Pipeline {
    /// Retrieve.
    pub sources: Vec<Stage<dyn CandidateSource>>,
    /// Attach features.
    pub hydrators: Vec<Stage<dyn Hydrator>>,
    /// Keep or drop.
    pub filters: Vec<Stage<dyn Filter>>,
    /// One number each.
    pub scorer: Stage<dyn Scorer>,
    /// Reorder.
    pub rerankers: Vec<Stage<dyn Reranker>>,
    /// Cut to size.
    pub selector: Stage<dyn Selector>,
}
