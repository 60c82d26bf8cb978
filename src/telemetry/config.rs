//! The section `[telemetry]`: which log lines there are, and how they look.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use crate::setting::{As, File, NoneOr, SettingError};

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// A level, or a filter such as `larder=debug`.
    pub log: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// The file that log lines are appended to; `None`: standard error.
    #[serde(with = "As::<NoneOr<File>>")]
    pub log_file: Option<PathBuf>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object on each line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self { log: "info".to_owned(), log_format: LogFormat::Text, log_file: None }
    }
}

impl Config {
    /// Checks that the filter can be read.
    ///
    /// # Errors
    /// A filter that cannot be read.
    pub fn check(&self) -> Result<(), SettingError> {
        // Checked here, because the logs themselves would fall back to `info` without saying so anywhere.
        match EnvFilter::try_new(&self.log) {
            Ok(_) => Ok(()),
            Err(_) => {
                Err(SettingError::new("log", &self.log, "a level or a filter, such as info or larder=debug"))
            }
        }
    }
}
