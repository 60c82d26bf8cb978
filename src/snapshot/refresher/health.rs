//! What a refresh did, and the state of the refresher, for people and metrics.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// What one refresh did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The channel names what is served.
    Unchanged,
    /// Another snapshot is served now.
    Swapped {
        /// Its version.
        version: String,
        /// From the first look at the channel to the swap.
        took: Duration,
    },
    /// An operator rolled this server back; it waits for the channel to change.
    Held,
    /// The channel names a snapshot that failed before; it is tried again later.
    BackingOff,
}

/// The state of the refresher, for people and metrics.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// When the channel was last read successfully.
    pub last_checked: Option<SystemTime>,
    /// When the served snapshot was swapped in.
    pub swapped_at: Option<SystemTime>,
    /// How many swaps there were, rollbacks included.
    pub swaps: u64,
    /// How long the last load took.
    pub last_load: Duration,
    /// The last failure, until a refresh succeeds.
    pub last_failure: Option<Failure>,
    /// Failures by artifact (`-` where none is at fault) and reason.
    pub failures: BTreeMap<(String, &'static str), u64>,
    /// The version that an operator rolled back from, while that holds.
    pub held_from: Option<String>,
}

/// Why the last refresh failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// When.
    pub at: SystemTime,
    /// The snapshot that could not be loaded; empty if the channel could not be read.
    pub version: String,
    /// The artifact at fault.
    pub artifact: Option<String>,
    /// The message.
    pub reason: String,
    /// Failures in a row.
    pub count: u32,
}
