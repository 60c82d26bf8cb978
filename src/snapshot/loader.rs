//! From manifest to snapshot: fetch, verify, decode, cross-check. Nothing is shown to anybody before all of it is done.

use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

use super::kinds::{Artifact, Artifacts};
use super::kinds::{ArtifactError, ArtifactKind as _, Catalog, Count, Encoded, Kind, Turn};
use super::memory::available_bytes;
use super::{
    ArtifactEntry, LoadOptions, MANIFEST, Manifest, ManifestError, SIGNATURE, Snapshot, SnapshotError,
    TrustedKeys,
};
use crate::artifact::table::TableLimits;
use crate::artifact::{ArtifactStore, BlobCache, FetchOptions, StoreError, fetch};
use crate::feature::IdTable;

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

    /// The name under which the cache keeps a manifest's signature.
    pub(super) fn cached_signature(version: &str) -> String {
        format!("manifest-{version}.sig")
    }

    /// Reads a manifest from the store; from the cache where the store does not answer and the cache has it. Where
    /// there are `trusted` keys, one of them must have signed it, wherever it comes from.
    ///
    /// # Errors
    /// A store that does not answer, a malformed manifest, one that names another version, or a signature that is
    /// missing or wrong.
    pub fn manifest(&self, version: &str, trusted: Option<&TrustedKeys>) -> Result<Manifest, SnapshotError> {
        let key = Self::key(version, MANIFEST);
        let bytes = match self.store.read(&key) {
            Ok(object) => object.bytes,
            // A snapshot never changes: what the cache holds of it is as good, whatever ails the store.
            Err(error) => return self.known_manifest(version, trusted).ok_or_else(|| error.into()),
        };
        let mut signature = None;
        if let Some(trusted) = trusted {
            signature = self.signature(version)?;
            // Before the manifest is parsed: what nobody has signed is not looked at any further.
            let verified = trusted.verify(&bytes, signature.as_deref());
            verified.map_err(|error| SnapshotError::Manifest { file: key.clone(), source: error.into() })?;
        }
        let manifest = parse(&bytes, version)?;
        if self.store.local_path(&key).is_some() {
            return Ok(manifest);
        }
        // A manifest that cannot be cached does not stop a load: it is wanted only by a restart without the store.
        let mut cached = self.cache.remember(&Self::cached_manifest(version), &bytes);
        if let Some(signature) = signature {
            cached = cached.and_then(|()| self.cache.remember(&Self::cached_signature(version), &signature));
        }
        if let Err(error) = cached {
            tracing::warn!(%error, "the manifest was not cached: a restart with the store down may not serve");
        }
        Ok(manifest)
    }

    /// The manifest that the cache has, if it is one, and is signed by one of the `trusted` keys if there are any.
    pub(super) fn known_manifest(&self, version: &str, trusted: Option<&TrustedKeys>) -> Option<Manifest> {
        let bytes = self.cache.recall(&Self::cached_manifest(version)).ok().flatten()?;
        if let Some(trusted) = trusted {
            let signature = self.cache.recall(&Self::cached_signature(version)).ok().flatten();
            trusted.verify(&bytes, signature.as_deref()).ok()?;
        }
        parse(&bytes, version).ok()
    }

    /// Drops a manifest that no snapshot can be made of, so that the next attempt asks the store for another.
    pub(super) fn forget_manifest(&self, version: &str) {
        for document in [Self::cached_manifest(version), Self::cached_signature(version)] {
            if let Err(error) = self.cache.forget(&document, &HashSet::new()) {
                tracing::warn!(%error, "a manifest that is of no use stays in the cache");
            }
        }
    }

    /// The verified files of all artifacts, if the cache has each of them.
    pub(super) fn known_files(&self, manifest: &Manifest) -> Option<BTreeMap<String, PathBuf>> {
        let known = |entry: &ArtifactEntry| {
            Some((entry.name.clone(), self.cache.find(&entry.sha256, entry.bytes).ok().flatten()?))
        };
        manifest.artifacts.iter().map(known).collect()
    }

    /// Who signed a manifest; `None` where nobody did.
    fn signature(&self, version: &str) -> Result<Option<Vec<u8>>, SnapshotError> {
        match self.store.read(&Self::key(version, SIGNATURE)) {
            Ok(object) => Ok(Some(object.bytes)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => match self.cache.recall(&Self::cached_signature(version)) {
                Ok(Some(bytes)) => Ok(Some(bytes)),
                _ => Err(error.into()),
            },
        }
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
            stop: Some(&options.stop),
            ..FetchOptions::default()
        };
        let fetched = fetch(self.store.as_ref(), &key, &entry.sha256, entry.bytes, &self.cache, &fetching);
        fetched.map_err(|source| {
            if source.is_stopped() {
                return SnapshotError::Stopped;
            }
            SnapshotError::Fetch { artifact: entry.name.clone(), source }
        })
    }
}

