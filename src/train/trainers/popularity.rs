//! `popularity`: the most popular items, over the whole shop and by segment.

use arrow_array::builder::StringBuilder;
use arrow_array::{Float32Array, StringArray};
use serde_json::json;

use super::trainer::{Trainer, nothing};
use crate::artifact::table::{TableError, TableWriter};
use crate::train::inputs::TrainingInputs;
use crate::train::popularity::popularity;
use crate::train::writer::ArtifactWriter;

pub(super) const TRAINER: Trainer = Trainer { name: "popularity", needs: nothing, train };

fn train(
    inputs: &TrainingInputs<'_>,
    writer: &mut ArtifactWriter<'_>,
    _: &mut dyn FnMut(f64),
) -> Result<(), TableError> {
    let half_life_days = inputs.plan.popularity_half_life_days;
    let rows = popularity(inputs.log, inputs.catalog, half_life_days, inputs.plan.segment_items);
    // The whole shop is the segment without a name: null, not an empty text.
    let mut segments = StringBuilder::new();
    for row in &rows {
        segments.append_option(row.segment.as_deref());
    }
    let ids = rows.iter().map(|row| writer.item_id(row.item));
    let table = TableWriter::default()
        .column("item_id", StringArray::from_iter_values(ids))
        .column("score", rows.iter().map(|row| row.score).collect::<Float32Array>())
        .column("segment", segments.finish());
    writer.write("popularity", "popularity", rows.len(), table, json!({"half_life_days": half_life_days}))
}
