//! `item_vectors`, and where users are known `user_vectors`: the two sides of one matrix factorisation.

use serde_json::json;

use super::trainer::{Trainer, nothing, users};
use crate::artifact::table::TableError;
use crate::train::als::als;
use crate::train::inputs::TrainingInputs;
use crate::train::writer::ArtifactWriter;

pub(super) const TRAINER: Trainer = Trainer { name: "item_vectors", needs: nothing, train };

fn train(
    inputs: &TrainingInputs<'_>,
    writer: &mut ArtifactWriter<'_>,
    progress: &mut dyn FnMut(f64),
) -> Result<(), TableError> {
    let (data, options) = (inputs.interactions(), &inputs.plan.als);
    let rounds = options.rounds.max(1) as f64;
    let on_round = |round| progress((round + 1) as f64 / rounds);
    let Some(factors) = als(data, options, on_round) else { return Ok(()) };
    let params = json!({
        // `alpha` and λ travel with the vectors: a server that folds in a session must solve with those of the
        // training.
        "metric": "inner_product", "index": "exact", "fold_in": "als",
        "alpha": options.params.alpha, "regularization": options.params.regularization,
    });
    writer.item_vectors("item_vectors", &factors.items, params)?;
    // Without users the rows are sessions, which nobody will ask about again.
    if users(inputs) {
        let params = json!({"metric": "inner_product"});
        writer.user_vectors("user_vectors", &data.users, &factors.rows, params)?;
    }
    Ok(())
}
