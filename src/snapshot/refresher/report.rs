//! What the log says of a refresh that failed.

use std::fmt;

use crate::snapshot::SnapshotError;

/// What is served after a refresh that failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Serving {
    /// The version that was served before.
    Before(String),
    /// Nothing was served before: the version of the last good snapshot now.
    LastGood(String),
    Nothing,
}

impl Serving {
    /// From the versions served before and after.
    pub(super) fn after_failure(before: Option<String>, now: Option<String>) -> Self {
        match (before, now) {
            (None, Some(now)) => Self::LastGood(now),
            // An operator may have rolled back meanwhile.
            (Some(_), Some(now)) => Self::Before(now),
            (_, None) => Self::Nothing,
        }
    }
}

impl fmt::Display for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(version) => write!(f, "{version} goes on being served"),
            Self::LastGood(version) => write!(f, "{version}, the last good snapshot, is served instead"),
            Self::Nothing => f.write_str("nothing is served"),
        }
    }
}

/// Logs the 1st, 2nd, 4th, 8th … failure in a row: a store that is away for an hour must not fill the log. `version`
/// is empty where the channel could not be read.
pub(super) fn failure(
    version: &str,
    artifact: Option<&str>,
    error: &SnapshotError,
    failures: u32,
    serving: &Serving,
) {
    if !failures.is_power_of_two() {
        return;
    }
    if version.is_empty() {
        tracing::warn!(reason = %error, failures, "the channel cannot be read; {serving}");
    } else {
        tracing::error!(version, artifact, reason = %error, failures, "snapshot refused; {serving}");
    }
}
