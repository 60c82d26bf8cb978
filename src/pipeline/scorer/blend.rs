//! The weighted sum of what the sources say.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{CandidateSet, score};
use crate::pipeline::{BuildError, Context, Scorer, Spec, Stage, StageError};

/// `score = Σ weight · normalised source score`; a source that did not name the candidate adds nothing.
#[derive(Debug)]
pub struct Blend {
    weights: Vec<f32>,
    normalize: Normalize,
}

/// How the scores of one source are made comparable with those of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Normalize {
    /// Divided by the source's largest absolute score.
    #[default]
    Max,
    /// `1 / (60 + rank)`: reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009).
    Rank,
    /// Divided by the sum of the source's absolute scores.
    Sum,
    /// As they are.
    None,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    weights: BTreeMap<String, f32>,
    #[serde(default)]
    normalize: Normalize,
}

thread_local! {
    static RANKED: RefCell<Vec<score::Key>> = const { RefCell::new(Vec::new()) };
}

impl Blend {
    /// A blend with one weight per source, in the recipe's order.
    pub fn new(weights: Vec<f32>, normalize: Normalize) -> Self {
        Self { weights, normalize }
    }

    pub(super) fn make(spec: &Spec<'_>) -> Result<Box<dyn Scorer>, BuildError> {
        let params: Params = spec.parse()?;
        for (name, weight) in &params.weights {
            if !spec.sources.iter().any(|label| **label == **name) {
                let known = spec.sources.iter().map(|label| &**label).collect::<Vec<_>>().join(", ");
                return Err(BuildError::UnknownSource { name: name.clone(), known });
            }
            if !weight.is_finite() {
                let value = weight.to_string();
                return Err(BuildError::Range { key: "weights", value, expected: "finite numbers" });
            }
        }
        let weights = spec.sources.iter().map(|label| params.weights.get(&**label).copied().unwrap_or(1.0));
        Ok(Box::new(Self::new(weights.collect(), params.normalize)))
    }

    fn add_ranks(&self, column: &[f32], set: &CandidateSet, weight: f32, scores: &mut [f32]) {
        RANKED.with_borrow_mut(|ranked| {
            ranked.clear();
            // By the order that slates have, so that equal scores have the ranks that they would be shown in.
            let named = column.iter().zip(set.items()).filter(|(value, _)| !value.is_nan());
            ranked.extend(named.map(|(value, item)| score::key(*value, *item)));
            ranked.sort_unstable_by(|a, b| b.cmp(a));
            for (row, value) in column.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
                let own = score::key(*value, set.items()[row]);
                let rank = ranked.partition_point(|key| *key > own);
                // 60 and a rank from 1: the constant that the paper found to be robust over many collections.
                scores[row] += weight / (61.0 + rank as f32);
            }
        });
    }
}

impl Stage for Blend {
    fn label(&self) -> &str {
        "blend"
    }
}

impl Scorer for Blend {
    fn score(&self, _ctx: &Context<'_>, set: &CandidateSet, scores: &mut [f32]) -> Result<(), StageError> {
        scores.fill(0.0);
        for (source, weight) in self.weights.iter().enumerate() {
            let column = set.retrieved(source);
            // An infinity would make all other scores of the source nothing.
            let named = column.iter().filter(|value| value.is_finite());
            let scale = match self.normalize {
                Normalize::Max => named.fold(0f32, |most, value| most.max(value.abs())),
                Normalize::Sum => named.map(|value| value.abs()).sum(),
                Normalize::None => 1.0,
                Normalize::Rank => {
                    self.add_ranks(column, set, *weight, scores);
                    continue;
                }
            };
            // A source whose scores are all 0 has no opinion, and must not make every sum NaN.
            if scale > 0.0 {
                let factor = weight / scale;
                for (sum, value) in scores.iter_mut().zip(column).filter(|(_, value)| !value.is_nan()) {
                    *sum += factor * value;
                }
            }
        }
        Ok(())
    }
}
