//! Opening a snapshot for a command: from a store, local or remote, or from a snapshot's own directory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::kinds::ArtifactError;
use super::memory::{MemoryBudget, available_bytes};
use super::{
    ArtifactEntry, Channel, Files, LoadOptions, MANIFEST, Manifest, Prediction, Quarantine, QuarantineError,
    SIGNATURE, Snapshot, SnapshotError, Soundness, Source, Trial, load, predict_files, read_channel,
};
use crate::artifact::{
    ArtifactStore, BlobCache, FetchError, LocalStore, OpenOptions, Stop, StoreError, open, sha256_bytes,
    sha256_file,
};

/// The cache of one channel of a store below `dir`; none for a store of local files. Each channel of each store has its
/// own, so that a server pointed elsewhere never serves what another store held, and that two servers never delete
/// what the other needs. An empty `dir` is none.
///
/// # Errors
/// A directory that cannot be used, or is another user's.
pub fn open_cache(dir: &Path, store: &dyn ArtifactStore, channel: &str) -> Result<BlobCache, FetchError> {
    if store.local_path(&Channel::key(channel)).is_some() {
        return Ok(BlobCache::none());
    }
    if dir.as_os_str().is_empty() {
        return Err(FetchError::NoCacheDir);
    }
    let origin = format!("channel {channel} of {}", store.identity());
    // A digest and not the location itself, which may hold what no file name can.
    let digest = sha256_bytes(origin.as_bytes());
    Ok(BlobCache::open(dir.join(digest.get(..16).unwrap_or(&digest)))?.of(origin))
}

/// Opens a store's root (through its channel) or a snapshot's directory, local or `s3://…` (through the cache).
///
/// # Errors
/// Why the snapshot cannot be loaded.
pub fn open_snapshot(
    location: &str,
    channel: &str,
    options: &OpenOptions,
    cache_dir: &Path,
    load_options: &LoadOptions,
) -> Result<Snapshot, SnapshotError> {
    if !location.starts_with("s3://") {
        return open_directory(Path::new(location), channel, load_options);
    }
    let (source, manifest) = remote(location, channel, options, cache_dir, load_options)?;
    let version = manifest.snapshot.clone();
    let file = |entry: &ArtifactEntry| source.file(&version, entry, load_options);
    refuse_too_large(&file, &manifest, load_options)?;
    load(&file, manifest, None, load_options)
}

/// What a snapshot (as in [`open_snapshot`]) will take in memory, by artifact in the manifest's order, without decoding
/// it.
///
/// # Errors
/// Why a file cannot be read.
pub fn predict_snapshot(
    location: &str,
    channel: &str,
    options: &OpenOptions,
    cache_dir: &Path,
    load_options: &LoadOptions,
) -> Result<(Manifest, Vec<Prediction>), SnapshotError> {
    if !location.starts_with("s3://") {
        return predict_directory(Path::new(location), channel, load_options);
    }
    let (source, manifest) = remote(location, channel, options, cache_dir, load_options)?;
    let file = |entry: &ArtifactEntry| source.file(&manifest.snapshot, entry, load_options);
    let predicted = predict_files(&file, &manifest, load_options, |_| false)?;
    Ok((manifest, predicted))
}

/// Loads from a local path: a store's root (through its channel) or a snapshot's own directory. Files are read in
/// place.
///
/// # Errors
/// As [`load`].
pub fn open_directory(path: &Path, channel: &str, options: &LoadOptions) -> Result<Snapshot, SnapshotError> {
    let local = Local::find(path, channel, options)?;
    refuse_too_large(&|entry| local.file(entry), &local.manifest, options)?;
    load(&|entry| local.file(entry), local.manifest.clone(), None, options)
}

/// Has the snapshot at a local path (as in [`open_directory`]) tried out in a process of its own.
///
/// # Errors
/// The inner: why it would not be served. The outer: that no such process could be had.
pub fn try_out_directory(
    path: &Path,
    channel: &str,
    options: &LoadOptions,
    quarantine: &Quarantine,
) -> Result<Result<Soundness, SnapshotError>, QuarantineError> {
    let found = Local::find(path, channel, options)
        .and_then(|local| trial(&|entry: &ArtifactEntry| local.file(entry), &local.manifest, options));
    found.map_or_else(|error| Ok(Err(error)), |trial| quarantine.run(&trial, &Stop::default()))
}

/// Has a snapshot (as in [`open_snapshot`]) tried out in a process of its own.
///
/// # Errors
/// As [`try_out_directory`].
pub fn try_out_snapshot(
    location: &str,
    channel: &str,
    options: &OpenOptions,
    cache_dir: &Path,
    load_options: &LoadOptions,
    quarantine: &Quarantine,
) -> Result<Result<Soundness, SnapshotError>, QuarantineError> {
    if !location.starts_with("s3://") {
        return try_out_directory(Path::new(location), channel, load_options, quarantine);
    }
    let found = remote(location, channel, options, cache_dir, load_options).and_then(|(source, manifest)| {
        trial(
            &|entry: &ArtifactEntry| source.file(&manifest.snapshot, entry, load_options),
            &manifest,
            load_options,
        )
    });
    found.map_or_else(|error| Ok(Err(error)), |trial| quarantine.run(&trial, &Stop::default()))
}

