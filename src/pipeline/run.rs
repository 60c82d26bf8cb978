//! The walk of one request through the corridor.

use std::sync::Arc;
use std::time::Instant;

use super::{Context, Deadline, Filter, Pipeline, Query, Stage, StageError};
use crate::domain::{
    CandidateSet, Cause, Degradation, DegradationLevel, ItemMask, Request, StageTrace, View,
};
use crate::snapshot::Snapshot;

/// Memory that one worker uses for one request after another.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The candidates.
    pub set: CandidateSet,
    /// What may be recommended.
    pub mask: ItemMask,
    /// What happened on the way of the last request.
    pub ran: Ran,
}

/// What happened to one request on its way.
#[derive(Debug, Default)]
pub struct Ran {
    /// Stages that were skipped or failed, and why.
    pub degradation: Degradation,
    /// One entry a stage, for [`View::Debug`].
    pub trace: Vec<StageTrace>,
}

impl Pipeline {
    /// Leaves at most `size` candidates in `scratch.set`, in slate order, and what happened in `scratch.ran`.
    ///
    /// Late or failing sources, hydrators and re-rankers are skipped and noted; filters, scoring and selection always run.
    pub fn run(
        &self,
        request: &Request,
        query: &Query<'_>,
        snapshot: &Snapshot,
        deadline: Deadline,
        size: usize,
        scratch: &mut Scratch,
    ) {
        let Scratch { set, mask, ran } = scratch;
        ran.degradation.clear();
        ran.trace.clear();
        let items = snapshot.items().len();
        mask.reset(items);
        self.filters.iter().for_each(|stage| stage.inner.narrow(query, snapshot, mask));
        set.reset(items, self.sources.len());
        let ctx = Context { request, query, snapshot, mask, deadline };
        let mut walk = Walk { ran, deadline, traced: request.view == View::Debug };

        for (at, source) in self.sources.iter().enumerate() {
            set.open_source(at);
            walk.optional(&source.label, set, |set| source.inner.retrieve(&ctx, set));
        }
        for hydrator in &self.hydrators {
            walk.optional(&hydrator.label, set, |set| hydrator.inner.hydrate(&ctx, set));
        }
        for filter in &self.filters {
            walk.step(&filter.label, set, |set| close(filter, &ctx, set));
        }
        walk.step(&self.scorer.label, set, |set| {
            set.score_and_sort(|set, scores| self.scorer.inner.score(&ctx, set, scores))
        });
        for reranker in &self.rerankers {
            walk.optional(&reranker.label, set, |set| reranker.inner.rerank(&ctx, set));
        }
        walk.step(&self.selector.label, set, |set| {
            self.selector.inner.select(&ctx, set, size);
            Ok(())
        });
    }

    /// Drops what the filters do not let through from candidates that were found on another way than [`Pipeline::run`].
    ///
    /// # Errors
    /// The first filter that failed; then nothing is left.
    pub fn filter(&self, ctx: &Context<'_>, set: &mut CandidateSet) -> Result<(), StageError> {
        self.filters.iter().try_for_each(|stage| close(stage, ctx, set))
    }
}

/// A filter that fails lets nothing through.
fn close(filter: &Stage<dyn Filter>, ctx: &Context<'_>, set: &mut CandidateSet) -> Result<(), StageError> {
    filter.inner.filter(ctx, set).inspect_err(|_| set.retain(|_| false))
}

struct Walk<'r> {
    ran: &'r mut Ran,
    deadline: Deadline,
    traced: bool,
}

impl Walk<'_> {
    /// Runs a stage unless the time is up.
    fn optional(
        &mut self,
        label: &Arc<str>,
        set: &mut CandidateSet,
        stage: impl FnOnce(&mut CandidateSet) -> Result<(), StageError>,
    ) {
        if self.deadline.has_passed() {
            self.failed(label, &StageError::Deadline);
        } else {
            self.step(label, set, stage);
        }
    }

    fn step(
        &mut self,
        label: &Arc<str>,
        set: &mut CandidateSet,
        stage: impl FnOnce(&mut CandidateSet) -> Result<(), StageError>,
    ) {
        let started = self.traced.then(Instant::now);
        if let Err(error) = stage(set) {
            self.failed(label, &error);
        }
        if let Some(started) = started {
            let (stage, candidates, took) = (Arc::clone(label), set.len(), started.elapsed());
            self.ran.trace.push(StageTrace { stage, candidates, took });
        }
    }

    fn failed(&mut self, label: &Arc<str>, error: &StageError) {
        let cause = match error {
            StageError::Deadline => Cause::Deadline,
            StageError::Failed(reason) => {
                tracing::debug!(stage = %label, reason, "stage failed");
                Cause::StageFailed
            }
        };
        self.ran.degradation.note(DegradationLevel::Partial, cause);
        self.ran.degradation.skipped_stages.push(Arc::clone(label));
    }
}
