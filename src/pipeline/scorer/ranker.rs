//! A trained model says what a candidate is worth.

use std::cell::RefCell;
use std::sync::Arc;

use serde::Deserialize;

use super::{Blend, Normalize};
use crate::domain::CandidateSet;
use crate::model::{Matrix, RankScratch};
use crate::pipeline::features::Gatherer;
use crate::pipeline::{BuildError, Context, Needs, Scorer, Spec, Stage, StageError};
use crate::snapshot::RankerModel;

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
        // Equal weights: a recipe with a ranker does not say how else its sources would be blended.
        let blend = Blend::new(vec![1.0; spec.sources.len()], Normalize::Max);
        Ok(Box::new(Self { ranker, gatherer, retrieval, blend }))
    }
}

impl Stage for Ranker {
    fn label(&self) -> &str {
        "ranker"
    }

    fn needs(&self) -> Needs {
        Needs {
            attributes: self.gatherer.attributes(),
            user_tables: self.gatherer.user_tables().to_vec(),
            clock: self.gatherer.clock(),
            ..Needs::default()
        }
    }
}

impl Scorer for Ranker {
    fn score(&self, ctx: &Context<'_>, set: &CandidateSet, scores: &mut [f32]) -> Result<(), StageError> {
        // Scorers always run, since an order there must be; the trained one is too long a way when the time is up.
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
                for (score, own) in scores.iter_mut().zip(blended) {
                    *score += self.retrieval * *own;
                }
            }
            Ok(())
        })
    }

    fn cheaper(&self) -> Option<&dyn Scorer> {
        Some(&self.blend)
    }
}
