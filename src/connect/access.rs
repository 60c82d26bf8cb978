//! How a Kafka cluster is reached: brokers, encryption, user and password. Part of every build, as the settings are.

mod nats;

use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use crate::setting::{As, File, Form, Hidden, NoneOr, Secret, SettingError, Text};

pub use nats::NatsAccess;
pub(super) use nats::{IS_BUILT as NATS_IS_BUILT, NOT_BUILT as NATS_NOT_BUILT, StreamName, Subjects};

/// How a cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaAccess {
    /// Brokers that are asked first, each with its port.
    #[serde(with = "As::<Brokers>")]
    pub brokers: Vec<String>,
    /// Whether connections are encrypted, and whether a user signs in.
    #[serde(default, with = "As::<Security>")]
    pub security: Security,
    /// How a user signs in.
    #[serde(default, with = "As::<Mechanism>")]
    pub mechanism: Mechanism,
    /// The user.
    #[serde(default, with = "As::<NoneOr<Text>>")]
    pub user: Option<String>,
    /// The user's password.
    #[serde(default, with = "As::<NoneOr<Hidden>>")]
    pub password: Option<Secret>,
    /// A file of certificates (PEM) that vouch for the brokers; `None`: those of the system.
    #[serde(default, with = "As::<NoneOr<File>>")]
    pub ca_file: Option<PathBuf>,
}

impl KafkaAccess {
    /// Brokers without encryption, to whom nobody signs in.
    pub fn plain(brokers: Vec<String>) -> Self {
        Self {
            brokers,
            security: Security::default(),
            mechanism: Mechanism::default(),
            user: None,
            password: None,
            ca_file: None,
        }
    }

    /// Checks that what is there goes together.
    ///
    /// # Errors
    /// The first key that does not fit `security`.
    pub fn check(&self) -> Result<(), SettingError> {
        let said = |is_there| if is_there { "there" } else { "missing" };
        let signs_in = self.security.signs_in();
        let expected = if signs_in {
            "a value, as security has a user sign in"
        } else {
            "none, or security = \"sasl_ssl\" or \"sasl_plaintext\""
        };
        if self.user.is_some() != signs_in {
            return Err(SettingError::new("user", said(self.user.is_some()), expected));
        }
        if self.password.is_some() != signs_in {
            return Err(SettingError::new("password", said(self.password.is_some()), expected));
        }
        if self.ca_file.is_some() && !self.security.is_encrypted() {
            return Err(SettingError::new("ca_file", "there", "none, or security = \"ssl\" or \"sasl_ssl\""));
        }
        Ok(())
    }
}

/// Whether this build can reach Kafka.
pub(super) const IS_BUILT: bool = cfg!(feature = "kafka");

/// What to do about a build that cannot.
pub(super) const NOT_BUILT: &str = "this build has no Kafka; build with --features kafka";

/// Whether connections are encrypted, and whether a user signs in; named as Kafka's own clients name it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Security {
    /// Neither.
    #[default]
    Plaintext,
    /// Encrypted.
    Ssl,
    /// A user signs in.
    SaslPlaintext,
    /// Both.
    SaslSsl,
}

impl Security {
    const ALL: [(&str, Self); 4] = [
        ("plaintext", Self::Plaintext),
        ("ssl", Self::Ssl),
        ("sasl_plaintext", Self::SaslPlaintext),
        ("sasl_ssl", Self::SaslSsl),
    ];

    /// Whether connections are encrypted.
    pub fn is_encrypted(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    /// Whether a user signs in.
    pub fn signs_in(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

impl Form for Security {
    type Value = Self;

    fn expected() -> String {
        "plaintext, ssl, sasl_plaintext or sasl_ssl".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, security)| *security)
    }

    fn show(value: &Self) -> String {
        Self::ALL.iter().find(|(_, security)| security == value).map_or("", |(name, _)| *name).to_owned()
    }
}

/// How a user signs in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mechanism {
    /// The password is sent as it is: only over an encrypted connection.
    Plain,
    /// The password is proven and not sent.
    ScramSha256,
    /// The same with a longer digest.
    #[default]
    ScramSha512,
}

impl Mechanism {
    const ALL: [(&str, Self); 3] =
        [("plain", Self::Plain), ("scram-sha-256", Self::ScramSha256), ("scram-sha-512", Self::ScramSha512)];
}

impl Form for Mechanism {
    type Value = Self;

    fn expected() -> String {
        "plain, scram-sha-256 or scram-sha-512".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, mechanism)| *mechanism)
    }

    fn show(value: &Self) -> String {
        Self::ALL.iter().find(|(_, mechanism)| mechanism == value).map_or("", |(name, _)| *name).to_owned()
    }
}

/// Brokers with their ports, separated by commas.
#[derive(Debug)]
pub(super) struct Brokers;

impl Form for Brokers {
    type Value = Vec<String>;

    const QUOTED: bool = true;

    fn expected() -> String {
        "brokers with their ports, such as \"kafka-1:9092,kafka-2:9092\"".to_owned()
    }

    fn parse(text: &str) -> Option<Vec<String>> {
        let broker = |broker: &str| {
            let (host, port) = broker.trim().rsplit_once(':')?;
            let fits = !host.is_empty() && !host.contains(['/', ' ']) && port.parse::<u16>().is_ok();
            fits.then(|| broker.trim().to_owned())
        };
        text.split(',').map(broker).collect()
    }

    fn show(value: &Vec<String>) -> String {
        value.join(",")
    }
}

/// A topic's name.
#[derive(Debug)]
pub(super) struct Topic;

impl Topic {
    /// Reads the field of a topic.
    ///
    /// # Errors
    /// A name that no topic can have.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        As::<Self>::deserialize(from)
    }
}

impl Form for Topic {
    type Value = String;

    const QUOTED: bool = true;

    fn expected() -> String {
        "a topic's name: 1 to 249 letters, digits, '.', '_', '-'".to_owned()
    }

    fn parse(text: &str) -> Option<String> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((1..=249).contains(&text.len()) && text.bytes().all(is_plain)).then(|| text.to_owned())
    }

    fn show(value: &String) -> String {
        value.clone()
    }
}
