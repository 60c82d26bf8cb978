//! The memory of a thread that makes slates.

use super::resolve;
use crate::domain::{Slate, score};
use crate::pipeline::Scratch;

/// What one thread uses for one request after another.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) spare: resolve::Spare,
    pub(super) scratch: Scratch,
    pub(super) found: Vec<score::Key>,
    pub(super) common: Slate,
}
