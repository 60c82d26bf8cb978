//! The local cache: what a restart without the store needs, and nothing more.

use std::collections::HashSet;

use super::{Refresher, lock};
use crate::snapshot::{Channel, Source};

impl<T: Send + Sync> Refresher<T> {
    /// Remembers the channel for a restart without the store, and deletes downloads that neither what is served needs
    /// nor what a rollback goes to.
    pub(super) fn tidy_cache(&self) {
        let key = Channel::key(&self.options.channel);
        // Nothing was downloaded from a store of local files.
        if self.source.store.local_path(&key).is_some() {
            return;
        }
        let served = [self.registry.current(), self.registry.previous()];
        let (mut keep, mut manifests) = (HashSet::new(), HashSet::new());
        for holder in served.iter().flatten() {
            let manifest = (self.snapshot)(holder).manifest();
            // Of the kept snapshot too: a rollback after a restart must not need the store.
            keep.extend(manifest.artifacts.iter().map(|entry| entry.sha256.clone()));
            manifests.insert(Source::cached_manifest(&manifest.snapshot));
            manifests.insert(Source::cached_signature(&manifest.snapshot));
        }
        let previous = lock(&self.hold).before.clone();
        // What is not in memory any more is loaded for a rollback, which must not need the store either.
        if let Some(manifest) =
            previous.as_deref().and_then(|version| self.source.known_manifest(version, None))
        {
            keep.extend(manifest.artifacts.into_iter().map(|entry| entry.sha256));
            manifests.insert(Source::cached_manifest(&manifest.snapshot));
        }
        let remembered = match served[0].as_deref().map(|now| (self.snapshot)(now).version().to_owned()) {
            Some(snapshot) => {
                let channel = Channel { snapshot, previous, published_at: String::new() };
                self.source.cache.remember(&self.document(), &channel.to_json())
            }
            None => Ok(()),
        };
        let cache = &self.source.cache;
        // First the channel, then the deletions: a restart between them finds what it is told to serve.
        let tidied = remembered.and_then(|()| cache.forget("manifest-", &manifests));
        if let Err(error) = tidied.and_then(|()| cache.retain(&keep)) {
            tracing::warn!(%error, "the local cache could not be tidied");
        }
    }
}