/// Reads the manifest of a version.
fn parse(bytes: &[u8], version: &str) -> Result<Manifest, SnapshotError> {
    let file = Source::key(version, MANIFEST);
    let manifest = Manifest::parse(bytes, &file)?;
    if manifest.snapshot == version {
        return Ok(manifest);
    }
    let source = ManifestError::OtherVersion { found: manifest.snapshot, expected: version.to_owned() };
    Err(SnapshotError::Manifest { file, source })
}

/// Gives the verified file of an artifact.
pub type Files<'a> = dyn Fn(&ArtifactEntry) -> Result<PathBuf, SnapshotError> + Sync + 'a;

/// Loads the snapshot of a manifest; `file` gives the verified file of an artifact. Artifacts that `previous` has with
/// the same digest are shared, neither fetched nor decoded again.
///
/// # Errors
/// Whatever is wrong with any artifact; the first by the turn of its kind, then in the manifest's order.
pub fn load(
    file: &Files<'_>,
    manifest: Manifest,
    previous: Option<&Snapshot>,
    options: &LoadOptions,
) -> Result<Snapshot, SnapshotError> {
    // Of a table no more may be decoded at a time than all of the snapshot may take.
    let memory = options.memory.or_else(available_bytes).unwrap_or(u64::MAX);
    let at_a_time = options.table.at_a_time.min(memory);
    let options = &LoadOptions { table: TableLimits { at_a_time, ..options.table }, ..options.clone() };
    let of_manifest = |source| SnapshotError::Manifest { file: MANIFEST.to_owned(), source };
    // Before anything is fetched. A manifest that was parsed has been checked; one that was built has not.
    manifest.check_counts().map_err(of_manifest)?;
    let data_until_ms = manifest.data_until_ms().map_err(of_manifest)?;
    let catalog_as_of_ms = manifest.catalog_as_of_ms().map_err(of_manifest)?;
    let mut load = Load { file, manifest: &manifest, previous, options, artifacts: Artifacts::default() };
    let none = IdTable::default();
    for entry in load.fetch(|turn| turn == Turn::First)? {
        let artifact = load.decode(&entry, &none)?;
        load.artifacts.insert(&entry.entry.name, artifact);
    }
    let catalog = load.artifacts.only::<Catalog>().ok_or_else(|| {
        let (expected, names) = (Count::ExactlyOne, Vec::new());
        of_manifest(ManifestError::Count { kind: Catalog::NAME, expected, names })
    })?;
    // One download after the other, so that their buffers are bounded; then decoding in parallel.
    let fetched = load.fetch(|turn| turn != Turn::First)?;
    // In this order memory has two peaks, one of the large artifacts by themselves and one of all others, and not their
    // sum.
    let (alone, together): (Vec<Fetched<'_>>, Vec<Fetched<'_>>) =
        fetched.into_iter().partition(|fetched| fetched.kind.turn == Turn::Alone);
    let mut decoded: Vec<_> = alone.iter().map(|fetched| load.decode(fetched, &catalog.items)).collect();
    decoded.par_extend(together.par_iter().map(|fetched| load.decode(fetched, &catalog.items)));
    for (fetched, artifact) in alone.iter().chain(&together).zip(decoded) {
        load.artifacts.insert(&fetched.entry.name, artifact?);
    }
    let mut artifacts = load.artifacts;
    // Only now, with all of them decoded: an index is calibrated with the vectors of users.
    artifacts.settle().map_err(|(name, error)| SnapshotError::of_artifact(&name, error))?;
    Ok(Snapshot { artifacts, catalog, data_until_ms, catalog_as_of_ms, manifest })
}

