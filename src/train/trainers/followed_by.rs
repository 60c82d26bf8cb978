//! `followed_by`: items that follow each other in sessions.

use serde_json::json;

use super::trainer::{Trainer, nothing};
use crate::artifact::table::TableError;
use crate::train::inputs::TrainingInputs;
use crate::train::rules::rules;
use crate::train::writer::ArtifactWriter;

pub(super) const TRAINER: Trainer = Trainer { name: "followed_by", needs: nothing, train };

fn train(
    inputs: &TrainingInputs<'_>,
    writer: &mut ArtifactWriter<'_>,
    _: &mut dyn FnMut(f64),
) -> Result<(), TableError> {
    let options = inputs.plan.sequential_rules();
    // Viewed items too, not only bought ones: views outnumber purchases many times, and the next view is what most
    // placements predict.
    let table = rules(inputs.sessions(), inputs.catalog.len(), inputs.until_ms(), &options);
    let params = json!({"method": "sequence", "window": options.window});
    writer.item_neighbors("followed_by", &table, params)
}
