//! Neighbours of one or more items, merged by weighted sum.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::seeds::{ItemWeights, LookFrom, RoleName, check_decay};
use crate::domain::{CandidateSet, ItemMask, score};
use crate::index::Accumulator;
use crate::pipeline::build::check_take;
use crate::pipeline::{BuildError, CandidateSource, Context, Needs, Spec, Stage, StageError};
use crate::snapshot::ItemNeighbors;

/// Reads an `item_neighbors` artifact.
///
/// Useful for: similar items, complements, what comes next. Not for: requests that name no item.
#[derive(Debug)]
pub struct Neighbors {
    table: Arc<ItemNeighbors>,
    params: Params,
    weights: ItemWeights,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    artifact: String,
    #[serde(default = "default_take")]
    take: usize,
    #[serde(default)]
    from: LookFrom,
    #[serde(default = "default_seeds")]
    max_seeds: usize,
    #[serde(default = "default_decay")]
    decay: f32,
    #[serde(default = "default_per_seed")]
    per_seed: usize,
    #[serde(default)]
    role_weights: BTreeMap<RoleName, f32>,
    #[serde(default)]
    event_weights: BTreeMap<String, f32>,
}

fn default_take() -> usize {
    200
}
fn default_seeds() -> usize {
    20
}
fn default_decay() -> f32 {
    1.0
}
fn default_per_seed() -> usize {
    usize::MAX
}

// Of the thread and not of the stage, which all threads share: sums are as long as the catalogue.
thread_local! {
    static SCRATCH: RefCell<(Accumulator, Vec<(u32, f32)>)> = RefCell::default();
}

impl Neighbors {
    pub(super) fn make(spec: &Spec<'_>) -> Result<Box<dyn CandidateSource>, BuildError> {
        let params: Params = spec.parse()?;
        check_take(params.take)?;
        check_decay(params.decay)?;
        let weights = ItemWeights::new(&params.role_weights, &params.event_weights)?;
        let table = spec.artifact(&params.artifact)?;
        Ok(Box::new(Self { table, params, weights }))
    }
}

impl Stage for Neighbors {
    fn label(&self) -> &str {
        "neighbors"
    }

    fn needs(&self) -> Needs {
        Needs { signals: self.params.from.signals(), ..Needs::default() }
    }
}

impl CandidateSource for Neighbors {
    fn retrieve(&self, ctx: &Context<'_>, mask: &ItemMask, out: &mut CandidateSet) -> Result<(), StageError> {
        SCRATCH.with_borrow_mut(|(sums, seeds)| {
            let Params { from, max_seeds, decay, .. } = self.params;
            from.items(ctx, &self.weights, max_seeds, decay, seeds);
            // By item number and without hashing: neighbours of twenty seeds are some thousand additions.
            sums.start(ctx.live.rows());
            self.table.lists.merge(seeds, self.params.per_seed, sums);
            for key in sums.top(self.params.take, mask) {
                out.push(score::item(*key), score::value(*key));
            }
        });
        Ok(())
    }
}
