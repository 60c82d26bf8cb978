//! `similar`: items that occur in the same sessions.

use serde_json::json;

use super::trainer::{Trainer, nothing};
use crate::artifact::table::TableError;
use crate::train::inputs::TrainingInputs;
use crate::train::rules::rules;
use crate::train::writer::ArtifactWriter;

pub(super) const TRAINER: Trainer = Trainer { name: "similar", needs: nothing, train };

fn train(
    inputs: &TrainingInputs<'_>,
    writer: &mut ArtifactWriter<'_>,
    _: &mut dyn FnMut(f64),
) -> Result<(), TableError> {
    let options = inputs.plan.together_rules();
    let table = rules(inputs.sessions(), inputs.catalog.len(), inputs.until_ms(), &options);
    writer.item_neighbors("similar", &table, json!({"method": "together"}))
}
