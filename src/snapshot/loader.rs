//! From manifest to snapshot: fetch, verify, decode, cross-check. Nothing is shown to anybody before all of it is done.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::content::{Artifact, Snapshot};
use super::decode::{self, Fault};
use super::{
    ArtifactEntry, IdTable, LoadOptions, MANIFEST, Manifest, Prediction, SnapshotError, calibrate, predict,
    read_channel,
};
use crate::artifact::{ArtifactStore, BlobCache, FetchOptions, LocalStore, StoreError, fetch, sha256_file};
use crate::feature::Table;

/// The largest `placements.toml`.
const MAX_PLACEMENTS: u64 = 1 << 20;

/// Where a snapshot's files come from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The store.
    pub store: Arc<dyn ArtifactStore>,
    /// Where downloads land; unused by a store of local files.
    pub cache: Arc<BlobCache>,
}

impl Source {
    /// The key of a file of a snapshot.
    pub fn key(version: &str, file: &str) -> String {
        format!("snapshots/{version}/{file}")
    }

    /// The name under which the cache keeps a manifest.
    pub(super) fn cached_manifest(version: &str) -> String {
        format!("manifest-{version}.json")
    }

    /// Reads a manifest from the store; from the cache where the store does not answer and the cache has it.
    ///
    /// # Errors
    /// A store that does not answer, a malformed manifest, or one that names another version.
    pub fn manifest(&self, version: &str) -> Result<Manifest, SnapshotError> {
        let key = Self::key(version, MANIFEST);
        let document = Self::cached_manifest(version);
        let bytes = match self.store.read(&key) {
            Ok(object) => object.bytes,
            // A snapshot never changes: what the cache holds of it is as good, whatever ails the store.
            Err(error) => match self.cache.recall(&document) {
                Ok(Some(bytes)) => bytes,
                _ => return Err(error.into()),
            },
        };
        let manifest = Manifest::parse(&bytes, &key)?;
        if manifest.snapshot != version {
            let reason = format!("is the manifest of \"{}\", expected \"{version}\"", manifest.snapshot);
            return Err(SnapshotError::Document { file: key, reason });
        }
        if self.store.local_path(&key).is_none()
            && let Err(error) = self.cache.remember(&document, &bytes)
        {
            tracing::warn!(%error, "the manifest was not cached: a restart with the store down may not serve");
        }
        Ok(manifest)
    }

    /// The verified file of an artifact on local disk, downloaded if need be.
    ///
    /// # Errors
    /// A store that does not answer, or a file that is not what the manifest promises.
    pub fn file(
        &self,
        version: &str,
        entry: &ArtifactEntry,
        options: &LoadOptions,
    ) -> Result<PathBuf, SnapshotError> {
        let key = Self::key(version, &entry.path);
        let fetching = FetchOptions {
            threads: options.download_threads,
            max_bytes: options.max_artifact_bytes,
            ..FetchOptions::default()
        };
        fetch(self.store.as_ref(), &key, &entry.sha256, entry.bytes, &self.cache, &fetching)
            .map_err(|source| SnapshotError::Fetch { artifact: entry.name.clone(), source })
    }
}

/// Loads the snapshot of a manifest; `file` gives the verified file of an artifact. Artifacts that `previous` has with the
/// same digest are shared, neither fetched nor decoded again.
///
/// # Errors
/// Whatever is wrong with any artifact; the first in the manifest's order, sessions before the others.
pub fn load(
    file: &Files<'_>,
    manifest: Manifest,
    previous: Option<&Snapshot>,
    options: &LoadOptions,
) -> Result<Snapshot, SnapshotError> {
    let (items, catalog) = load_catalog(file, &manifest, previous, options)?;
    let mut placements = String::new();
    for entry in manifest.of_kind("placements") {
        placements = read_placements(entry, &file(entry)?)?;
    }
    let tables: Vec<&ArtifactEntry> = manifest
        .artifacts
        .iter()
        .filter(|entry| entry.kind != "catalog" && entry.kind != "placements")
        .collect();
    // One download after the other, so that their buffers are bounded; then decoding in parallel.
    let mut artifacts = BTreeMap::new();
    let mut fresh = Vec::new();
    for entry in tables {
        let shared = previous.filter(|old| shares(old, &manifest, entry));
        match shared.and_then(|old| old.artifacts.get(&entry.name)) {
            Some(artifact) => {
                artifacts.insert(entry.name.clone(), Arc::clone(artifact));
            }
            None => fresh.push((entry, file(entry)?)),
        }
    }
    let decoded = |(entry, path): (&ArtifactEntry, PathBuf)| {
        let artifact = guarded(entry, || decode::artifact(entry, &path, &items, options))?;
        Ok((entry.name.clone(), Arc::new(artifact)))
    };
    // Sessions take twice their size while they are decoded: they go before the others, which then have that room.
    let (sessions, others): (Vec<_>, Vec<_>) =
        fresh.into_iter().partition(|(entry, _)| entry.kind == "session_knn");
    let mut outcomes: Vec<Result<(String, Arc<Artifact>), SnapshotError>> =
        sessions.into_iter().map(decoded).collect();
    outcomes.par_extend(others.into_par_iter().map(decoded));
    for outcome in outcomes {
        let (name, artifact) = outcome?;
        artifacts.insert(name, artifact);
    }
    check_widths(&artifacts)?;
    calibrate::indexes(&mut artifacts);
    let data_until = manifest.data_until.as_deref().map(|text| {
        chrono::DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_millis()).map_err(|_| {
            SnapshotError::Document {
                file: MANIFEST.to_owned(),
                reason: format!("data_until is \"{text}\", expected an RFC 3339 time"),
            }
        })
    });
    let data_until_ms = data_until.transpose()?;
    Ok(Snapshot { manifest, items, catalog, artifacts, placements, data_until_ms })
}

