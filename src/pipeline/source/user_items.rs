//! A list prepared for the user.

use std::sync::Arc;

use serde::Deserialize;

use crate::domain::{CandidateSet, ItemIdx, ItemMask};
use crate::pipeline::build::check_take;
use crate::pipeline::{BuildError, CandidateSource, Context, Spec, Stage, StageError};
use crate::snapshot::UserItems as Lists;

/// Reads a `user_items` artifact.
///
/// Useful for: repurchase, lists computed offline. Not for: users who are not in it.
#[derive(Debug)]
pub struct UserItems {
    lists: Arc<Lists>,
    take: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    artifact: String,
    #[serde(default = "default_take")]
    take: usize,
}

fn default_take() -> usize {
    100
}

impl UserItems {
    pub(super) fn make(spec: &Spec<'_>) -> Result<Box<dyn CandidateSource>, BuildError> {
        let params: Params = spec.parse()?;
        let lists = spec.artifact(&params.artifact)?;
        Ok(Box::new(Self { lists, take: check_take(params.take)? }))
    }
}

impl Stage for UserItems {
    fn label(&self) -> &str {
        "user_items"
    }
}

impl CandidateSource for UserItems {
    fn retrieve(&self, ctx: &Context<'_>, mask: &ItemMask, out: &mut CandidateSet) -> Result<(), StageError> {
        let lists = &self.lists;
        // Not by the request's own user id: without consent the query has none.
        let row = ctx.query.user.and_then(|user| lists.users.number(user));
        let (items, scores) = row.map_or((&[][..], &[][..]), |row| lists.rows.row(row as usize));
        let admitted = items.iter().zip(scores).filter(|(item, _)| mask.admits(ItemIdx(**item)));
        for (item, score) in admitted.take(self.take) {
            out.push(ItemIdx(*item), *score);
        }
        Ok(())
    }
}
