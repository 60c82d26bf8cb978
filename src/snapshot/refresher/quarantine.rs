//! Whether a snapshot is tried out in a process of its own first, and what is remembered of that.

use super::Refresher;
use crate::artifact::sha256_bytes;
use crate::snapshot::loader::shares;
use crate::snapshot::{
    ArtifactEntry, Files, LoadOptions, Manifest, Quarantine, Snapshot, SnapshotError, Soundness, Trial,
};

/// The document in the cache that names what has been tried out.
const PROVEN: &str = "proven.json";

/// How many are remembered: the served and the one before, of some channels.
const MOST_PROVEN: usize = 32;

impl<T: Send + Sync> Refresher<T> {
    /// Has every snapshot that is new to this cache tried out in a process of its own first.
    #[must_use]
    pub fn with_quarantine(mut self, quarantine: Quarantine) -> Self {
        self.quarantine = Some(quarantine);
        self
    }

    /// Tries a snapshot out, unless that has been done. `again`: even then.
    pub(super) fn try_out(
        &self,
        file: &Files<'_>,
        manifest: &Manifest,
        served: Option<&Snapshot>,
        again: bool,
        options: &LoadOptions,
    ) -> Result<(), SnapshotError> {
        let Some(quarantine) = &self.quarantine else { return Ok(()) };
        // The reader is a part of what was proven: another version reads the same file with other code.
        let digest = sha256_bytes(&[&manifest.to_json(), env!("CARGO_PKG_VERSION").as_bytes()].concat());
        let mut proven = self.proven();
        if !again && proven.contains(&digest) {
            return Ok(());
        }
        let verdict = self.in_quarantine(quarantine, file, manifest, served, options);
        let needs = verdict.as_ref().err().and_then(SnapshotError::needs);
        let fits = needs.zip(self.memory_left(served, false)).is_some_and(|(needs, left)| needs <= left);
        let passed = if fits && self.registry.previous().is_some() {
            // What is kept for a rollback goes where the next one fits only without it.
            tracing::warn!(
                snapshot = manifest.snapshot,
                "the snapshot kept for a rollback is dropped: the next one needs its memory"
            );
            self.registry.forget_previous();
            self.in_quarantine(quarantine, file, manifest, served, options)?
        } else {
            verdict?
        };
        if passed.is_none() {
            return Ok(());
        }
        proven.retain(|known| *known != digest);
        proven.push(digest);
        let surplus = proven.len().saturating_sub(MOST_PROVEN);
        proven.drain(..surplus);
        let known = serde_json::to_vec(&proven).unwrap_or_default();
        if let Err(error) = self.source.cache.remember(PROVEN, &known) {
            tracing::warn!(%error, "a restart will try the snapshot out once more");
        }
        Ok(())
    }

    /// `None` where no process could be had.
    fn in_quarantine(
        &self,
        quarantine: &Quarantine,
        file: &Files<'_>,
        manifest: &Manifest,
        served: Option<&Snapshot>,
        options: &LoadOptions,
    ) -> Result<Option<Soundness>, SnapshotError> {
        let options = LoadOptions { memory: self.memory_left(served, true), ..options.clone() };
        let shared = |entry: &ArtifactEntry| served.is_some_and(|old| shares(old, manifest, entry));
        let trial = Trial::of(file, manifest, &options, shared)?;
        match quarantine.run(&trial, &options.stop) {
            Ok(verdict) => verdict.map(Some),
            Err(error) => {
                tracing::warn!(%error, "the snapshot is loaded without having been tried out");
                Ok(None)
            }
        }
    }

    fn proven(&self) -> Vec<String> {
        let known = self.source.cache.recall(PROVEN).ok().flatten();
        known.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }
}
