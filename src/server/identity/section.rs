//! The section `[auth]`: which credentials there are, and where what is refused is written down.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::credentials::Credentials;
use crate::setting::{As, File, Form, NoneOr, SettingError, Time, duration_within};

/// Who may call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// A file with further `[[auth.keys]]` and `[[auth.certificates]]`, read again when it changes.
    #[serde(with = "As::<NoneOr<File>>")]
    pub file: Option<PathBuf>,
    /// Time between two looks at that file and at certificates.
    #[serde(with = "As::<Time>")]
    pub reload_interval: Duration,
    /// Where denials, control and reloads are written down; `None`: in the log.
    #[serde(with = "As::<AuditFile>")]
    pub audit: Option<PathBuf>,
    /// The credentials of the configuration file itself.
    // Not by serde: a message has to name the line.
    #[serde(skip)]
    pub credentials: Credentials,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            file: None,
            reload_interval: Duration::from_secs(10),
            audit: None,
            credentials: Credentials::default(),
        }
    }
}

impl Config {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), SettingError> {
        let range = Duration::from_millis(50)..=Duration::from_secs(3600);
        duration_within("reload_interval", self.reload_interval, range)
    }

    /// Whether everything needs a credential. A file that is named and empty says so too: somebody may have removed
    /// the last key for a reason.
    pub fn is_required(&self) -> bool {
        self.file.is_some() || !self.credentials.is_empty()
    }
}

/// The log, or a file.
struct AuditFile;

impl Form for AuditFile {
    type Value = Option<PathBuf>;

    const QUOTED: bool = true;

    fn expected() -> String {
        "log, or a path".to_owned()
    }

    fn parse(text: &str) -> Option<Self::Value> {
        if text == "log" { Some(None) } else { File::parse(text).map(Some) }
    }

    fn show(value: &Self::Value) -> String {
        value.as_ref().map_or_else(|| "log".to_owned(), File::show)
    }
}
