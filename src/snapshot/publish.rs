//! Making a snapshot visible, and taking it back.

use std::path::Path;

use chrono::{DateTime, Utc};

use super::{ArtifactEntry, Channel, MANIFEST, Manifest, SnapshotError, Source, read_channel};
use crate::artifact::{ArtifactStore, Condition, StoreError, sha256_file};

/// What a publisher did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The snapshot that the channel names now.
    pub snapshot: String,
    /// The one it named before.
    pub previous: Option<String>,
    /// Artifacts uploaded.
    pub uploaded: usize,
}

/// Uploads the snapshot in `dir` (artifacts first, the manifest last) and, if a channel is given, points it there.
///
/// The channel is switched by one conditional write against what it was before the upload began, so of two publishers at the
/// same time one wins and the other gets [`SnapshotError::LostRace`]; its snapshot is uploaded all the same.
///
/// # Errors
/// An unreadable directory, a store that does not answer, a lost race, or a version that exists with other content.
pub fn publish(
    store: &dyn ArtifactStore,
    dir: &Path,
    channel: Option<&str>,
    now: DateTime<Utc>,
    step: &mut dyn FnMut(&str),
) -> Result<Published, SnapshotError> {
    let file = dir.join(MANIFEST);
    let wrong = |reason: String| SnapshotError::Document { file: file.display().to_string(), reason };
    let bytes = std::fs::read(&file).map_err(|e| wrong(e.to_string()))?;
    let manifest = Manifest::parse(&bytes, &file.display().to_string())?;
    for entry in &manifest.artifacts {
        check_file(dir, entry)?;
    }
    let before = channel.map(|name| read_channel(store, name)).transpose()?.flatten();
    let manifest_key = Source::key(&manifest.snapshot, MANIFEST);
    match store.read(&manifest_key) {
        Ok(object) if object.bytes == bytes => {} // upload again all the same: it mends what was damaged
        Ok(_) => {
            return Err(wrong(format!(
                "{} already has a snapshot {} with other content; a snapshot never changes: build it again under a new version",
                store.location(),
                manifest.snapshot
            )));
        }
        Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    for entry in &manifest.artifacts {
        step(&entry.name);
        store.write_file(&Source::key(&manifest.snapshot, &entry.path), &dir.join(&entry.path))?;
    }
    match store.write(&manifest_key, &bytes, Condition::IfAbsent) {
        Err(StoreError::Conflict { .. }) if store.read(&manifest_key)?.bytes == bytes => {}
        written => {
            written?;
        }
    }
    let previous = before.as_ref().map(|(channel, _)| channel.snapshot.clone());
    if let Some(name) = channel {
        switch(store, name, &manifest.snapshot, before, now)?;
    }
    Ok(Published { snapshot: manifest.snapshot, previous, uploaded: manifest.artifacts.len() })
}

/// A file that changed since its manifest was written would be refused by every server: better here.
fn check_file(dir: &Path, entry: &ArtifactEntry) -> Result<(), SnapshotError> {
    let wrong = |reason: String| SnapshotError::Content { artifact: entry.name.clone(), reason };
    let path = dir.join(&entry.path);
    let (sha256, bytes) = sha256_file(&path).map_err(|e| wrong(format!("{}: {e}", path.display())))?;
    if (bytes, &sha256) != (entry.bytes, &entry.sha256) {
        let path = path.display();
        return Err(wrong(format!(
            "{path} is not the file that the manifest describes; build the manifest again"
        )));
    }
    Ok(())
}

/// Points a channel back: to `version`, or to what it named before.
///
/// # Errors
/// No such channel or version, nothing to go back to, or a lost race.
pub fn rollback(
    store: &dyn ArtifactStore,
    channel: &str,
    version: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Published, SnapshotError> {
    let key = Channel::key(channel);
    let wrong = |reason: String| SnapshotError::Document { file: key.clone(), reason };
    let before = read_channel(store, channel)?.ok_or_else(|| wrong("does not exist".to_owned()))?;
    let target = version.map(str::to_owned).or_else(|| before.0.previous.clone());
    let target = target.ok_or_else(|| wrong("names no previous snapshot; say which with --to".to_owned()))?;
    let manifest = store.read(&Source::key(&target, MANIFEST))?;
    Manifest::parse(&manifest.bytes, &target)?;
    let previous = Some(before.0.snapshot.clone());
    switch(store, channel, &target, Some(before), now)?;
    Ok(Published { snapshot: target, previous, uploaded: 0 })
}

/// A snapshot of a store, and its manifest or why it cannot be read.
pub type Listed = (String, Result<Manifest, SnapshotError>);

/// The snapshots of a store: version, and whether its manifest is there and readable.
///
/// # Errors
/// A store that does not answer.
pub fn list(store: &dyn ArtifactStore) -> Result<Vec<Listed>, SnapshotError> {
    let versions = store.list_dirs("snapshots")?;
    let read = |version: String| {
        let key = Source::key(&version, MANIFEST);
        let manifest = store.read(&key).map_err(SnapshotError::from);
        (version, manifest.and_then(|object| Manifest::parse(&object.bytes, &key)))
    };
    Ok(versions.into_iter().map(read).collect())
}

fn switch(
    store: &dyn ArtifactStore,
    name: &str,
    version: &str,
    before: Option<(Channel, String)>,
    now: DateTime<Utc>,
) -> Result<(), SnapshotError> {
    let condition = match &before {
        Some((_, etag)) => Condition::IfMatch(etag.clone()),
        None => Condition::IfAbsent,
    };
    let previous = match before {
        Some((channel, _)) if channel.snapshot == version => channel.previous,
        Some((channel, _)) => Some(channel.snapshot),
        None => None,
    };
    let published_at = now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let channel = Channel { snapshot: version.to_owned(), previous, published_at };
    match store.write(&Channel::key(name), &channel.to_json(), condition) {
        Ok(_) => Ok(()),
        Err(StoreError::Conflict { .. }) => {
            let now = read_channel(store, name)?.map_or("nothing".to_owned(), |(now, _)| now.snapshot);
            Err(SnapshotError::LostRace { channel: name.to_owned(), now })
        }
        Err(error) => Err(error.into()),
    }
}
