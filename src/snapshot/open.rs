//! Opening a snapshot for a command: from a store, local or remote, or from a snapshot's own directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::kinds::ArtifactError;
use super::{
    ArtifactEntry, Channel, LoadOptions, MANIFEST, Manifest, Prediction, Snapshot, SnapshotError, Source,
    load, predict_files, read_channel,
};
use crate::artifact::{
    ArtifactStore, BlobCache, FetchError, LocalStore, OpenOptions, StoreError, open, sha256_bytes,
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
    let (source, manifest) = remote(location, channel, options, cache_dir)?;
    let version = manifest.snapshot.clone();
    let file = |entry: &ArtifactEntry| source.file(&version, entry, load_options);
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
    let (source, manifest) = remote(location, channel, options, cache_dir)?;
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
    let local = Local::find(path, channel)?;
    load(&|entry| local.file(entry), local.manifest.clone(), None, options)
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
    let local = Local::find(path, channel)?;
    let predicted = predict_files(&|entry| local.file(entry), &local.manifest, options, |_| false)?;
    Ok((local.manifest, predicted))
}

/// The snapshot that a remote store's channel names.
fn remote(
    location: &str,
    channel: &str,
    options: &OpenOptions,
    cache_dir: &Path,
) -> Result<(Source, Manifest), SnapshotError> {
    let store = open(location, options)?;
    let cache = Arc::new(open_cache(cache_dir, store.as_ref(), channel)?);
    let source = Source { store, cache };
    let Some((named, _)) = read_channel(source.store.as_ref(), channel)? else {
        let (location, channel) = (location.to_owned(), channel.to_owned());
        return Err(SnapshotError::NoChannel { location, channel });
    };
    let manifest = source.manifest(&named.snapshot)?;
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
    fn find(path: &Path, channel: &str) -> Result<Self, SnapshotError> {
        let store = LocalStore::open(path)?;
        // A snapshot's own directory first: a store has no manifest at its root.
        match store.read(MANIFEST) {
            Ok(object) => {
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
        let key = Source::key(&named.snapshot, MANIFEST);
        let manifest = Manifest::parse(&store.read(&key)?.bytes, &key)?;
        Ok(Self { store, manifest, prefix: Source::key(&named.snapshot, "") })
    }

    /// The file of an artifact, verified where it is.
    fn file(&self, entry: &ArtifactEntry) -> Result<PathBuf, SnapshotError> {
        let key = format!("{}{}", self.prefix, entry.path);
        let path = self.store.local_path(&key).ok_or(ArtifactError::Path { path: entry.path.clone() });
        let verified = path.and_then(|path| verify(&path, entry).map(|()| path));
        verified.map_err(|error| SnapshotError::of_artifact(&entry.name, error))
    }
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