/// Decodes the artifacts of a manifest one after the other, but for those that are `shared`, and keeps none but the
/// catalogue: for where there is no room for all of them. Tells the items of the catalogue.
///
/// # Errors
/// As [`load`].
pub(super) fn decode_each(
    file: &Files<'_>,
    manifest: &Manifest,
    options: &LoadOptions,
    shared: impl Fn(&ArtifactEntry) -> bool,
) -> Result<usize, SnapshotError> {
    let of_manifest = |source| SnapshotError::Manifest { file: MANIFEST.to_owned(), source };
    manifest.check_counts().map_err(of_manifest)?;
    let mut load = Load { file, manifest, previous: None, options, artifacts: Artifacts::default() };
    let none = IdTable::default();
    for entry in &manifest.artifacts {
        let Some(fetched) = load.fetch_one(entry, Turn::First)? else { continue };
        let artifact = load.decode(&fetched, &none)?;
        load.artifacts.insert(&entry.name, artifact);
    }
    let catalog = load.artifacts.only::<Catalog>();
    let items = catalog.as_ref().map_or(&none, |catalog| &catalog.items);
    for entry in manifest.artifacts.iter().filter(|entry| !shared(entry)) {
        for turn in [Turn::Alone, Turn::Together] {
            if let Some(fetched) = load.fetch_one(entry, turn)? {
                drop(load.decode(&fetched, items)?);
            }
        }
    }
    Ok(items.len())
}

/// A load under way.
struct Load<'a> {
    file: &'a Files<'a>,
    manifest: &'a Manifest,
    previous: Option<&'a Snapshot>,
    options: &'a LoadOptions,
    /// What is there so far.
    artifacts: Artifacts,
}

/// An artifact that is to be decoded, and its file.
struct Fetched<'a> {
    entry: &'a ArtifactEntry,
    kind: &'static Kind,
    path: PathBuf,
}

impl<'a> Load<'a> {
    /// Takes over what the previous snapshot shares, and gets the files of the others, in the manifest's order.
    fn fetch(&mut self, turn: impl Fn(Turn) -> bool) -> Result<Vec<Fetched<'a>>, SnapshotError> {
        let mut fetched = Vec::new();
        for entry in &self.manifest.artifacts {
            // An unknown kind is refused before its file is fetched, which may be large.
            let kind =
                Kind::named(&entry.kind).map_err(|error| SnapshotError::of_artifact(&entry.name, error))?;
            if !turn(kind.turn) {
                continue;
            }
            let shared = self.previous.filter(|old| shares(old, self.manifest, entry));
            match shared.and_then(|old| old.artifact(&entry.name)) {
                Some(artifact) => self.artifacts.insert(&entry.name, Arc::clone(artifact)),
                None => fetched.push(Fetched { entry, kind, path: (self.file)(entry)? }),
            }
        }
        Ok(fetched)
    }

    /// The file of an artifact whose kind has this turn.
    fn fetch_one(&self, entry: &'a ArtifactEntry, turn: Turn) -> Result<Option<Fetched<'a>>, SnapshotError> {
        let kind =
            Kind::named(&entry.kind).map_err(|error| SnapshotError::of_artifact(&entry.name, error))?;
        if kind.turn != turn {
            return Ok(None);
        }
        Ok(Some(Fetched { entry, kind, path: (self.file)(entry)? }))
    }

    /// Decoders are written not to panic, but they stand on readers of foreign formats: a bad file must not end the
    /// process.
    fn decode(&self, fetched: &Fetched<'_>, items: &IdTable) -> Result<Arc<dyn Artifact>, SnapshotError> {
        let Fetched { entry, kind, path } = fetched;
        if self.options.stop.is_set() {
            return Err(SnapshotError::Stopped);
        }
        self.options.progress.at(&entry.name);
        let file = Encoded { entry, path, options: self.options };
        let decoded = catch_unwind(AssertUnwindSafe(|| (kind.decode)(&file, items)));
        let decoded = decoded.unwrap_or(Err(ArtifactError::ReaderPanicked));
        decoded.map_err(|error| SnapshotError::of_artifact(&entry.name, error))
    }
}

/// Whether a snapshot of this manifest has this artifact in common with an older one, so that it need not be fetched or
/// decoded again: it is the same, and so is all that went into its making.
pub(super) fn shares(old: &Snapshot, manifest: &Manifest, entry: &ArtifactEntry) -> bool {
    let depends_on = Kind::named(&entry.kind).map_or(&[][..], |kind| kind.depends_on);
    has_same(old, entry) && depends_on.iter().all(|kind| has_same_of_kind(old, manifest, kind))
}

fn has_same(old: &Snapshot, entry: &ArtifactEntry) -> bool {
    old.manifest.artifacts.iter().any(|known| {
        (&known.name, &known.kind, &known.sha256, &known.params)
            == (&entry.name, &entry.kind, &entry.sha256, &entry.params)
    })
}

fn has_same_of_kind(old: &Snapshot, manifest: &Manifest, kind: &str) -> bool {
    manifest.of_kind(kind).all(|entry| has_same(old, entry))
        && old.manifest.of_kind(kind).count() == manifest.of_kind(kind).count()
}