/// Loads from a local path: a store's root (through its channel) or a snapshot's own directory. Files are read in place.
///
/// # Errors
/// As [`load`].
pub fn open_directory(path: &Path, channel: &str, options: &LoadOptions) -> Result<Snapshot, SnapshotError> {
    let (store, manifest, prefix) = locate(path, channel)?;
    load(&|entry| in_place(&store, &format!("{prefix}{}", entry.path), entry), manifest, None, options)
}

/// What the snapshot at a local path (as in [`open_directory`]) will take in memory, by artifact, without decoding it.
///
/// # Errors
/// A file that is not what the manifest promises, or cannot be read.
pub fn predict_directory(
    path: &Path,
    channel: &str,
    options: &LoadOptions,
) -> Result<(Manifest, Vec<Prediction>), SnapshotError> {
    let (store, manifest, prefix) = locate(path, channel)?;
    let file = |entry: &ArtifactEntry| in_place(&store, &format!("{prefix}{}", entry.path), entry);
    let bytes = predict_files(&file, &manifest, options, |_| false)?;
    Ok((manifest, bytes))
}

/// What each artifact will take, in the manifest's order; nothing for those that are `shared` with what is served.
///
/// # Errors
/// As [`predict`].
pub fn predict_files(
    file: &Files<'_>,
    manifest: &Manifest,
    options: &LoadOptions,
    shared: impl Fn(&ArtifactEntry) -> bool,
) -> Result<Vec<Prediction>, SnapshotError> {
    let mut items = 0;
    for entry in manifest.of_kind("catalog") {
        items = match entry.rows {
            0 => decode::open(entry, &file(entry)?, &options.table)
                .map_err(|fault| fault.of(&entry.name))?
                .rows(),
            rows => rows as usize,
        };
    }
    let one = |entry: &ArtifactEntry| match shared(entry) {
        true => Ok(Prediction::default()),
        false => predict(entry, &file(entry)?, items, options),
    };
    manifest.artifacts.iter().map(one).collect()
}

fn locate(path: &Path, channel: &str) -> Result<(LocalStore, Manifest, String), SnapshotError> {
    let store = LocalStore::open(path)?;
    let (manifest, prefix) = match store.read(MANIFEST) {
        Ok(object) => (Manifest::parse(&object.bytes, MANIFEST)?, String::new()),
        Err(StoreError::NotFound { .. }) => {
            let (channel, _) = read_channel(&store, channel)?.ok_or_else(|| SnapshotError::Document {
                file: path.display().to_string(),
                reason: format!(
                    "has neither {MANIFEST} nor channels/{channel}.json: it is neither a snapshot nor a store"
                ),
            })?;
            let key = Source::key(&channel.snapshot, MANIFEST);
            (Manifest::parse(&store.read(&key)?.bytes, &key)?, Source::key(&channel.snapshot, ""))
        }
        Err(error) => return Err(error.into()),
    };
    Ok((store, manifest, prefix))
}

