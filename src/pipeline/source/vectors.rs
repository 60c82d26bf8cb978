//! Items whose vectors fit the user's.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::seeds::{ItemWeights, LookFrom, RoleName, check_decay};
use crate::domain::{CandidateSet, DeadlineCheck, ItemMask, score};
use crate::index::VectorScratch;
use crate::pipeline::build::check_take;
use crate::pipeline::{BuildError, CandidateSource, Context, Needs, Spec, Stage, StageError};
use crate::snapshot::{ItemVectors, UserVectors};

/// Searches an `item_vectors` artifact with the user's vector; for a user without one (or with `fold_in = "always"`)
/// with a vector folded in from the request's items.
///
/// Useful for: taste beyond single co-occurrences. Not for: requests with neither a known user nor a known item.
#[derive(Debug)]
pub struct VectorSource {
    items: Arc<ItemVectors>,
    users: Option<Arc<UserVectors>>,
    params: Params,
    weights: ItemWeights,
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
    from: LookFrom,
    #[serde(default = "default_seeds")]
    max_seeds: usize,
    #[serde(default)]
    decay: f32,
    #[serde(default)]
    role_weights: BTreeMap<RoleName, f32>,
    #[serde(default)]
    event_weights: BTreeMap<String, f32>,
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
fn default_from() -> LookFrom {
    LookFrom::Session
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
        let weights = ItemWeights::new(&params.role_weights, &params.event_weights)?;
        let items: Arc<ItemVectors> = spec.artifact(&params.artifact)?;
        let mut users = None;
        if let Some(name) = &params.users {
            let found: Arc<UserVectors> = spec.artifact(name)?;
            // Refused at load: a search with a vector of another width has no meaning and no error of its own.
            let (users_width, items_width) = (found.rows.width(), items.index.vectors().width());
            if users_width != items_width {
                return Err(BuildError::Width {
                    users: name.clone(),
                    users_width,
                    items: params.artifact,
                    items_width,
                });
            }
            users = Some(found);
        }
        Ok(Box::new(Self { items, users, params, weights }))
    }

    /// Leaves the query vector in `scratch.query`; false if there is nothing to make it from.
    fn query(&self, ctx: &Context<'_>, scratch: &mut Scratch) -> bool {
        if let (FoldInWhen::Unknown, Some(users), Some(user)) =
            (self.params.fold_in, self.users.as_deref(), ctx.query.user)
            && let Some(vector) = users.users.number(user).and_then(|row| users.rows.row(row as usize))
        {
            scratch.query.clear();
            scratch.query.extend_from_slice(vector);
            return true;
        }
        // Folded in: a user who is new since the training, or a session that says more than an old taste.
        let Params { from, max_seeds, decay, .. } = self.params;
        from.items(ctx, &self.weights, max_seeds, decay, &mut scratch.seeds);
        self.items.fold_in.vector(self.items.index.vectors(), &scratch.seeds, &mut scratch.query)
    }
}

impl Stage for VectorSource {
    fn label(&self) -> &str {
        "vectors"
    }

    fn needs(&self) -> Needs {
        Needs { signals: self.params.from.signals(), ..Needs::default() }
    }
}

impl CandidateSource for VectorSource {
    fn retrieve(&self, ctx: &Context<'_>, mask: &ItemMask, out: &mut CandidateSet) -> Result<(), StageError> {
        SCRATCH.with_borrow_mut(|scratch| {
            if !self.query(ctx, scratch) {
                return Ok(());
            }
            let Scratch { query, index, keys, .. } = scratch;
            let mut check = DeadlineCheck::new(ctx.deadline);
            self.items.index.search_until(query, self.params.take, mask, &mut check, index, keys);
            if check.is_late() {
                // The best of the first rows are not the best.
                return Err(StageError::Deadline);
            }
            for key in &scratch.keys {
                out.push(score::item(*key), score::value(*key));
            }
            Ok(())
        })
    }
}
