//! What a caller gets.

use std::sync::Arc;
use std::time::Duration;

use super::ItemIdx;

/// The ordered answer to one request. Item numbers are valid in the snapshot that made it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Slate {
    /// Best first; at most the page size.
    pub items: Vec<SlateItem>,
    /// Whether and why the quality was lowered.
    pub degradation: Degradation,
    /// Ids of the request that the catalogue does not know.
    pub missing_item_ids: Vec<String>,
    /// What the request says and its placement does not look at.
    pub warnings: Vec<Warning>,
    /// Whether items follow this page.
    pub more: bool,
    /// What each stage did; filled for [`super::ResponseView::Debug`] only.
    pub trace: Vec<StageTrace>,
}

/// One item of a slate.
#[derive(Debug, Clone, PartialEq)]
pub struct SlateItem {
    /// The item.
    pub item: ItemIdx,
    /// The scorer's value; comparable within one slate only.
    pub score: f32,
    /// The stage that contributed most, by its metric label.
    pub source: Arc<str>,
}

/// Something that a request says and that cannot change the answer of its placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Seed items have weights, and no stage of the placement weighs them.
    SeedWeightsIgnored,
    /// Seed items have roles, and no stage of the placement looks at them.
    SeedRolesIgnored,
}

impl Warning {
    /// What the caller is told.
    pub fn as_str(self) -> &'static str {
        match self {
            Warning::SeedWeightsIgnored => {
                "seed_items.weight is ignored: no stage of this placement weighs the items it looks from"
            }
            Warning::SeedRolesIgnored => {
                "seed_items.role is ignored: no stage of this placement looks at roles"
            }
        }
    }
}

/// What one stage did with one request.
#[derive(Debug, Clone, PartialEq)]
pub struct StageTrace {
    /// The stage's metric label.
    pub stage: Arc<str>,
    /// Candidates when it had ended; 0 for filters, which run before there are any.
    pub candidates: usize,
    /// Time it took.
    pub took: Duration,
}

/// Whether and why an answer is not what the placement's recipe would have given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Degradation {
    /// How much was lost.
    pub level: DegradationLevel,
    /// Why, each cause once.
    pub causes: Vec<Cause>,
    /// Stages that did not run or failed, by metric label.
    pub skipped_stages: Vec<Arc<str>>,
}

impl Slate {
    /// Empties the slate and keeps its memory.
    pub fn clear(&mut self) {
        let Self { items, degradation, missing_item_ids, warnings, more, trace } = self;
        items.clear();
        degradation.clear();
        missing_item_ids.clear();
        warnings.clear();
        trace.clear();
        *more = false;
    }

    /// Becomes equal to `other`, in the memory of this slate.
    pub fn copy_from(&mut self, other: &Self) {
        let Self { items, degradation, missing_item_ids, warnings, more, trace } = other;
        let Degradation { level, causes, skipped_stages } = degradation;
        self.items.clone_from(items);
        // Field by field and not `derive(Clone)`, whose `clone_from` throws this slate's lists away.
        self.degradation.level = *level;
        self.degradation.causes.clone_from(causes);
        self.degradation.skipped_stages.clone_from(skipped_stages);
        self.missing_item_ids.clone_from(missing_item_ids);
        self.warnings.clone_from(warnings);
        self.more = *more;
        self.trace.clone_from(trace);
    }
}

impl Degradation {
    /// Nothing was lost; keeps the memory.
    pub fn clear(&mut self) {
        self.level = DegradationLevel::None;
        self.causes.clear();
        self.skipped_stages.clear();
    }

    /// Raises the level to at least `level` and notes the cause.
    pub fn note(&mut self, level: DegradationLevel, cause: Cause) {
        // Levels only rise: a slate that was filled up and lost a stage has lost a stage.
        self.level = self.level.max(level);
        if !self.causes.contains(&cause) {
            self.causes.push(cause);
        }
    }
}

/// How much of the recipe an answer lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DegradationLevel {
    /// Nothing.
    #[default]
    None,
    /// The recipe's answer was short; the fallback chain filled the rest.
    Backfilled,
    /// A stage was skipped or failed.
    Partial,
    /// All items come from the fallback chain.
    Fallback,
    /// Nothing was servable.
    Empty,
}

impl DegradationLevel {
    /// The name used in exposures.
    pub fn as_str(self) -> &'static str {
        match self {
            DegradationLevel::None => "none",
            DegradationLevel::Backfilled => "backfilled",
            DegradationLevel::Partial => "partial",
            DegradationLevel::Fallback => "fallback",
            DegradationLevel::Empty => "empty",
        }
    }
}

/// Why an answer was degraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The user has no history in this snapshot.
    UnknownUser,
    /// None of the request's seed and session items is in the catalogue.
    UnknownItems,
    /// The recipe looks from items or a user, and the request names none.
    NoSignal,
    /// The sources found too little.
    FewCandidates,
    /// The filters left too little.
    Filtered,
    /// Even the placement's fallbacks had too few items: the rest is what may be shown, in the order of the catalogue.
    CatalogOrder,
    /// Seen items were let in again because nothing else was left.
    ExclusionsRelaxed,
    /// The time was up.
    Deadline,
    /// There was no time for re-rankers, nor for a trained ranker: the blend of the sources decided.
    DeadlineNoRerank,
    /// There was no time for retrieval: the answer is the one that anybody gets, without what this subject must not
    /// see.
    DeadlineCached,
    /// There was no time for retrieval: the fallback chain answered alone.
    DeadlinePopular,
    /// A stage failed.
    StageFailed,
    /// The user's features were not in memory in time: the ranker took them for unknown.
    UserFeaturesLate,
}

impl Cause {
    /// Whether there was too little time, planned or not.
    pub fn is_deadline(self) -> bool {
        use Cause::{Deadline, DeadlineCached, DeadlineNoRerank, DeadlinePopular};
        matches!(self, Deadline | DeadlineNoRerank | DeadlineCached | DeadlinePopular)
    }

    /// Whether the next attempt may do better, so that the answer is not to be kept.
    pub fn is_passing(self) -> bool {
        // What is missing in the snapshot or ruled out by the request will be so again: only time and failures pass.
        self.is_deadline() || matches!(self, Cause::StageFailed | Cause::UserFeaturesLate)
    }

    /// The name used in answers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::UnknownUser => "unknown_user",
            Cause::UnknownItems => "unknown_items",
            Cause::NoSignal => "no_signal",
            Cause::FewCandidates => "few_candidates",
            Cause::Filtered => "filtered",
            Cause::CatalogOrder => "catalog_order",
            Cause::ExclusionsRelaxed => "exclusions_relaxed",
            Cause::Deadline => "deadline",
            Cause::DeadlineNoRerank => "deadline_no_rerank",
            Cause::DeadlineCached => "deadline_cached",
            Cause::DeadlinePopular => "deadline_popular",
            Cause::StageFailed => "stage_failed",
            Cause::UserFeaturesLate => "user_features_late",
        }
    }
}
