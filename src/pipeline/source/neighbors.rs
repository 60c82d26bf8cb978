//! Neighbours of one or more items, merged by weighted sum.

use std::cell::RefCell;
use std::sync::Arc;

use serde::Deserialize;

use super::{From, check_decay};
use crate::domain::{CandidateSet, score};
use crate::index::Accumulator;
use crate::pipeline::build::check_take;
use crate::pipeline::{BuildError, CandidateSource, Context, Spec, StageError};
use crate::snapshot::ItemNeighbors;

/// Reads an `item_neighbors` artifact.
///
/// Useful for: similar items, complements, what comes next. Not for: requests that name no item.
#[derive(Debug)]
pub struct Neighbors {
    table: Arc<ItemNeighbors>,
    params: Params,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    artifact: String,
    #[serde(default = "default_take")]
    take: usize,
    #[serde(default)]
    from: From,
    #[serde(default = "default_seeds")]
    max_seeds: usize,
    #[serde(default = "default_decay")]
    decay: f32,
    #[serde(default = "default_per_seed")]
    per_seed: usize,
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

thread_local! {
    static SCRATCH: RefCell<(Accumulator, Vec<(u32, f32)>)> = RefCell::default();
}

impl Neighbors {
    pub(super) fn make(spec: &Spec<'_>) -> Result<Box<dyn CandidateSource>, BuildError> {
        let params: Params = spec.parse()?;
        check_take(params.take)?;
        check_decay(params.decay)?;
        let table = spec.artifact(&params.artifact)?;
        Ok(Box::new(Self { table, params }))
    }
}

impl CandidateSource for Neighbors {
    fn retrieve(&self, ctx: &Context<'_>, out: &mut CandidateSet) -> Result<(), StageError> {
        SCRATCH.with_borrow_mut(|(sums, seeds)| {
            self.params.from.items(ctx, self.params.max_seeds, self.params.decay, seeds);
            sums.start(ctx.snapshot.items().len());
            self.table.lists.merge(seeds, self.params.per_seed, sums);
            for key in sums.top(self.params.take, ctx.mask) {
                out.push(score::item(*key), score::value(*key));
            }
        });
        Ok(())
    }
}