fn in_place(store: &LocalStore, key: &str, entry: &ArtifactEntry) -> Result<PathBuf, SnapshotError> {
    let wrong = |reason: String| SnapshotError::Content { artifact: entry.name.clone(), reason };
    let path =
        store.local_path(key).ok_or_else(|| wrong(format!("path \"{}\" is not allowed", entry.path)))?;
    let (digest, bytes) = sha256_file(&path).map_err(|e| wrong(format!("{}: {e}", path.display())))?;
    if bytes != entry.bytes || digest != entry.sha256 {
        return Err(wrong(format!(
            "{} has {bytes} bytes and sha256 {digest}, the manifest says {} and {}; build or publish it again",
            path.display(),
            entry.bytes,
            entry.sha256
        )));
    }
    Ok(path)
}

/// Whether a snapshot of this manifest has this artifact in common with an older one, so that it need not be fetched or decoded
/// again: it is the same, and so is the catalogue that its numbers stand for.
pub(super) fn shares(old: &Snapshot, manifest: &Manifest, entry: &ArtifactEntry) -> bool {
    // An index of vectors was calibrated with the users' vectors: with others it might answer otherwise on a replica that starts
    // anew.
    let users = || entry.kind != "item_vectors" || has_same_users(old, manifest);
    has_same(old, entry) && manifest.of_kind("catalog").all(|catalog| has_same(old, catalog)) && users()
}

fn has_same(old: &Snapshot, entry: &ArtifactEntry) -> bool {
    old.manifest.artifacts.iter().any(|known| {
        (&known.name, &known.kind, &known.sha256, &known.params)
            == (&entry.name, &entry.kind, &entry.sha256, &entry.params)
    })
}

fn has_same_users(old: &Snapshot, manifest: &Manifest) -> bool {
    manifest.of_kind("user_vectors").all(|entry| has_same(old, entry))
        && old.manifest.of_kind("user_vectors").count() == manifest.of_kind("user_vectors").count()
}

/// Gives the verified file of an artifact.
pub type Files<'a> = dyn Fn(&ArtifactEntry) -> Result<PathBuf, SnapshotError> + Sync + 'a;

fn load_catalog(
    file: &Files<'_>,
    manifest: &Manifest,
    previous: Option<&Snapshot>,
    options: &LoadOptions,
) -> Result<(Arc<IdTable>, Arc<Table>), SnapshotError> {
    let Some(entry) = manifest.of_kind("catalog").next() else {
        let reason = "lists no catalogue".to_owned();
        return Err(SnapshotError::Document { file: MANIFEST.to_owned(), reason });
    };
    if let Some(old) = previous.filter(|old| has_same(old, entry)) {
        return Ok((Arc::clone(&old.items), Arc::clone(&old.catalog)));
    }
    let path = file(entry)?;
    let (items, catalog) = guarded(entry, || decode::catalog(entry, &path, &options.table))?;
    Ok((Arc::new(items), Arc::new(catalog)))
}

fn read_placements(entry: &ArtifactEntry, path: &Path) -> Result<String, SnapshotError> {
    let wrong = |reason: String| SnapshotError::Content { artifact: entry.name.clone(), reason };
    if entry.bytes > MAX_PLACEMENTS {
        return Err(wrong(format!("has {} bytes, over the limit of {MAX_PLACEMENTS}", entry.bytes)));
    }
    std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))
}

/// Decoders are written not to panic, but they stand on readers of foreign formats: a bad file must not end the process.
fn guarded<T>(entry: &ArtifactEntry, decode: impl FnOnce() -> Result<T, Fault>) -> Result<T, SnapshotError> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(outcome) => outcome.map_err(|fault| fault.of(&entry.name)),
        Err(_) => Err(SnapshotError::Content {
            artifact: entry.name.clone(),
            reason:
                "its reader gave up on the file's structure; write it again with another writer or version"
                    .to_owned(),
        }),
    }
}

/// A user vector is only of use beside item vectors of the same width.
fn check_widths(artifacts: &BTreeMap<String, Arc<Artifact>>) -> Result<(), SnapshotError> {
    let widths: Vec<usize> = artifacts
        .values()
        .filter_map(|artifact| match artifact.as_ref() {
            Artifact::ItemVectors(items) => Some(items.index.vectors().width()),
            _ => None,
        })
        .collect();
    for (name, artifact) in artifacts {
        if let Artifact::UserVectors(users) = artifact.as_ref()
            && !widths.contains(&users.rows.width())
        {
            return Err(SnapshotError::Content {
                artifact: name.clone(),
                reason: format!(
                    "its vectors have {} numbers, no item_vectors artifact has (found: {widths:?})",
                    users.rows.width()
                ),
            });
        }
    }
    Ok(())
}
