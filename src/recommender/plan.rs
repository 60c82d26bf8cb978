//! How an answer is made, by how much time there is for it.

use crate::domain::Cause;
use crate::pipeline::Depth;

/// How an answer is made, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plan {
    /// By the whole recipe.
    Full,
    /// Without re-rankers, and by a blend of the sources instead of a trained model.
    NoRerank,
    /// From the slate in the result cache that anybody would get, without what this subject must not see.
    Cached,
    /// From the fallback chain alone.
    Popular,
}

impl Plan {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Full, Self::NoRerank, Self::Cached, Self::Popular];

    /// The name used in metrics.
    pub fn as_str(self) -> &'static str {
        // Dashboards go by these: they stay when a variant is renamed.
        match self {
            Plan::Full => "full",
            Plan::NoRerank => "no_rerank",
            Plan::Cached => "cached",
            Plan::Popular => "popular",
        }
    }

    /// What the answer says of it.
    pub fn cause(self) -> Option<Cause> {
        match self {
            Plan::Full => None,
            Plan::NoRerank => Some(Cause::DeadlineNoRerank),
            Plan::Cached => Some(Cause::DeadlineCached),
            Plan::Popular => Some(Cause::DeadlinePopular),
        }
    }

    pub(super) fn depth(self) -> Depth {
        // Without retrieval the mask is still made: what may not be shown may not be shown in a hurry either.
        match self {
            Plan::Full => Depth::Full,
            Plan::NoRerank => Depth::NoRerank,
            Plan::Cached | Plan::Popular => Depth::Mask,
        }
    }
}
