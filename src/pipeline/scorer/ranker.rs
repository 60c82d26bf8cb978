//! A trained model says what a candidate is worth.

use std::cell::RefCell;
use std::sync::Arc;

use serde::Deserialize;

use super::{Blend, Normalize};
use crate::domain::CandidateSet;
use crate::model::{Matrix, RankScratch};
use crate::pipeline::features::Gatherer;
use crate::pipeline::{BuildError, Context, Scorer, Spec, StageError};
use crate::snapshot::{RankerModel, UserFeatures};

/// `score = the model's prediction + retrieval · what a blend of the sources says`.
///
/// When the time is up before it starts, the blend alone decides, and the answer says that the ranker was skipped.
#[derive(Debug)]
pub struct Ranker {
    ranker: Arc<RankerModel>,
    gatherer: Gatherer,
    retrieval: f32,
    blend: Blend,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    artifact: String,
    #[serde(default)]
    retrieval: f32,
}

#[derive(Debug, Default)]
struct Scratch {
    matrix: Matrix,
    model: RankScratch,
    blended: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Ranker {
    pub(super) fn make(spec: &Spec<'_>) -> Result<Box<dyn Scorer>, BuildError> {
        let Params { artifact: name, retrieval } = spec.parse()?;
        if !retrieval.is_finite() {
            let value = retrieval.to_string();
            return Err(BuildError::Range { key: "retrieval", value, expected: "a finite number" });
        }
        let ranker: Arc<RankerModel> = spec.artifact(&name)?;
        let gatherer = Gatherer::compile(spec, &name, &ranker)?;
        let blend = Blend::new(vec![1.0; spec.sources.len()], Normalize::Max);
        Ok(Box::new(Self { ranker, gatherer, retrieval, blend }))
    }
}

impl Scorer for Ranker {
    fn score(&self, ctx: &Context<'_>, set: &CandidateSet, scores: &mut [f32]) -> Result<(), StageError> {
        if ctx.deadline.has_passed() {
            self.blend.score(ctx, set, scores)?;
            return Err(StageError::Deadline);
        }
        SCRATCH.with_borrow_mut(|Scratch { matrix, model, blended }| {
            self.gatherer.gather(ctx, set, matrix);
            self.ranker.model.score(matrix, model, scores);
            if self.retrieval != 0.0 {
                blended.clear();
                blended.resize(scores.len(), 0.0);
                self.blend.score(ctx, set, blended)?;
                scores.iter_mut().zip(blended).for_each(|(score, own)| *score += self.retrieval * *own);
            }
            Ok(())
        })
    }

    fn user_tables(&self) -> &[Arc<UserFeatures>] {
        self.gatherer.user_tables()
    }

    fn stand_in(&self) -> Option<&dyn Scorer> {
        Some(&self.blend)
    }

    fn reads_clock(&self) -> bool {
        self.gatherer.reads_clock()
    }
}
