//! The fourth room: one number per candidate.

mod blend;
mod ranker;

use super::ScorerFactory;

pub use blend::{Blend, Normalize};
pub use ranker::Ranker;

/// The kinds that recipes may name.
pub(super) fn kinds() -> [(&'static str, ScorerFactory); 2] {
    [("blend", Blend::make), ("ranker", Ranker::make)]
}
