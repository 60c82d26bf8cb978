//! What a child does: decode, prepare and verify, one artifact after the other, and say where it is.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Report, Soundness, Trial};
use crate::artifact::table::TableLimits;
use crate::snapshot::kinds::ArtifactError;
use crate::snapshot::loader::{decode_each, load};
use crate::snapshot::memory::MemoryBudget;
use crate::snapshot::{
    ArtifactEntry, LoadOptions, Prediction, Progress, Snapshot, SnapshotError, predict_files,
};

/// Bytes of the stack of the thread that decodes: as much as a loader's thread has.
const STACK: usize = 2 << 20;

/// Tries a snapshot out; `prepare` compiles its recipes, asks its golden queries, and counts its placements. The last
/// report is the verdict.
pub fn try_out(
    trial: &Trial,
    prepare: impl Fn(Snapshot) -> Result<usize, SnapshotError> + Send + Sync,
    report: impl Fn(Report) + Send + Sync + 'static,
) {
    let report = Arc::new(report);
    let told = Arc::clone(&report);
    let progress = Progress::new(move |artifact| told(Report::At(artifact.to_owned())));
    // One thread: then the artifact that was named last is the one at fault, and no two are in memory undecoded.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(STACK).build();
    let verdict = match pool {
        Ok(pool) => pool.install(|| verdict(trial, progress, prepare)),
        Err(error) => Err(SnapshotError::Threads(std::io::Error::other(error))),
    };
    report(match verdict {
        Ok(soundness) => Report::Sound(soundness),
        Err(error) => Report::Refused {
            artifact: error.artifact().map(str::to_owned),
            label: error.label().to_owned(),
            needs: error.needs(),
            reason: error.to_string(),
        },
    });
}

fn verdict(
    trial: &Trial,
    progress: Progress,
    prepare: impl Fn(Snapshot) -> Result<usize, SnapshotError>,
) -> Result<Soundness, SnapshotError> {
    let options = LoadOptions {
        max_artifact_bytes: trial.max_artifact_bytes,
        table: TableLimits { rows: trial.max_rows, bytes: trial.max_bytes, ..TableLimits::default() },
        user_features_memory: trial.user_features_memory,
        memory: trial.memory,
        progress,
        ..LoadOptions::default()
    };
    let manifest = &trial.manifest;
    let file = |entry: &ArtifactEntry| {
        let places = manifest.artifacts.iter().zip(&trial.files);
        let own = places.into_iter().find(|(other, _)| other.name == entry.name);
        let missing = || ArtifactError::Path { path: entry.path.clone() };
        let path: Option<PathBuf> = own.and_then(|(_, path)| path.clone());
        path.ok_or_else(missing).map_err(|error| SnapshotError::of_artifact(&entry.name, error))
    };
    let shared: HashSet<&str> = trial.shared.iter().map(String::as_str).collect();
    let is_shared = |entry: &ArtifactEntry| shared.contains(entry.name.as_str());
    let fits = |shared: &dyn Fn(&ArtifactEntry) -> bool| {
        let predicted = predict_files(&file, manifest, &options, shared)?;
        let names = manifest.artifacts.iter().map(|entry| entry.name.as_str());
        let predicted: Vec<(&str, Prediction)> = names.zip(predicted).collect();
        MemoryBudget::alone(options.memory).check(&predicted, None).map(|_| ())
    };
    // What is served already is in memory once, in the parent. Where it does not fit a second time, the rest is decoded
    // part by part.
    fits(&is_shared)?;
    let version = manifest.snapshot.clone();
    if trial.files.iter().any(Option::is_none) || (!shared.is_empty() && fits(&|_| false).is_err()) {
        let items = decode_each(&file, manifest, &options, is_shared)?;
        let artifacts = manifest.artifacts.len();
        return Ok(Soundness { version, items, artifacts, ..Soundness::default() });
    }
    let snapshot = load(&file, manifest.clone(), None, &options)?;
    let (items, resident_bytes) = (snapshot.items().len(), snapshot.resident_bytes() as u64);
    let placements = prepare(snapshot)?;
    Ok(Soundness { version, items, artifacts: manifest.artifacts.len(), placements, resident_bytes })
}
