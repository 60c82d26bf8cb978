//! Items whose vectors fit the user's.

use std::cell::RefCell;
use std::sync::Arc;

use serde::Deserialize;

use super::{From, check_decay};
use crate::domain::{CandidateSet, score};
use crate::index::VectorScratch;
use crate::pipeline::build::check_take;
use crate::pipeline::{BuildError, CandidateSource, Context, Spec, StageError};
use crate::snapshot::{ItemVectors, UserVectors};

/// Searches an `item_vectors` artifact with the user's vector; for a user without one (or with `fold_in = "always"`) with a
/// vector folded in from the request's items.
///
/// Useful for: taste beyond single co-occurrences. Not for: requests with neither a known user nor a known item.
#[derive(Debug)]
pub struct VectorSource {
    items: Arc<ItemVectors>,
    users: Option<Arc<UserVectors>>,
    params: Params,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    artifact: String,
    users: Option<String>,
    #[serde(default = "default_take")]
    take: usize,
    #[serde(default)]
    fold_in: FoldInWhen,
    #[serde(default = "default_from")]
    from: From,
    #[serde(default = "default_seeds")]
    max_seeds: usize,
    #[serde(default)]
    decay: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FoldInWhen {
    #[default]
    Unknown,
    Always,
}

fn default_take() -> usize {
    300
}
fn default_from() -> From {
    From::Session
}
fn default_seeds() -> usize {
    50
}

#[derive(Debug, Default)]
struct Scratch {
    seeds: Vec<(u32, f32)>,
    query: Vec<f32>,
    index: VectorScratch,
    keys: Vec<score::Key>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl VectorSource {
    pub(super) fn make(spec: &Spec<'_>) -> Result<Box<dyn CandidateSource>, BuildError> {
        let params: Params = spec.parse()?;
        check_take(params.take)?;
        check_decay(params.decay)?;
        let items: Arc<ItemVectors> = spec.artifact(&params.artifact)?;
        let mut users = None;
        if let Some(name) = &params.users {
            let rows: Arc<UserVectors> = spec.artifact(name)?;
            let (own, width) = (rows.rows.width(), items.index.vectors().width());
            if own != width {
                return Err(BuildError::Parameters(format!(
                    "artifact \"{name}\" has vectors of {own} numbers, \"{}\" of {width}",
                    params.artifact
                )));
            }
            users = Some(rows);
        }
        Ok(Box::new(Self { items, users, params }))
    }

    /// Leaves the query vector in `scratch.query`; false if there is nothing to make it from.
    fn query(&self, ctx: &Context<'_>, scratch: &mut Scratch) -> bool {
        let items = &self.items;
        if let (FoldInWhen::Unknown, Some(users), Some(user)) =
            (self.params.fold_in, self.users.as_deref(), ctx.query.user)
            && let Some(vector) = users.users.number(user).and_then(|row| users.rows.row(row as usize))
        {
            scratch.query.clear();
            scratch.query.extend_from_slice(vector);
            return true;
        }
        self.params.from.items(ctx, self.params.max_seeds, self.params.decay, &mut scratch.seeds);
        items.fold_in.vector(items.index.vectors(), &scratch.seeds, &mut scratch.query)
    }
}

impl CandidateSource for VectorSource {
    fn retrieve(&self, ctx: &Context<'_>, out: &mut CandidateSet) -> Result<(), StageError> {
        SCRATCH.with_borrow_mut(|scratch| {
            if !self.query(ctx, scratch) {
                return;
            }
            let Scratch { query, index, keys, .. } = scratch;
            self.items.index.search(query, self.params.take, ctx.mask, index, keys);
            for key in &scratch.keys {
                out.push(score::item(*key), score::value(*key));
            }
        });
        Ok(())
    }
}
