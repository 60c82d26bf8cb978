//! Trains every artifact of a snapshot from a log and a catalogue. Each artifact has one file here and one line in
//! [`TRAINERS`]; the algorithms themselves, which know nothing of artifacts, are in `train`.

mod bought_together;
mod buy_again;
mod ease;
mod followed_by;
mod item_vectors;
mod popularity;
mod sessions;
mod similar;
mod trainer;
mod user_history;

use std::path::Path;

use super::catalog::Catalog;
use super::events::EventLog;
use super::inputs::TrainingInputs;
use super::plan::TrainPlan;
use super::writer::{ArtifactWriter, BuiltArtifact};
use crate::artifact::table::TableError;
use trainer::Trainer;

/// Every trainer, in the order in which they work; manifests list the artifacts in this order too.
const TRAINERS: [Trainer; 9] = [
    popularity::TRAINER,
    similar::TRAINER,
    bought_together::TRAINER,
    followed_by::TRAINER,
    sessions::TRAINER,
    ease::TRAINER,
    item_vectors::TRAINER,
    user_history::TRAINER,
    buy_again::TRAINER,
];

/// Writes the artifacts that `wanted` names, as far as the log has what they need, into `dir`. The catalogue is always
/// written. `progress` is told the name of each before work on it starts, and its share done.
///
/// The same log, catalogue and plan give the same bytes.
///
/// # Errors
/// A file that cannot be written.
pub fn train_all(
    log: &EventLog,
    catalog: &Catalog,
    plan: &TrainPlan,
    dir: &Path,
    wanted: &dyn Fn(&str) -> bool,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<Vec<BuiltArtifact>, TableError> {
    let inputs = TrainingInputs::new(log, catalog, plan);
    let mut writer = ArtifactWriter::new(dir, log, catalog);
    // All other artifacts name items by id, and only the catalogue says which ids there are.
    progress("catalog", 0.0);
    writer.catalog()?;
    for trainer in &TRAINERS {
        if wanted(trainer.name) && (trainer.needs)(&inputs) {
            progress(trainer.name, 0.0);
            (trainer.train)(&inputs, &mut writer, &mut |share| progress(trainer.name, share))?;
        }
    }
    Ok(writer.into_built())
}
