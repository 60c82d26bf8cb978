//! Going back: because an operator says so, or because a server that has just started has nothing else.

use std::sync::Arc;
use std::time::SystemTime;

use super::{Refresher, lock};
use crate::snapshot::{Channel, SnapshotError};

impl<T: Send + Sync> Refresher<T> {
    /// Serves the previous snapshot again: at once if it is in memory. Holds there until the channel changes or a
    /// forced refresh. Returns the version now served.
    ///
    /// # Errors
    /// There is nothing to go back to, or it cannot be loaded.
    pub fn rollback(&self) -> Result<String, SnapshotError> {
        let nothing = || SnapshotError::NoRollback { channel: self.options.channel.clone() };
        let current = self.registry.current().ok_or_else(nothing)?;
        let from = (self.snapshot)(&current).version().to_owned();
        // What is resident is served without waiting for a load that may be under way.
        let target = match self.registry.previous() {
            Some(previous) => previous,
            None => {
                let work = lock(&self.work);
                let named = work.channel.as_ref().and_then(|channel| channel.previous.clone());
                Arc::new(self.load(&named.ok_or_else(nothing)?, Some(&current), None)?)
            }
        };
        let version = (self.snapshot)(&target).version().to_owned();
        // What is rolled back from is kept too, where both fit: a second rollback goes forward again.
        let keep = self.keeps(Some(&current), &target);
        self.registry.publish(target, keep);
        let mut health = lock(&self.health);
        health.swaps += 1;
        health.swapped_at = Some(SystemTime::now());
        health.held_from = Some(from.clone());
        drop(health);
        // Outside the lock: it deletes files, and probes read the health meanwhile.
        self.tidy_cache();
        tracing::warn!(from, to = version, "rolled back by an operator; held until the channel changes");
        Ok(version)
    }

    /// After a start that failed, because of the store or of the channel's snapshot: what this cache served last, or
    /// what the channel named before, is better than nothing.
    pub(super) fn serve_last_good(&self, channel: Option<&Channel>) {
        // What this server served last has been proven; what the channel named before has been proven by others.
        let remembered = self.source.cache.recall(&self.document()).ok().flatten();
        let remembered = remembered.and_then(|bytes| Channel::parse(&bytes, "cached channel").ok());
        let before = channel.and_then(|channel| channel.previous.clone());
        for version in remembered.map(|known| known.snapshot).into_iter().chain(before) {
            if channel.is_some_and(|channel| channel.snapshot == version) {
                // Just tried, or about to be.
                continue;
            }
            if let Ok(good) = self.load(&version, None, None) {
                self.registry.publish(Arc::new(good), false);
                let mut health = lock(&self.health);
                health.swaps += 1;
                health.swapped_at = Some(SystemTime::now());
                tracing::warn!(version, "the last good snapshot is served");
                return;
            }
        }
    }
}
