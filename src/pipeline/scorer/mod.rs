//! The fourth room: one number per candidate.

mod blend;

use super::ScorerFactory;

pub use blend::{Blend, Normalize};

/// The kinds that recipes may name.
pub(super) fn kinds() -> [(&'static str, ScorerFactory); 1] {
    [("blend", Blend::make)]
}
