//! Scorers: one number per candidate.

mod blend;
mod ranker;

use super::Stages;

pub use blend::{Blend, Normalize};
pub use ranker::Ranker;

/// The kinds that recipes may name.
pub(super) fn add_kinds(stages: Stages) -> Stages {
    stages.scorer("blend", Blend::make).scorer("ranker", Ranker::make)
}
