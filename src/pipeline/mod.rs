//! The stages of a placement: one trait for each, and the runner that takes a request through all of them.
//!
//! Filter, retrieve, score, re-rank, select. The author of a stage writes one method and says what it
//! [needs](crate::pipeline::Needs); [`run`](crate::pipeline::Pipeline::run) does naming, timing, deadlines, features
//! and failure policy for all of them.

mod build;
mod context;
pub mod features;
pub mod filter;
mod kinds;
mod needs;
pub mod reranker;
mod run;
pub mod scorer;
pub mod selector;
pub mod source;

use std::sync::Arc;

use thiserror::Error;

use crate::domain::{CandidateSet, ItemMask};

pub use crate::domain::Deadline;
pub use build::{BuildError, Spec};
pub use context::{Context, Query, QuerySeed, SessionItem, USER_TABLES};
pub use features::InputError;
pub use kinds::{Factory, FilterFactory, RerankerFactory, ScorerFactory, SourceFactory, Stages};
pub use needs::{Needs, Signals};
pub use run::{Depth, Outcome, Scratch, Span, Spans};

/// What all stages have in common.
pub trait Stage: Send + Sync {
    /// Its name in metrics and traces where the recipe gives it none: for a stage that recipes may name, its kind.
    fn label(&self) -> &str;

    /// What it reads. Asked once, when its recipe is compiled.
    fn needs(&self) -> Needs {
        Needs::default()
    }
}

/// Retrieves possible items.
pub trait CandidateSource: Stage {
    /// Adds candidates with this source's scores, best first, leaving out what `mask` does not admit.
    ///
    /// # Errors
    /// A failure is noted and the request goes on without this source.
    fn retrieve(&self, ctx: &Context<'_>, mask: &ItemMask, out: &mut CandidateSet) -> Result<(), StageError>;
}

/// Says which items may be shown; never reorders.
pub trait Filter: Stage {
    /// Takes from the mask what must not be shown. It runs before retrieval, so that sources do not look for what would
    /// be dropped; what they add all the same, and what fallbacks find, is held against the mask by the runner.
    ///
    /// # Errors
    /// Filters fail closed: after an error nothing is shown.
    fn prefilter(&self, ctx: &Context<'_>, mask: &mut ItemMask) -> Result<(), StageError>;
}

/// Gives one number per candidate; can neither drop nor reorder.
pub trait Scorer: Stage {
    /// Writes one score per row of the set; higher is better, NaN sinks.
    ///
    /// # Errors
    /// After an error what was written until then counts, and 0 where nothing was.
    fn score(&self, ctx: &Context<'_>, set: &CandidateSet, scores: &mut [f32]) -> Result<(), StageError>;

    /// What scores instead where there is no time for this stage; `None` for one that is cheap.
    fn cheaper(&self) -> Option<&dyn Scorer> {
        None
    }
}

/// Reorders with the whole list in view.
pub trait Reranker: Stage {
    /// Reorders the set, which comes sorted by score.
    ///
    /// # Errors
    /// After an error the order stays as it was.
    fn rerank(&self, ctx: &Context<'_>, set: &mut CandidateSet) -> Result<(), StageError>;
}

/// Makes the slate: cuts to size.
pub trait Selector: Stage {
    /// Leaves at most `size` candidates, in slate order.
    fn select(&self, ctx: &Context<'_>, set: &mut CandidateSet, size: usize);
}

/// Why a stage gave up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StageError {
    /// The time was up before it was done.
    #[error("the time was up")]
    Deadline,
    /// Something it relies on does not hold.
    #[error("{0}")]
    Failed(&'static str),
}

/// A stage under the name by which its placement knows it.
pub struct Named<T: ?Sized> {
    /// The name in answers, metrics and traces: the recipe's, else the stage's own. Shared, since each item of each
    /// slate carries the name of its source.
    pub label: Arc<str>,
    /// The stage.
    pub stage: Box<T>,
}

impl<T: ?Sized> std::fmt::Debug for Named<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.label)
    }
}

/// The stages of one placement, in the order in which a request meets them.
#[derive(Debug)]
pub struct Pipeline {
    /// Say what may be shown.
    pub filters: Vec<Named<dyn Filter>>,
    /// Retrieve.
    pub sources: Vec<Named<dyn CandidateSource>>,
    /// What later stages read of the candidates.
    pub columns: Vec<GatheredColumn>,
    /// One number each.
    pub scorer: Named<dyn Scorer>,
    /// Reorder.
    pub rerankers: Vec<Named<dyn Reranker>>,
    /// Cut to size.
    pub selector: Named<dyn Selector>,
}

/// A catalogue column that is gathered for the candidates of a placement.
#[derive(Debug, Clone)]
pub struct GatheredColumn {
    /// Its name in the catalogue and among the candidates' features.
    pub name: Arc<str>,
    /// Its position in the catalogue of the snapshot that the placement was compiled against.
    pub position: usize,
}

impl Default for Stages {
    fn default() -> Self {
        let with_sources = source::add_kinds(Self::none());
        let with_filters = filter::add_kinds(with_sources);
        let with_scorers = scorer::add_kinds(with_filters);
        reranker::add_kinds(with_scorers)
    }
}
