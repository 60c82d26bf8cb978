//! Re-rankers: order with the whole list in view.

mod cap;

use super::Stages;

pub use cap::Cap;

/// The kinds that recipes may name.
pub(super) fn add_kinds(stages: Stages) -> Stages {
    stages.reranker("cap", Cap::make)
}
