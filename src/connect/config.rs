//! The section `[events]`: where events are read from, and where those go that cannot be used.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::sink::SinkOptions;
use super::source::{FilesOptions, SourceKind, SourceOptions};
use crate::setting::{As, File, NoneOr, SettingError, Size, Time, duration_within, size_within};

/// The name of the source that follows `events.dir`.
pub const FILES: &str = "files";

/// Where events come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// A directory whose files of JSON lines are followed; `None`: none is.
    #[serde(with = "As::<NoneOr<File>>")]
    pub dir: Option<PathBuf>,
    /// The `[[events.source]]` of the file.
    // Not by serde: what a source's keys are depends on its kind, and a message has to name the line.
    #[serde(skip)]
    pub sources: Vec<SourceOptions>,
    /// The `[[events.sink]]` of the file.
    #[serde(skip)]
    pub sinks: Vec<SinkOptions>,
    /// Time between two looks at the files. Raising it takes less CPU and shows events later.
    #[serde(with = "As::<Time>")]
    pub poll_interval: Duration,
    /// How long the server is not ready at most because it reads what happened before it started. Raising it makes a
    /// start slower where the backlog is long; lowering it serves older items meanwhile.
    #[serde(with = "As::<Time>")]
    pub ready_wait: Duration,
    /// Directory for events that cannot be used; `None`: a directory beside the cache, and those of callers, who are
    /// told, are not kept unless a sink takes them.
    #[serde(with = "As::<NoneOr<File>>")]
    pub dead_dir: Option<PathBuf>,
    /// Upper bound on that directory; the oldest are dropped, and counted. Raising it takes disk.
    #[serde(with = "As::<Size>")]
    pub dead_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            dir: None,
            sources: Vec::new(),
            sinks: Vec::new(),
            poll_interval: Duration::from_millis(20),
            ready_wait: Duration::from_secs(30),
            dead_dir: None,
            dead_max: 64 << 20,
        }
    }
}

impl Config {
    /// All sources: the directory, which is called "files", and those of the file.
    pub fn all_sources(&self) -> Vec<SourceOptions> {
        let short = self.dir.as_ref().map(|dir| SourceOptions {
            name: FILES.to_owned(),
            kind: SourceKind::Files(FilesOptions { dir: dir.clone() }),
            mappings: Vec::new(),
        });
        short.into_iter().chain(self.sources.iter().cloned()).collect()
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), SettingError> {
        let (millisecond, minute) = (Duration::from_millis(1), Duration::from_secs(60));
        duration_within("poll_interval", self.poll_interval, millisecond..=minute)?;
        duration_within("ready_wait", self.ready_wait, Duration::ZERO..=Duration::from_secs(3600))?;
        size_within("dead_max", self.dead_max, 16 << 20..=1 << 40)
    }
}
