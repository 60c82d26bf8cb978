//! The runner of one request through the corridor.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Context, Deadline, Filter, Pipeline, Query, Stage, StageError};
use crate::domain::{
    CandidateSet, Cause, Degradation, DegradationLevel, ItemMask, Request, ResponseView, StageTrace,
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
    pub ran: Outcome,
}

/// What happened to one request on its way.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Stages that were skipped or failed, and why.
    pub degradation: Degradation,
    /// One entry a stage, for [`ResponseView::Debug`].
    pub trace: Vec<StageTrace>,
    /// How long groups of stages took.
    pub spans: Spans,
}

/// How far a runner goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Through all rooms.
    Full,
    /// Not to the re-rankers; a scorer that has a [stand-in](super::Scorer::stand_in) leaves the scoring to it.
    NoRerank,
    /// Only as far as to know what may be shown.
    Mask,
}

/// How long groups of stages took, where there is a deadline; `None` for a group that the plan or a deadline kept from beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spans {
    /// Sources, hydrators and filters.
    pub retrieval: Option<Span>,
    /// The scorer.
    pub scoring: Option<Span>,
    /// Re-rankers and selector.
    pub reranking: Option<Span>,
    /// When the last of them ended, if nothing was late.
    pub ended: Option<Instant>,
}

/// How long a group of stages took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The time.
    pub took: Duration,
    /// Whether all of them ran; else they would have taken longer.
    pub whole: bool,
}

impl Pipeline {
    /// Leaves at most `size` candidates in `scratch.set`, in slate order, and what happened in `scratch.ran`.
    ///
    /// Late or failing sources, hydrators and re-rankers are skipped and noted; filters, scoring and selection always run. What
    /// `depth` leaves out is among the skipped stages; its cause is for the caller to say.
    #[expect(clippy::too_many_arguments, reason = "the runner is where everything meets")]
    pub fn run(
        &self,
        request: &Request,
        query: &Query<'_>,
        snapshot: &Snapshot,
        deadline: Deadline,
        depth: Depth,
        size: usize,
        scratch: &mut Scratch,
    ) {
        let Scratch { set, mask, ran } = scratch;
        ran.degradation.clear();
        ran.trace.clear();
        ran.spans = Spans::default();
        let items = snapshot.items().len();
        let mut runner = Runner::begin(ran, deadline, request.view == ResponseView::Debug);
        mask.reset(items);
        self.filters.iter().for_each(|stage| stage.inner.prefilter(query, snapshot, mask));
        set.reset(items, self.sources.len());
        let ctx = Context { request, query, snapshot, mask, deadline };
        let stand_in = self.scorer.inner.stand_in().filter(|_| depth != Depth::Full);

        if depth != Depth::Mask {
            for (at, source) in self.sources.iter().enumerate() {
                set.open_source(at);
                runner.optional(&source.label, set, |set| source.inner.retrieve(&ctx, set));
            }
            for hydrator in &self.hydrators {
                runner.optional(&hydrator.label, set, |set| hydrator.inner.hydrate(&ctx, set));
            }
            for filter in &self.filters {
                runner.step(&filter.label, set, |set| close(filter, &ctx, set));
            }
            runner.ran.spans.retrieval = runner.lap();
            let scorer = stand_in.unwrap_or(&*self.scorer.inner);
            runner.step(&self.scorer.label, set, |set| {
                set.score_and_sort(|set, scores| scorer.score(&ctx, set, scores))
            });
            runner.ran.spans.scoring = runner.lap().filter(|_| stand_in.is_none());
        } else {
            self.sources.iter().for_each(|stage| runner.leave_out(&stage.label));
            self.hydrators.iter().for_each(|stage| runner.leave_out(&stage.label));
        }
        if stand_in.is_some() {
            runner.leave_out(&self.scorer.label);
        }
        for reranker in &self.rerankers {
            match depth {
                Depth::Full => runner.optional(&reranker.label, set, |set| reranker.inner.rerank(&ctx, set)),
                Depth::NoRerank | Depth::Mask => runner.leave_out(&reranker.label),
            }
        }
        if depth != Depth::Mask {
            runner.step(&self.selector.label, set, |set| {
                self.selector.inner.select(&ctx, set, size);
                Ok(())
            });
            runner.ran.spans.reranking = runner.lap().filter(|_| depth == Depth::Full);
        }
    }

    /// Whether [`Depth::NoRerank`] leaves anything out, and whether that is the scorer too.
    pub fn lighter(&self) -> (bool, bool) {
        let scorer = self.scorer.inner.stand_in().is_some();
        (scorer || !self.rerankers.is_empty(), scorer)
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

struct Runner<'r> {
    ran: &'r mut Outcome,
    deadline: Deadline,
    traced: bool,
    /// When the present group of stages began; `None` without a deadline, and after a group in which anything was late.
    began: Option<Instant>,
    /// Whether anything was late.
    cut: bool,
}

impl<'r> Runner<'r> {
    fn begin(ran: &'r mut Outcome, deadline: Deadline, traced: bool) -> Self {
        Self { ran, deadline, traced, began: deadline.due().map(|_| Instant::now()), cut: false }
    }

    /// How long the group of stages took that ends here.
    fn lap(&mut self) -> Option<Span> {
        let began = self.began?;
        let now = Instant::now();
        self.began = (!self.cut).then_some(now);
        self.ran.spans.ended = self.began;
        Some(Span { took: now.duration_since(began), whole: !self.cut })
    }

    /// Names a stage that the plan has no time for.
    fn leave_out(&mut self, label: &Arc<str>) {
        self.ran.degradation.skipped_stages.push(Arc::clone(label));
    }

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
            StageError::Deadline => {
                self.cut = true;
                Cause::Deadline
            }
            StageError::Failed(reason) => {
                tracing::debug!(stage = %label, reason, "stage failed");
                Cause::StageFailed
            }
        };
        self.ran.degradation.note(DegradationLevel::Partial, cause);
        self.ran.degradation.skipped_stages.push(Arc::clone(label));
    }
}
