//! All of training: choose parameters and recipes, train on everything, write a manifest, and load the result as a
//! server would.

use std::path::Path;

use chrono::{DateTime, Utc};

use super::error::TrainError;
use super::tune::{Tuned, tune};
use crate::pipeline::Stages;
use crate::recommender::View;
use crate::snapshot::{
    BuildArtifact, LoadOptions, MANIFEST, Manifest, build_manifest, open_directory, rfc3339,
};
use crate::train::{Dataset, TrainPlan, train_all};

/// How a snapshot is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainOptions {
    /// Training parameters, or where the tuner begins.
    pub plan: TrainPlan,
    /// Requests that each trial of the tuner replays; `None`: the plan and the standard recipes are taken as they are.
    pub tune_predictions: Option<usize>,
    /// Until when the catalogue knows what happened, in milliseconds since 1970-01-01 UTC: a server brings in events
    /// from then on. `None`: it is not known.
    pub catalog_as_of_ms: Option<i64>,
}

/// What was trained.
#[derive(Debug, Clone)]
pub struct TrainedSnapshot {
    /// The manifest, as it was written.
    pub manifest: Manifest,
    /// The parameters and recipes, and why these.
    pub tuned: Tuned,
}

/// Trains on all of a dataset into `dir`, and leaves a complete snapshot there that was loaded once and would be
/// served. `progress` is told what is being done and what share of that is done.
///
/// # Errors
/// A file that cannot be written, or (a defect) a snapshot that would not be served.
pub fn train_snapshot(
    data: &Dataset,
    options: &TrainOptions,
    dir: &Path,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<TrainedSnapshot, TrainError> {
    let Dataset { catalog, log } = data;
    let tuned = match options.tune_predictions {
        None => Tuned::standard(log, catalog, &options.plan),
        Some(predictions) => {
            let work = tempfile::tempdir()
                .map_err(|source| TrainError::Io { path: std::env::temp_dir(), source })?;
            tune(log, catalog, &options.plan, predictions.max(1), work.path(), progress)?
        }
    };
    // The trials had to leave out the last stretch; what is served learns from all of the period.
    let built = train_all(log, catalog, &tuned.plan, dir, &|_| true, &mut |name, share| {
        progress(&format!("training {name}"), share);
    })?;
    write(&dir.join("placements.toml"), tuned.recipes.to_toml()?)?;
    let mut artifacts: Vec<BuildArtifact> = built.into_iter().map(BuildArtifact::from).collect();
    artifacts.push(BuildArtifact {
        name: "placements".to_owned(),
        kind: "placements".to_owned(),
        path: "placements.toml".to_owned(),
        rows: 0,
        params: serde_json::Map::new(),
    });
    // The newest event is noted, so that `larder evaluate` can warn of held-out events that are older.
    let mut manifest = build_manifest(dir, artifacts, Some(log.period_ms().1), Utc::now())?;
    manifest.catalog_as_of = options.catalog_as_of_ms.and_then(DateTime::from_timestamp_millis).map(rfc3339);
    // For people who ask later why this recipe; no program reads it.
    manifest.evidence = serde_json::to_value(&tuned.evidence).ok();
    write(&dir.join(MANIFEST), manifest.to_json())?;
    // What a server would refuse is better found here than by the fleet that follows the channel.
    progress("verifying", 0.0);
    let snapshot = open_directory(dir, "production", &LoadOptions::default())?;
    View::prepare(snapshot, &Stages::default())?;
    Ok(TrainedSnapshot { manifest, tuned })
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), TrainError> {
    std::fs::write(path, bytes).map_err(|source| TrainError::Io { path: path.to_owned(), source })
}
