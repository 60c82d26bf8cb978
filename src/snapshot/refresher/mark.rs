//! A mark in the cache while a snapshot is loaded: a start that finds it knows what its predecessor died of.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{Refresher, lock};
use crate::snapshot::{Channel, SnapshotError};

/// So many deaths in a row while one snapshot was loaded, and it is not loaded any more beside one that is good.
const MOST_DEATHS: u32 = 2;

/// What is being loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) snapshot: String,
    /// How often a process died while it loaded this one.
    deaths: u32,
    /// The process that loads.
    process: u32,
}

impl<T: Send + Sync> Refresher<T> {
    /// What a process that is no more was loading when it died.
    pub(super) fn died_while_loading(&self) -> Option<Mark> {
        let mark = self.source.cache.recall(&self.mark_document()).ok().flatten()?;
        let mark: Mark = serde_json::from_slice(&mark).ok()?;
        // In a container all processes have the same number: one that has ours is not alive beside us.
        let alive = mark.process != std::process::id() && is_alive(mark.process);
        (!alive).then(|| Mark { deaths: mark.deaths + 1, ..mark })
    }

    /// Before a start loads the snapshot that its predecessor died of: serves the last good one, and says so.
    pub(super) fn avoid(&self, channel: &Channel, force: bool) -> Result<(), SnapshotError> {
        let died = lock(&self.died).clone();
        let Some(mark) = died.filter(|mark| mark.snapshot == channel.snapshot) else { return Ok(()) };
        let (version, deaths) = (mark.snapshot, mark.deaths);
        if self.registry.current().is_none() {
            tracing::error!(
                version,
                deaths,
                "the process before this one was loading the snapshot when it died: the last good one goes first"
            );
            self.serve_last_good();
        }
        if deaths >= MOST_DEATHS && !force && self.registry.current().is_some() {
            return Err(SnapshotError::Deadly { version, deaths });
        }
        Ok(())
    }

    pub(super) fn set_mark(&self, version: &str, died: Option<&Mark>) {
        let deaths = died.filter(|mark| mark.snapshot == version).map_or(0, |mark| mark.deaths);
        let mark = Mark { snapshot: version.to_owned(), deaths, process: std::process::id() };
        let bytes = serde_json::to_vec(&mark).unwrap_or_default();
        if let Err(error) = self.source.cache.remember(&self.mark_document(), &bytes) {
            tracing::warn!(%error, "should this load end the process, the next one will not know");
        }
    }

    /// Takes the mark away. To be called at an orderly end too: a load that is cut short by one is no death.
    pub fn clear_mark(&self) {
        if let Err(error) = self.source.cache.forget(&self.mark_document(), &HashSet::new()) {
            tracing::warn!(%error, "the next start will take this load for one that ended the process");
        }
    }

    fn mark_document(&self) -> String {
        format!("loading-{}.json", self.options.channel)
    }
}

#[cfg(unix)]
fn is_alive(process: u32) -> bool {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    // Where the system does not say, there is one.
    process.is_some_and(|process| rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn is_alive(_: u32) -> bool {
    false
}
