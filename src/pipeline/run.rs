//! The runner: takes one request through the stages of a placement.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Context, Pipeline, StageError};
use crate::domain::{
    CandidateSet, Cause, Deadline, Degradation, DegradationLevel, ItemMask, ResponseView, StageTrace,
};

/// Memory that one worker uses for one request after another.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The candidates.
    pub set: CandidateSet,
    /// What may be recommended.
    pub mask: ItemMask,
    /// What became of the last request.
    pub outcome: Outcome,
}

/// What became of one request on its way through the stages.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Stages that were skipped or failed, and why.
    pub degradation: Degradation,
    /// One entry a stage, for [`ResponseView::Debug`].
    pub trace: Vec<StageTrace>,
    /// How long groups of stages took.
    pub spans: Spans,
}

/// How far a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Through all stages.
    Full,
    /// Not to the re-rankers; a scorer that has a [cheaper](super::Scorer::cheaper) one leaves the scoring to it.
    NoRerank,
    /// Only as far as to know what may be shown.
    Mask,
}

/// How long groups of stages took, where there is a deadline; `None` for a group that the plan or a deadline kept from
/// beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spans {
    /// Filters, sources and the columns that later stages read.
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
    /// Leaves at most `size` candidates in `scratch.set`, in slate order, and what happened in `scratch.outcome`.
    ///
    /// Late or failing sources and re-rankers are skipped and noted; filters, scoring and selection always run. What
    /// `depth` leaves out is among the skipped stages; its cause is for the caller to say.
    pub fn run(&self, ctx: &Context<'_>, depth: Depth, size: usize, scratch: &mut Scratch) {
        let Scratch { set, mask, outcome } = scratch;
        outcome.degradation.clear();
        outcome.trace.clear();
        outcome.spans = Spans::default();
        let items = ctx.live.rows();
        let mut runner = Runner::begin(outcome, ctx.deadline, ctx.request.view == ResponseView::Debug);
        // Filters run in every depth, also when the time is up: an answer may be worse, never show what is forbidden.
        mask.reset(items);
        set.reset(items, self.sources.len());
        self.say_what_may_be_shown(ctx, mask, &mut runner);
        if depth == Depth::Mask {
            self.leave_out_the_rest(&mut runner);
            return;
        }
        self.retrieve(ctx, mask, set, &mut runner);
        let cheaper = self.scorer.stage.cheaper().filter(|_| depth == Depth::NoRerank);
        let scorer = cheaper.unwrap_or(&*self.scorer.stage);
        runner.step(&self.scorer.label, set, |set| {
            set.score_and_sort(|set, scores| scorer.score(ctx, set, scores))
        });
        let scoring = runner.lap();
        if cheaper.is_some() {
            // What it took says nothing about the scorer that the estimate is for.
            runner.leave_out(&self.scorer.label);
        } else {
            runner.outcome.spans.scoring = scoring;
        }
        for reranker in &self.rerankers {
            match depth {
                Depth::Full => runner.optional(&reranker.label, set, |set| reranker.stage.rerank(ctx, set)),
                Depth::NoRerank | Depth::Mask => runner.leave_out(&reranker.label),
            }
        }
        runner.step(&self.selector.label, set, |set| {
            self.selector.stage.select(ctx, set, size);
            Ok(())
        });
        let reranking = runner.lap();
        if depth == Depth::Full {
            runner.outcome.spans.reranking = reranking;
        }
    }

    /// Whether [`Depth::NoRerank`] leaves anything out.
    pub fn can_do_less(&self) -> bool {
        self.has_cheaper_scorer() || !self.rerankers.is_empty()
    }

    /// Whether [`Depth::NoRerank`] leaves the scorer out.
    pub fn has_cheaper_scorer(&self) -> bool {
        self.scorer.stage.cheaper().is_some()
    }

    fn say_what_may_be_shown(&self, ctx: &Context<'_>, mask: &mut ItemMask, runner: &mut Runner<'_>) {
        // Before the filters and no filter itself: what is not sold any more is no matter of recipes.
        if let Some(listed) = ctx.live.listed() {
            mask.allow_only_chunked(listed);
        }
        for filter in &self.filters {
            let outcome = runner.timed(&filter.label, || (filter.stage.prefilter(ctx, mask), 0));
            if let Err(error) = outcome {
                // What the filter would have forbidden is not known, so nothing is shown: not by fallbacks either.
                mask.close();
                runner.failed(&filter.label, &error);
            }
        }
    }

    fn retrieve(&self, ctx: &Context<'_>, mask: &ItemMask, set: &mut CandidateSet, runner: &mut Runner<'_>) {
        for (at, source) in self.sources.iter().enumerate() {
            set.open_source(at);
            runner.optional(&source.label, set, |set| source.stage.retrieve(ctx, mask, set));
        }
        // Once for all sources and all filters: sources are asked to look at the mask themselves, so that what they
        // find can be used, and one that does not must not be able to show what a filter forbids.
        set.retain_items(|item| mask.admits(item));
        let attributes = ctx.live.attributes();
        for column in &self.columns {
            if let Some(values) = attributes.column_at(column.position) {
                set.add_feature(&column.name, |item| values.number(item.row()) as f32);
            }
        }
        runner.outcome.spans.retrieval = runner.lap();
    }

    /// Names what [`Depth::Mask`] does not ask.
    fn leave_out_the_rest(&self, runner: &mut Runner<'_>) {
        for source in &self.sources {
            runner.leave_out(&source.label);
        }
        if self.has_cheaper_scorer() {
            runner.leave_out(&self.scorer.label);
        }
        for reranker in &self.rerankers {
            runner.leave_out(&reranker.label);
        }
    }
}

