//! Leaves out what the subject has in front of them or has had before.

use serde::{Deserialize, Serialize};

use super::keep_admitted;
use crate::domain::{CandidateSet, ItemIdx, ItemMask, SeedRole};
use crate::pipeline::{Context, Filter, Query, StageError};
use crate::snapshot::Snapshot;

/// What to leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exclusion {
    /// The newest item: the one being looked at.
    Current,
    /// All seed items.
    Seeds,
    /// Everything in this session, seeds included.
    Session,
    /// The user's history, and seeds with role PURCHASED.
    Purchased,
    /// Session and history.
    Seen,
}

/// Leaves out the listed groups. Session and history are let in again when nothing else is left; the current item and the
/// seeds never are.
#[derive(Debug)]
pub struct ExcludeFilter {
    groups: Vec<Exclusion>,
}

impl ExcludeFilter {
    /// A filter for these groups.
    pub fn new(groups: &[Exclusion]) -> Self {
        Self { groups: groups.to_vec() }
    }

    fn any(&self, groups: &[Exclusion]) -> bool {
        self.groups.iter().any(|group| groups.contains(group))
    }
}

impl Filter for ExcludeFilter {
    fn filter(&self, ctx: &Context<'_>, set: &mut CandidateSet) -> Result<(), StageError> {
        keep_admitted(ctx, set);
        Ok(())
    }

    fn prefilter(&self, query: &Query<'_>, _snapshot: &Snapshot, mask: &mut ItemMask) {
        use Exclusion::{Current, Purchased, Seeds, Seen, Session};
        if self.any(&[Current, Seeds, Session, Seen]) {
            query.current.into_iter().for_each(|item| mask.exclude(item));
        }
        for seed in &query.seeds {
            if self.any(&[Seeds, Session, Seen])
                || (seed.role == SeedRole::Purchased && self.any(&[Purchased]))
            {
                mask.exclude(seed.item);
            }
        }
        if self.any(&[Session, Seen]) {
            query.session.iter().for_each(|item| mask.exclude_softly(*item));
        }
        if self.any(&[Purchased, Seen]) {
            query.history.iter().for_each(|item| mask.exclude_softly(ItemIdx(*item)));
        }
    }
}
