//! The section `[spool]`: where records wait for their sinks, how many, and how safely.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::setting::{As, File, NoneOr, SettingError, Size, Time, duration_within, size_within};

/// The queue on disk before the sinks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Its directory; `None`: there is none, and what a sink cannot take at once is lost.
    #[serde(with = "As::<NoneOr<File>>")]
    pub dir: Option<PathBuf>,
    /// Upper bound on its bytes on disk; beyond it the newest exposures are dropped and counted.
    #[serde(with = "As::<Size>")]
    pub max: u64,
    /// The time within which what is written is flushed to the disk itself.
    #[serde(with = "As::<Time>")]
    pub sync: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self { dir: None, max: 2 << 30, sync: Duration::from_millis(50) }
    }
}

impl Config {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), SettingError> {
        size_within("max", self.max, 1 << 20..=16 << 40)?;
        duration_within("sync", self.sync, Duration::from_millis(1)..=Duration::from_secs(60))
    }
}
