//! `buy_again`: what each user is likely to buy again.

use serde_json::json;

use super::trainer::{Trainer, users};
use crate::artifact::table::TableError;
use crate::train::inputs::TrainingInputs;
use crate::train::interactions::buy_again;
use crate::train::writer::ArtifactWriter;

pub(super) const TRAINER: Trainer = Trainer { name: "buy_again", needs: users, train };

fn train(
    inputs: &TrainingInputs<'_>,
    writer: &mut ArtifactWriter<'_>,
    _: &mut dyn FnMut(f64),
) -> Result<(), TableError> {
    let half_life_days = inputs.plan.buy_again_half_life_days;
    let rows = buy_again(inputs.log, half_life_days, inputs.plan.user_items);
    writer.user_items("buy_again", &rows, json!({"half_life_days": half_life_days}))
}
