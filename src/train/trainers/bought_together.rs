//! `bought_together`: items that are put into the same cart or order.

use serde_json::json;

use super::trainer::Trainer;
use crate::artifact::table::TableError;
use crate::train::event_kind::EventKind;
use crate::train::inputs::TrainingInputs;
use crate::train::rules::rules;
use crate::train::writer::ArtifactWriter;

pub(super) const TRAINER: Trainer = Trainer { name: "bought_together", needs, train };

/// In a log without views every session is a basket, and the table would be `similar` once more.
fn needs(inputs: &TrainingInputs<'_>) -> bool {
    inputs.has(EventKind::View) && !inputs.baskets().is_empty()
}

fn train(
    inputs: &TrainingInputs<'_>,
    writer: &mut ArtifactWriter<'_>,
    _: &mut dyn FnMut(f64),
) -> Result<(), TableError> {
    let options = inputs.plan.together_rules();
    // Both orders count: what a cart is filled with first says nothing.
    let table = rules(inputs.baskets(), inputs.catalog.len(), inputs.until_ms(), &options);
    let params = json!({"method": "together", "of": "carts and orders"});
    writer.item_neighbors("bought_together", &table, params)
}
