//! What every reader of a model format hands over, and how large a model may be.

use super::input::Input;
use super::link::Link;

/// The greatest number of inputs of a model.
pub(super) const MAX_INPUTS: usize = 65_536;

/// The greatest number of outputs of a model: scoring computes all of them.
pub(super) const MAX_OUTPUTS: usize = 4_096;

/// What the readers hand over.
#[derive(Debug)]
pub(super) struct Parts<B> {
    pub(super) objective: String,
    pub(super) inputs: Vec<Input>,
    /// What scores.
    pub(super) body: B,
    pub(super) link: Link,
    pub(super) outputs: usize,
    /// What sums are divided by: the number of trees of a random forest.
    pub(super) divisor: f64,
}

impl<B> Parts<B> {
    /// The same, with what scores as one of several.
    pub(super) fn map<C>(self, wrap: impl FnOnce(B) -> C) -> Parts<C> {
        let Self { objective, inputs, body, link, outputs, divisor } = self;
        Parts { objective, inputs, body: wrap(body), link, outputs, divisor }
    }
}
