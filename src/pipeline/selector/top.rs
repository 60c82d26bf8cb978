//! The best candidates as they are ordered.

use crate::domain::CandidateSet;
use crate::pipeline::{Context, Selector, Stage};

/// Takes the best candidates as they are ordered.
#[derive(Debug, Default)]
pub struct Top;

impl Stage for Top {
    fn label(&self) -> &str {
        "top"
    }
}

impl Selector for Top {
    fn select(&self, _ctx: &Context<'_>, set: &mut CandidateSet, size: usize) {
        if set.len() > size {
            set.retain(|row| row < size);
        }
    }
}