struct Runner<'r> {
    outcome: &'r mut Outcome,
    deadline: Deadline,
    traced: bool,
    /// When the present group of stages began; `None` without a deadline, and after a group in which anything was late.
    began: Option<Instant>,
    /// Whether anything was late.
    cut: bool,
}

impl<'r> Runner<'r> {
    fn begin(outcome: &'r mut Outcome, deadline: Deadline, traced: bool) -> Self {
        // Without a deadline nobody asks how long anything takes, and no clock is read.
        let began = deadline.due().map(|_| Instant::now());
        Self { outcome, deadline, traced, began, cut: false }
    }

    /// How long the group of stages took that ends here.
    fn lap(&mut self) -> Option<Span> {
        let began = self.began?;
        let now = Instant::now();
        // After a stage was skipped, the groups that follow have less to do than usual and would teach too short a
        // time.
        self.began = (!self.cut).then_some(now);
        self.outcome.spans.ended = self.began;
        Some(Span { took: now.duration_since(began), whole: !self.cut })
    }

    /// Names a stage that the plan has no time for.
    fn leave_out(&mut self, label: &Arc<str>) {
        self.outcome.degradation.skipped_stages.push(Arc::clone(label));
    }

    /// Runs a stage unless the time is up.
    fn optional(
        &mut self,
        label: &Arc<str>,
        set: &mut CandidateSet,
        stage: impl FnOnce(&mut CandidateSet) -> Result<(), StageError>,
    ) {
        // Before each stage and not within: a stage that has begun is trusted to end, and is measured.
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
        let outcome = self.timed(label, || (stage(set), set.len()));
        if let Err(error) = outcome {
            self.failed(label, &error);
        }
    }

    /// Runs a stage, which says how many candidates it leaves, and adds it to the trace.
    fn timed<T>(&mut self, label: &Arc<str>, stage: impl FnOnce() -> (T, usize)) -> T {
        let started = self.traced.then(Instant::now);
        let (outcome, candidates) = stage();
        if let Some(started) = started {
            let took = started.elapsed();
            self.outcome.trace.push(StageTrace { stage: Arc::clone(label), candidates, took });
        }
        outcome
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
        self.outcome.degradation.note(DegradationLevel::Partial, cause);
        self.outcome.degradation.skipped_stages.push(Arc::clone(label));
    }
}
