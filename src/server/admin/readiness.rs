//! Whether requests should be sent to this process.

use thiserror::Error;

/// Why no request should be sent here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotReady {
    /// The process is about to end.
    #[error("draining")]
    Draining,
    /// The first snapshot is not there yet.
    #[error("the first snapshot is being loaded")]
    Loading,
    /// What happened before the start is still being read from these sources of events.
    #[error("events are behind: {0}")]
    Behind(String),
    /// The first snapshot could not be loaded, for this reason.
    #[error("no snapshot: {0}")]
    Failed(String),
}
