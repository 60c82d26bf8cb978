//! What goes out.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A kind of records that go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Slates that were shown.
    Exposures,
    /// Events that callers recorded.
    Events,
    /// Events that could not be used.
    Dead,
}

impl What {
    /// Its name in settings, metrics, and names of files and directories.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exposures => "exposures",
            Self::Events => "events",
            Self::Dead => "dead",
        }
    }

    /// The spool of these records in the directory of all spools. Each has its own, so that none holds up another; that
    /// of exposures, which were there first, is the directory itself.
    pub(super) fn spool(self, dir: &Path) -> PathBuf {
        match self {
            Self::Exposures => dir.to_owned(),
            Self::Events | Self::Dead => dir.join(self.as_str()),
        }
    }
}
