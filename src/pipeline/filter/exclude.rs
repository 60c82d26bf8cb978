//! Leaves out what the subject has in front of them or has had before.

use serde::{Deserialize, Serialize};

use crate::domain::{ItemIdx, ItemMask, SeedRole};
use crate::pipeline::{Context, Filter, Needs, Signals, Stage, StageError};

/// What to leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Exclusion {
    /// The newest item: the one being looked at.
    Current,
    /// All seed items.
    Seeds,
    /// Everything in this session, seeds included.
    Session,
    /// The user's history, what events say was bought since, and seeds with role PURCHASED.
    Purchased,
    /// Session and history, and whatever else events say the subject did anything with lately.
    Seen,
    /// What was shown again and again without being looked at, as events of type `impression` say. One showing is
    /// forgiven for each day that passes.
    Shown,
}

/// Leaves out the listed groups. Session and history are let in again when nothing else is left; the current item and
/// the seeds never are.
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

impl Stage for ExcludeFilter {
    fn label(&self) -> &str {
        "exclude"
    }

    fn needs(&self) -> Needs {
        // Only PURCHASED says more than that an item is a seed, and only where purchases are left out.
        let signals = Signals { roles: self.any(&[Exclusion::Purchased]), ..Signals::default() };
        Needs { signals, ..Needs::default() }
    }
}

impl Filter for ExcludeFilter {
    fn prefilter(&self, ctx: &Context<'_>, mask: &mut ItemMask) -> Result<(), StageError> {
        use Exclusion::{Current, Purchased, Seeds, Seen, Session};
        let query = ctx.query;
        if self.any(&[Current, Seeds, Session, Seen])
            && let Some(current) = query.current
        {
            mask.exclude(current);
        }
        for seed in &query.seeds {
            if self.any(&[Seeds, Session, Seen])
                || (seed.role == SeedRole::Purchased && self.any(&[Purchased]))
            {
                mask.exclude(seed.item);
            }
        }
        // The current item and the seeds are in the session too, and stay left out for good.
        if self.any(&[Session, Seen]) {
            for entry in &query.session {
                mask.exclude_softly(entry.item);
            }
        }
        if self.any(&[Purchased, Seen]) {
            let history = query.history.iter().map(|item| ItemIdx(*item));
            for item in history.chain(query.bought.iter().copied()) {
                mask.exclude_softly(item);
            }
        }
        // Empty where the placement does not leave them out.
        for item in query.seen.iter().chain(&query.worn) {
            mask.exclude_softly(*item);
        }
        Ok(())
    }
}