fn trial(file: &Files<'_>, manifest: &Manifest, options: &LoadOptions) -> Result<Trial, SnapshotError> {
    let memory = options.memory.or_else(available_bytes);
    Trial::of(file, manifest, &LoadOptions { memory, ..options.clone() }, |_| false)
}

/// Refuses a snapshot that would not fit into memory, before any of it is decoded.
fn refuse_too_large(
    file: &Files<'_>,
    manifest: &Manifest,
    options: &LoadOptions,
) -> Result<(), SnapshotError> {
    // Foreign readers may panic on a hostile file; the load that follows is guarded, and names the artifact.
    let predict = || predict_files(file, manifest, options, |_| false);
    let bytes = catch_unwind(AssertUnwindSafe(predict)).unwrap_or_else(|_| Ok(Vec::new()))?;
    let names = manifest.artifacts.iter().map(|entry| entry.name.as_str());
    let predicted: Vec<(&str, Prediction)> = names.zip(bytes).collect();
    MemoryBudget::alone(options.memory).check(&predicted, available_bytes()).map(|_| ())
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
    let local = Local::find(path, channel, options)?;
    let predicted = predict_files(&|entry| local.file(entry), &local.manifest, options, |_| false)?;
    Ok((local.manifest, predicted))
}

/// The snapshot that a remote store's channel names.
fn remote(
    location: &str,
    channel: &str,
    options: &OpenOptions,
    cache_dir: &Path,
    load_options: &LoadOptions,
) -> Result<(Source, Manifest), SnapshotError> {
    let store = open(location, options)?;
    let cache = Arc::new(open_cache(cache_dir, store.as_ref(), channel)?);
    let source = Source { store, cache };
    let Some((named, _)) = read_channel(source.store.as_ref(), channel)? else {
        let (location, channel) = (location.to_owned(), channel.to_owned());
        return Err(SnapshotError::NoChannel { location, channel });
    };
    let manifest = source.manifest(&named.snapshot, load_options.trusted_keys.as_ref())?;
    Ok((source, manifest))
}

/// A snapshot in a local directory.
struct Local {
    store: LocalStore,
    manifest: Manifest,
    /// What the keys of its files begin with.
    prefix: String,
}

impl Local {
    fn find(path: &Path, channel: &str, options: &LoadOptions) -> Result<Self, SnapshotError> {
        let store = LocalStore::open(path)?;
        // A snapshot's own directory first: a store has no manifest at its root.
        match store.read(MANIFEST) {
            Ok(object) => {
                signed(&store, &object.bytes, "", options)?;
                let manifest = Manifest::parse(&object.bytes, MANIFEST)?;
                return Ok(Self { store, manifest, prefix: String::new() });
            }
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let Some((named, _)) = read_channel(&store, channel)? else {
            let (path, channel) = (path.display().to_string(), channel.to_owned());
            return Err(SnapshotError::NoSnapshot { path, channel });
        };
        let prefix = Source::key(&named.snapshot, "");
        let key = format!("{prefix}{MANIFEST}");
        let bytes = store.read(&key)?.bytes;
        signed(&store, &bytes, &prefix, options)?;
        let manifest = Manifest::parse(&bytes, &key)?;
        Ok(Self { store, manifest, prefix })
    }

    /// The file of an artifact, verified where it is.
    fn file(&self, entry: &ArtifactEntry) -> Result<PathBuf, SnapshotError> {
        let key = format!("{}{}", self.prefix, entry.path);
        let path = self.store.local_path(&key).ok_or(ArtifactError::Path { path: entry.path.clone() });
        let verified = path.and_then(|path| verify(&path, entry).map(|()| path));
        verified.map_err(|error| SnapshotError::of_artifact(&entry.name, error))
    }
}

/// Holds a manifest's bytes against its signature, where there must be one.
fn signed(
    store: &LocalStore,
    manifest: &[u8],
    prefix: &str,
    options: &LoadOptions,
) -> Result<(), SnapshotError> {
    let Some(trusted) = &options.trusted_keys else { return Ok(()) };
    let signature = match store.read(&format!("{prefix}{SIGNATURE}")) {
        Ok(object) => Some(object.bytes),
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    trusted.verify(manifest, signature.as_deref()).map_err(|error| SnapshotError::Manifest {
        file: format!("{prefix}{MANIFEST}"),
        source: error.into(),
    })
}

/// Holds a file against what the manifest says of it.
pub(super) fn verify(path: &Path, entry: &ArtifactEntry) -> Result<(), ArtifactError> {
    let file = path.display().to_string();
    let (sha256, bytes) = match sha256_file(path) {
        Ok(found) => found,
        Err(source) => return Err(ArtifactError::Unreadable { file, source }),
    };
    if (bytes, &sha256) == (entry.bytes, &entry.sha256) {
        return Ok(());
    }
    let (listed_bytes, listed_sha256) = (entry.bytes, entry.sha256.clone());
    Err(ArtifactError::NotAsListed { file, bytes, sha256, listed_bytes, listed_sha256 })
}
