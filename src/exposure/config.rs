//! The section `[exposure]`: where exposures go, under which name, and how many may wait.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::origin::{host_name, is_plain};
use crate::setting::{As, AutoOr, File, NoneOr, SettingError, Text, number_within};

/// The longest name of a replica, which is a part of objects' keys.
const LONGEST_REPLICA: usize = 200;

/// The name of the sink that `dir` is.
pub(super) const DIR_SINK: &str = "jsonl";
/// The name of the sink that `lake` is.
pub(super) const LAKE_SINK: &str = "lake";

/// Where exposures go. They may go to several places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// File to which the slates shown to live traffic are appended, one JSON object on each line, `-` for standard
    /// output; `None`: there is no such file.
    #[serde(with = "As::<NoneOr<File>>")]
    pub file: Option<PathBuf>,
    /// Directory in which the same lines are appended to one file for each hour; `None`: they are not.
    #[serde(with = "As::<NoneOr<File>>")]
    pub dir: Option<PathBuf>,
    /// Directory or `s3://bucket/prefix` below which they are written as Parquet; `None`: they are not.
    #[serde(with = "As::<NoneOr<Text>>")]
    pub lake: Option<String>,
    /// What this server is called in them; `None`: by its host's name.
    #[serde(with = "As::<AutoOr<Text>>")]
    pub replica: Option<String>,
    /// Upper bound on exposures that wait in memory; further ones are lost and counted. Raising it bridges longer
    /// pauses of the disk and takes more memory.
    pub max_queued: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { file: None, dir: None, lake: None, replica: None, max_queued: 10_000 }
    }
}

impl Config {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), SettingError> {
        if let Some(name) = &self.replica
            && (name.len() > LONGEST_REPLICA || name.starts_with('.') || !name.chars().all(is_plain))
        {
            let expected = "auto, or a plain name: letters, digits, '-', '_', '.'";
            return Err(SettingError::new("replica", format_args!("\"{name}\""), expected));
        }
        // The queue takes all its places at once, each a little more than 300 bytes: at the bound, more than 3 GB.
        number_within("max_queued", self.max_queued, 1..=10_000_000)
    }

    /// Checks that there is a spool where one is needed, and that what it holds goes somewhere. `has_more`: there are
    /// sinks of which this section does not know.
    ///
    /// # Errors
    /// A key of this section that does not go with the spool.
    pub fn check_spool(&self, spool: &super::spool::Config, has_more: bool) -> Result<(), SettingError> {
        match (&self.lake, &spool.dir) {
            // Objects are made of whole segments.
            (Some(lake), None) => {
                Err(SettingError::new("lake", format_args!("\"{lake}\""), "spool.dir beside it, a directory"))
            }
            (None, Some(_)) if self.file.is_none() && self.dir.is_none() && !has_more => {
                let expected = "file, dir, lake or an [[events.sink]], since spool.dir is set";
                Err(SettingError::new("dir", "none", expected))
            }
            _ => Ok(()),
        }
    }

    /// The name of the sink that `file` is.
    pub(super) fn file_sink(&self) -> Option<&'static str> {
        self.file.as_deref().map(|path| if path == Path::new("-") { "stdout" } else { "file" })
    }

    /// The names of the sinks that this section makes, which no other may have.
    pub fn sink_names(&self) -> impl Iterator<Item = &'static str> {
        let names =
            [self.file_sink(), self.dir.as_ref().map(|_| DIR_SINK), self.lake.as_ref().map(|_| LAKE_SINK)];
        names.into_iter().flatten()
    }

    /// The name of this server in exposures.
    pub fn replica_name(&self) -> String {
        self.replica.clone().unwrap_or_else(host_name)
    }
}
