//! The section `[exposure]`: where exposures are written, and how many may wait for that.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::setting::{As, File, NoneOr, SettingError, number_within};

/// Where exposures go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// File to which the slates shown to live traffic are appended, one JSON object on each line; `None`: they are not
    /// written.
    #[serde(with = "As::<NoneOr<File>>")]
    pub file: Option<PathBuf>,
    /// Upper bound on exposures that wait for the file; further ones are lost and counted. Raising it bridges longer
    /// pauses of the disk and takes more memory.
    pub max_queued: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { file: None, max_queued: 10_000 }
    }
}

impl Config {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), SettingError> {
        // The queue takes all its places at once, each a little more than 200 bytes: at the bound, more than 2 GB.
        number_within("max_queued", self.max_queued, 1..=10_000_000)
    }
}
