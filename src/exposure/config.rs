//! The section `[exposure]`: where exposures go, under which name, and how many may wait.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::origin::{host_name, is_plain};
use crate::setting::{As, AutoOr, File, Hidden, NoneOr, Secret, SettingError, Text, number_within};

/// The longest name of a replica, which is a part of objects' keys.
const LONGEST_REPLICA: usize = 200;

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
    /// Brokers of Kafka that they are sent to, with their ports, separated by commas; `None`: they are not.
    #[serde(with = "As::<NoneOr<Text>>")]
    pub kafka_brokers: Option<String>,
    /// The topic there.
    #[serde(with = "As::<NoneOr<Text>>")]
    pub kafka_topic: Option<String>,
    /// Whether connections to them are encrypted, and whether a user signs in.
    #[serde(with = "As::<Text>")]
    pub kafka_security: String,
    /// How a user signs in.
    #[serde(with = "As::<Text>")]
    pub kafka_mechanism: String,
    /// The user.
    #[serde(with = "As::<NoneOr<Text>>")]
    pub kafka_user: Option<String>,
    /// The user's password.
    #[serde(with = "As::<NoneOr<Hidden>>")]
    pub kafka_password: Option<Secret>,
    /// A file of certificates (PEM) that vouch for the brokers; `None`: those of the system.
    #[serde(with = "As::<NoneOr<File>>")]
    pub kafka_ca_file: Option<PathBuf>,
    /// What this server is called in them; `None`: by its host's name.
    #[serde(with = "As::<AutoOr<Text>>")]
    pub replica: Option<String>,
    /// Upper bound on exposures that wait in memory; further ones are lost and counted. Raising it bridges longer
    /// pauses of the disk and takes more memory.
    pub max_queued: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            file: None,
            dir: None,
            lake: None,
            kafka_brokers: None,
            kafka_topic: None,
            kafka_security: "plaintext".to_owned(),
            kafka_mechanism: "scram-sha-512".to_owned(),
            kafka_user: None,
            kafka_password: None,
            kafka_ca_file: None,
            replica: None,
            max_queued: 10_000,
        }
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

    /// Checks that there is a spool where one is needed, and that what it holds goes somewhere.
    ///
    /// # Errors
    /// A key of this section that does not go with the spool.
    pub fn check_spool(&self, spool: &super::spool::Config) -> Result<(), SettingError> {
        if let (Some(brokers), None) = (&self.kafka_brokers, &spool.dir) {
            // Without one, a broker that is away would hold up what goes elsewhere.
            let expected = "spool.dir beside it, a directory";
            return Err(SettingError::new("kafka_brokers", format_args!("\"{brokers}\""), expected));
        }
        match (&self.lake, &spool.dir) {
            // Objects are made of whole segments.
            (Some(lake), None) => {
                Err(SettingError::new("lake", format_args!("\"{lake}\""), "spool.dir beside it, a directory"))
            }
            (None, Some(_)) if self.file.is_none() && self.dir.is_none() && self.kafka_brokers.is_none() => {
                Err(SettingError::new(
                    "dir",
                    "none",
                    "file, dir, lake or kafka_brokers, since spool.dir is set",
                ))
            }
            _ => Ok(()),
        }
    }

    /// The name of this server in exposures.
    pub fn replica_name(&self) -> String {
        self.replica.clone().unwrap_or_else(host_name)
    }
}
