//! What the admin port asks of the control plane.

use crate::recommender::View;
use crate::snapshot::{Health, Outcome, Refresher, SnapshotError};

/// Whoever keeps what is served up to date. Refreshing and rolling back may block; all else answers at once.
pub trait ControlPlane: Send + Sync {
    /// Where snapshots come from.
    fn location(&self) -> String;
    /// The channel that is followed.
    fn channel(&self) -> &str;
    /// The bytes that snapshots may take together, if that is configured.
    fn memory_budget(&self) -> Option<u64>;
    /// Bytes of it that are set aside for live state.
    fn reserved_memory(&self) -> u64;
    /// How the last refresh went.
    fn health(&self) -> Health;
    /// Looks for a new snapshot now, whatever was held or put off.
    ///
    /// # Errors
    /// Why the new snapshot is not served.
    fn refresh(&self) -> Result<Outcome, SnapshotError>;
    /// Goes back to the snapshot before; returns its version.
    ///
    /// # Errors
    /// Why that cannot be.
    fn rollback(&self) -> Result<String, SnapshotError>;
}

impl ControlPlane for Refresher<View> {
    fn location(&self) -> String {
        Refresher::location(self)
    }

    fn channel(&self) -> &str {
        Refresher::channel(self)
    }

    fn memory_budget(&self) -> Option<u64> {
        Refresher::memory_budget(self)
    }

    fn reserved_memory(&self) -> u64 {
        Refresher::reserved_memory(self)
    }

    fn health(&self) -> Health {
        Refresher::health(self)
    }

    fn refresh(&self) -> Result<Outcome, SnapshotError> {
        Refresher::refresh(self, true)
    }

    fn rollback(&self) -> Result<String, SnapshotError> {
        Refresher::rollback(self)
    }
}
