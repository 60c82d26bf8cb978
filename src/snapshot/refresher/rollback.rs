//! Going back because an operator says so.

use std::sync::Arc;
use std::time::SystemTime;

use super::loading::{Origin, workers};
use super::{Refresher, lock};
use crate::artifact::Stop;
use crate::snapshot::SnapshotError;

impl<T: Send + Sync> Refresher<T> {
    /// Serves the previous snapshot again: at once if it is in memory. Holds there until the channel changes or a
    /// forced refresh. Returns the version now served.
    ///
    /// A load that is under way is called off and not waited for, whatever the store does. What is not in memory comes
    /// from the cache, if that has it.
    ///
    /// # Errors
    /// There is nothing to go back to, or it cannot be loaded.
    pub fn rollback(&self) -> Result<String, SnapshotError> {
        let _one_at_a_time = lock(&self.rolling_back);
        let nothing = || SnapshotError::NoRollback { channel: self.options.channel.clone() };
        let current = self.registry.current().ok_or_else(nothing)?;
        let from = (self.snapshot)(&current).version().to_owned();
        let target = match self.registry.previous() {
            Some(previous) => previous,
            None => {
                let named = lock(&self.hold).before.clone().ok_or_else(nothing)?;
                // Its memory may be needed.
                self.call_off();
                // On threads of its own: those of the refresher may be busy with the end of what was called off.
                let workers = workers()?;
                let stop = Stop::default();
                Arc::new(self.load(&workers, &named, Some(&current), &stop, Origin::Anywhere)?)
            }
        };
        let version = (self.snapshot)(&target).version().to_owned();
        // What is rolled back from is kept too, where both fit: a second rollback goes forward again.
        let keep = self.keeps(Some(&current), &target);
        let mut hold = lock(&self.hold);
        hold.rollbacks += 1;
        let entry = lock(&self.channel).as_ref().map(|channel| channel.snapshot.clone());
        hold.entry = entry.or_else(|| Some(from.clone()));
        hold.before = Some(from.clone());
        self.registry.publish(target, keep);
        drop(hold);
        self.call_off();
        let mut health = lock(&self.health);
        health.swaps += 1;
        health.swapped_at = Some(SystemTime::now());
        health.held_from = Some(from.clone());
        drop(health);
        // Outside the locks: it deletes files, and probes read the health meanwhile.
        self.tidy_cache();
        tracing::warn!(from, to = version, "rolled back by an operator; held until the channel changes");
        Ok(version)
    }
}
