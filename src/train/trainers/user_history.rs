//! `user_history`: what each user bought, or viewed in a log without purchases.

use serde_json::json;

use super::trainer::{Trainer, users};
use crate::artifact::table::TableError;
use crate::train::inputs::TrainingInputs;
use crate::train::interactions::histories;
use crate::train::writer::ArtifactWriter;

pub(super) const TRAINER: Trainer = Trainer { name: "user_history", needs: users, train };

fn train(
    inputs: &TrainingInputs<'_>,
    writer: &mut ArtifactWriter<'_>,
    _: &mut dyn FnMut(f64),
) -> Result<(), TableError> {
    // In the order of time, not of worth: exclusions need all of it, and sources count the newest most.
    let rows = histories(inputs.log, inputs.plan.user_items);
    writer.user_items("user_history", &rows, json!({"order": "newest first"}))
}
