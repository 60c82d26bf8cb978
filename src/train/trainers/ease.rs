//! `ease`: the item-to-item weights of EASE^R.

use serde_json::json;

use super::trainer::Trainer;
use crate::artifact::table::TableError;
use crate::train::ease::ease;
use crate::train::inputs::TrainingInputs;
use crate::train::writer::ArtifactWriter;

pub(super) const TRAINER: Trainer = Trainer { name: "ease", needs, train };

fn needs(inputs: &TrainingInputs<'_>) -> bool {
    inputs.catalog.len() <= inputs.plan.ease_max_items
}

fn train(
    inputs: &TrainingInputs<'_>,
    writer: &mut ArtifactWriter<'_>,
    progress: &mut dyn FnMut(f64),
) -> Result<(), TableError> {
    let lambda = inputs.plan.ease_regularization;
    let table = ease(inputs.interactions(), lambda, inputs.plan.neighbors, progress);
    writer.item_neighbors("ease", &table, json!({"method": "ease", "lambda": lambda}))
}
