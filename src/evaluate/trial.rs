//! A throw-away snapshot for one trial.

use std::path::Path;
use std::sync::Arc;

use chrono::DateTime;

use crate::pipeline::Stages;
use crate::recommender::{Limits, Recommender, View};
use crate::snapshot::{BuildArtifact, LoadOptions, Registry, Snapshot, SnapshotError, build_manifest, load};
use crate::train::{BuiltArtifact, Catalog, EventLog, TrainPlan, train_all};

/// Artifacts trained on a part of the log, loaded the way a server would load them.
#[derive(Debug)]
pub struct Trial {
    /// The snapshot, without recipes.
    pub snapshot: Arc<Snapshot>,
}

/// Trains the artifacts that `wanted` names into `dir` and loads them.
///
/// # Errors
/// A file that cannot be written, or (a defect) a snapshot that cannot be loaded.
pub fn trial(
    log: &EventLog,
    catalog: &Catalog,
    plan: &TrainPlan,
    dir: &Path,
    wanted: &dyn Fn(&str) -> bool,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<Trial, SnapshotError> {
    let built = train_all(log, catalog, plan, dir, wanted, progress)
        // A trial has no artifact yet that could be named.
        .map_err(|error| SnapshotError::of_artifact("trial", error))?;
    let artifacts = built.into_iter().map(BuildArtifact::from).collect();
    // No version is ever compared: any time will do.
    let manifest = build_manifest(dir, artifacts, None, DateTime::from_timestamp_nanos(0))?;
    let snapshot = load(&|entry| Ok(dir.join(&entry.path)), manifest, None, &LoadOptions::default())?;
    Ok(Trial { snapshot: Arc::new(snapshot) })
}

impl From<BuiltArtifact> for BuildArtifact {
    fn from(built: BuiltArtifact) -> Self {
        let BuiltArtifact { name, kind, file, rows, params } = built;
        Self { name, kind: kind.to_owned(), path: file, rows: rows as u64, params }
    }
}

impl Trial {
    /// A recommender over the trial's artifacts with these recipes, in the format of `placements.toml`.
    ///
    /// # Errors
    /// A recipe that does not fit.
    pub fn recommender(&self, recipes: &str) -> Result<Recommender, SnapshotError> {
        offline_recommender(Arc::clone(&self.snapshot), recipes)
    }
}

/// A recommender for replaying, with recipes in the format of `placements.toml`.
///
/// It has no deadlines, because a degraded answer would say something of this machine rather than of the recipe, and no
/// result cache, because answers from there would make the measured time that of a look-up.
///
/// # Errors
/// A recipe that does not fit the snapshot.
pub fn offline_recommender(snapshot: Arc<Snapshot>, recipes: &str) -> Result<Recommender, SnapshotError> {
    let served = View::compile(snapshot, recipes, &Stages::default())?;
    let registry = Arc::new(Registry::default());
    registry.publish(Arc::new(served), false);
    let limits = Limits { placement_deadlines: false, result_cache_bytes: 0, ..Limits::default() };
    Ok(Recommender::new(registry, limits))
}
