//! Making a snapshot visible, and taking it back.

use std::path::Path;

use chrono::{DateTime, Utc};

use super::open::verify;
use super::{Channel, MANIFEST, Manifest, SIGNATURE, SnapshotError, Source, read_channel};
use crate::artifact::{ArtifactStore, Condition, MAX_SMALL_OBJECT, StoreError, read_regular};

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
/// The channel is switched by one conditional write against what it was before the upload began, so of two publishers
/// at the same time one wins and the other gets [`SnapshotError::LostRace`]; its snapshot is uploaded all the same.
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
    publish_signed(store, dir, channel, now, None, step)
}

/// Makes the signature of a manifest's bytes.
pub type Sign<'a> = dyn Fn(&[u8]) -> String + 'a;

/// As [`publish`], with what `sign` makes of the manifest's bytes as its signature; without it, with the signature in
/// `dir`, if there is one.
///
/// # Errors
/// As [`publish`].
pub fn publish_signed(
    store: &dyn ArtifactStore,
    dir: &Path,
    channel: Option<&str>,
    now: DateTime<Utc>,
    sign: Option<&Sign<'_>>,
    step: &mut dyn FnMut(&str),
) -> Result<Published, SnapshotError> {
    let file = dir.join(MANIFEST);
    let name = file.display().to_string();
    let bytes = read_regular(&file, MAX_SMALL_OBJECT)
        .map_err(|error| SnapshotError::Directory { file: name.clone(), source: error.into() })?;
    let manifest = Manifest::parse(&bytes, &name)?;
    for entry in &manifest.artifacts {
        // A file that changed since its manifest was written would be refused by every server: better here.
        verify(&dir.join(&entry.path), entry)
            .map_err(|error| SnapshotError::of_artifact(&entry.name, error))?;
    }
    // Read before the upload: whoever switches the channel meanwhile wins, and is not overwritten by what began
    // earlier.
    let before = channel.map(|name| read_channel(store, name)).transpose()?.flatten();
    let manifest_key = Source::key(&manifest.snapshot, MANIFEST);
    match store.read(&manifest_key) {
        // Upload again all the same: it mends what was damaged.
        Ok(object) if object.bytes == bytes => {}
        Ok(_) => {
            let (location, version) = (store.location(), manifest.snapshot);
            return Err(SnapshotError::VersionTaken { location, version });
        }
        Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    for entry in &manifest.artifacts {
        step(&entry.name);
        store.write_file(&Source::key(&manifest.snapshot, &entry.path), &dir.join(&entry.path))?;
    }
    let signature = match sign {
        Some(sign) => Some(sign(&bytes).into_bytes()),
        None => std::fs::read(dir.join(SIGNATURE)).ok(),
    };
    if let Some(signature) = signature {
        step(SIGNATURE);
        // Whatever was there: a snapshot that is published again may be signed with another key.
        store.write(&Source::key(&manifest.snapshot, SIGNATURE), &signature, Condition::Always)?;
    }
    // Last, so that a reader who finds the manifest finds all of the files.
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
    let before = read_channel(store, channel)?.ok_or_else(|| SnapshotError::NoChannel {
        location: store.location(),
        channel: channel.to_owned(),
    })?;
    let target = version.map(str::to_owned).or_else(|| before.0.previous.clone());
    let target = target.ok_or_else(|| SnapshotError::NoPrevious { channel: channel.to_owned() })?;
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
        // Published again, a snapshot is not its own predecessor.
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
