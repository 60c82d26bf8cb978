//! What a trainer is: a name, what it needs, and its function.

use crate::artifact::table::TableError;
use crate::train::inputs::TrainingInputs;
use crate::train::writer::ArtifactWriter;

/// How one artifact is trained.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trainer {
    /// The artifact's name. Recipes, the tuner and the progress go by it.
    pub(super) name: &'static str,
    /// Whether the data has what it takes; otherwise the artifact is left out.
    pub(super) needs: fn(&TrainingInputs<'_>) -> bool,
    /// Trains and writes. The last argument is told the share done, 0 to 1.
    pub(super) train: Train,
}

type Train = fn(&TrainingInputs<'_>, &mut ArtifactWriter<'_>, &mut dyn FnMut(f64)) -> Result<(), TableError>;

/// The needs of a trainer that any log satisfies.
pub(super) fn nothing(_: &TrainingInputs<'_>) -> bool {
    true
}

/// The needs of a trainer that learns about users: at least one that is known by id.
pub(super) fn users(inputs: &TrainingInputs<'_>) -> bool {
    !inputs.interactions().users.is_empty()
}
