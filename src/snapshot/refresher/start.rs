//! What a server serves that has just started: what it served last, which is proven, before what the store may say.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::loading::Origin;
use super::{Refresher, lock};
use crate::artifact::Stop;
use crate::snapshot::{Channel, SnapshotError};

impl<T: Send + Sync> Refresher<T> {
    /// Serves what the cache has of the snapshot that was served last, if it has all of it. The store is not asked: it
    /// may hang, or say what is wrong.
    pub(super) fn serve_cached(&self) {
        let started = Instant::now();
        let Some(known) = self.remembered() else { return };
        // What the process before this one died of is for later.
        if lock(&self.died).as_ref().is_some_and(|mark| mark.snapshot == known.snapshot) {
            return;
        }
        match self.load(&self.workers, &known.snapshot, None, &Stop::default(), Origin::Cache) {
            Ok(view) => {
                self.serve_first(view, started);
                tracing::info!(
                    version = known.snapshot,
                    took_ms = started.elapsed().as_millis() as u64,
                    "what was served last is served from the cache; the store is asked next"
                );
                lock(&self.hold).before = known.previous;
            }
            // A directory that was emptied, or a first start that was broken off.
            Err(SnapshotError::NotCached) => {}
            Err(error) => {
                tracing::warn!(
                    version = known.snapshot,
                    reason = %error,
                    "what was served last cannot be served from the cache; the store is asked"
                );
            }
        }
    }

    /// After a start that failed, because of the store or of the channel's snapshot: what this cache served last, or
    /// what the channel named before, is better than nothing.
    pub(super) fn serve_last_good(&self) {
        let started = Instant::now();
        // What this server served last has been proven; what the channel named before has been proven by others.
        let channel = lock(&self.channel).clone();
        let before = channel.as_ref().and_then(|channel| channel.previous.clone());
        for version in self.remembered().map(|known| known.snapshot).into_iter().chain(before) {
            if channel.as_ref().is_some_and(|channel| channel.snapshot == version) {
                continue; // just tried, or about to be
            }
            if let Ok(good) = self.load(&self.workers, &version, None, &Stop::default(), Origin::Anywhere) {
                self.serve_first(good, started);
                tracing::warn!(version, "the last good snapshot is served");
                return;
            }
        }
    }

    /// The channel as this cache knows it: what was served last.
    fn remembered(&self) -> Option<Channel> {
        let bytes = self.source.cache.recall(&self.document()).ok().flatten()?;
        Channel::parse(&bytes, "cached channel").ok()
    }

    fn serve_first(&self, view: T, started: Instant) {
        self.registry.publish(Arc::new(view), false);
        let mut health = lock(&self.health);
        health.swaps += 1;
        health.swapped_at = Some(SystemTime::now());
        health.last_load = started.elapsed();
    }
}
