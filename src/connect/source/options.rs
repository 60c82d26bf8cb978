//! One `[[events.source]]`: what its kind needs to know, and the mappings of its records.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::connect::access::{self, IS_BUILT, KafkaAccess, NOT_BUILT, NatsAccess, Subjects, Topic};
use crate::connect::amazon::{AwsAccess, HttpAddress, NO_KINESIS, NO_SQS, StreamName};
use crate::connect::decode::Mapping;
use crate::setting::{As, File, Form, SettingError, Time, duration_within};

/// A source of events.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceOptions {
    /// Its name in metrics, in dead letters and in `larder events check --source`.
    pub name: String,
    /// What is read.
    pub kind: SourceKind,
    /// How records become events; none: they are events in Larder's own words.
    pub mappings: Vec<Mapping>,
}

/// What a source reads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceKind {
    /// Files of JSON lines.
    Files(FilesOptions),
    /// A topic.
    Kafka(KafkaOptions),
    /// A stream of Kinesis.
    Kinesis(KinesisOptions),
    /// A queue of SQS.
    Sqs(SqsOptions),
    /// A stream of JetStream.
    Nats(NatsOptions),
}

impl SourceKind {
    /// Why this build cannot read it, and what to do; `None`: it can.
    pub fn missing(&self) -> Option<&'static str> {
        let name = match self {
            Self::Files(_) => "files",
            Self::Kafka(_) => "kafka",
            Self::Kinesis(_) => "kinesis",
            Self::Sqs(_) => "sqs",
            Self::Nats(_) => "nats",
        };
        KindKeys::missing_of(&KINDS, name)
    }
}

/// The kinds by their names, the keys that each has, and those that it cannot do without.
pub const KINDS: [KindKeys; 5] = [
    KindKeys { name: "files", keys: &["dir"], needed: &[("dir", "a directory")], missing: None },
    KindKeys {
        name: "kafka",
        keys: &["brokers", "topic", "start", "security", "mechanism", "user", "password", "ca_file"],
        needed: &[
            ("brokers", "brokers with their ports, such as \"kafka-1:9092\""),
            ("topic", "a topic's name"),
        ],
        missing: if IS_BUILT { None } else { Some(NOT_BUILT) },
    },
    KindKeys {
        name: "kinesis",
        keys: &["stream", "region", "endpoint", "start", "poll_interval"],
        needed: &[("stream", "a stream's name")],
        missing: if cfg!(feature = "kinesis") { None } else { Some(NO_KINESIS) },
    },
    KindKeys {
        name: "sqs",
        keys: &["queue_url", "region", "endpoint"],
        needed: &[("queue_url", "a queue's address")],
        missing: if cfg!(feature = "sqs") { None } else { Some(NO_SQS) },
    },
    KindKeys {
        name: "nats",
        keys: &[
            "servers",
            "stream",
            "subjects",
            "start",
            "user",
            "password",
            "token",
            "credentials_file",
            "ca_file",
        ],
        needed: &[("servers", "servers such as \"nats://nats-1:4222\""), ("stream", "a stream's name")],
        missing: if access::NATS_IS_BUILT { None } else { Some(access::NATS_NOT_BUILT) },
    },
];

/// What the configuration of a kind of source looks like.
#[derive(Debug, Clone, Copy)]
pub struct KindKeys {
    /// The kind.
    pub name: &'static str,
    /// Its own keys.
    pub keys: &'static [&'static str],
    /// Those of them that have no default, and what they are.
    pub needed: &'static [(&'static str, &'static str)],
    /// Why this build does not have it, and what to do.
    pub missing: Option<&'static str>,
}

impl KindKeys {
    /// Why this build does not have the kind of this name; `None`: it does.
    pub(in crate::connect) fn missing_of(kinds: &[Self], name: &str) -> Option<&'static str> {
        kinds.iter().find(|kind| kind.name == name).and_then(|kind| kind.missing)
    }
}

/// A directory of files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FilesOptions {
    /// The directory.
    #[serde(with = "As::<File>")]
    pub dir: PathBuf,
}

/// A topic, and how its cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaOptions {
    /// The cluster.
    pub access: KafkaAccess,
    /// The topic.
    pub topic: String,
    /// Where reading begins.
    pub start: Start,
}

/// What a topic's own keys are; the others are those of [`KafkaAccess`].
#[derive(Debug, Deserialize)]
pub struct TopicKeys {
    /// The topic.
    #[serde(deserialize_with = "Topic::deserialize")]
    pub topic: String,
    /// Where reading begins.
    #[serde(default, with = "As::<Start>")]
    pub start: Start,
}

/// A stream of JetStream, and how its servers are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsOptions {
    /// The servers.
    pub access: NatsAccess,
    /// The stream.
    pub stream: String,
    /// Subjects that are read; none: all of the stream's.
    pub subjects: Vec<String>,
    /// Where reading begins.
    pub start: Start,
}

/// What a stream's own keys are; the others are those of [`NatsAccess`].
#[derive(Debug, Deserialize)]
pub struct JetStreamKeys {
    /// The stream.
    #[serde(with = "As::<access::StreamName>")]
    pub stream: String,
    /// Subjects that are read; none: all of the stream's.
    #[serde(default, with = "As::<Subjects>")]
    pub subjects: Vec<String>,
    /// Where reading begins.
    #[serde(default, with = "As::<Start>")]
    pub start: Start,
}

/// A stream of Kinesis, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KinesisOptions {
    /// Where Kinesis is.
    pub access: AwsAccess,
    /// The stream.
    pub stream: String,
    /// Where reading begins.
    pub start: Start,
    /// Time between two looks at a shard.
    pub poll_interval: Duration,
}

/// What a stream's own keys are; the others are those of [`AwsAccess`].
#[derive(Debug, Deserialize)]
pub struct StreamKeys {
    /// The stream.
    #[serde(deserialize_with = "StreamName::deserialize")]
    pub stream: String,
    /// Where reading begins.
    #[serde(default, with = "As::<Start>")]
    pub start: Start,
    /// Time between two looks at a shard. A shard may be asked five times a second by all who read it together.
    #[serde(default = "second", with = "As::<Time>")]
    pub poll_interval: Duration,
}

fn second() -> Duration {
    Duration::from_secs(1)
}

impl StreamKeys {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), SettingError> {
        let (least, most) = (Duration::from_millis(200), Duration::from_secs(60));
        duration_within("poll_interval", self.poll_interval, least..=most)
    }
}

/// A queue of SQS, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqsOptions {
    /// Where SQS is.
    pub access: AwsAccess,
    /// The queue.
    pub queue_url: String,
}

/// What a queue's own keys are; the others are those of [`AwsAccess`].
#[derive(Debug, Deserialize)]
pub struct QueueKeys {
    /// The queue.
    #[serde(deserialize_with = "HttpAddress::deserialize")]
    pub queue_url: String,
}

/// Where reading a stream begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Start {
    /// At what the served catalogue may not know yet.
    #[default]
    Watermark,
    /// At the oldest record that is still there.
    Earliest,
    /// At what comes from now on.
    Latest,
    /// At this time, in milliseconds since 1970-01-01 UTC.
    At(i64),
}

impl Form for Start {
    type Value = Self;

    const QUOTED: bool = true;

    fn expected() -> String {
        "watermark, earliest, latest, or a time such as \"2026-11-20T08:30:00Z\"".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "watermark" => Some(Self::Watermark),
            "earliest" => Some(Self::Earliest),
            "latest" => Some(Self::Latest),
            time => {
                let time = chrono::DateTime::parse_from_rfc3339(time).ok()?;
                Some(Self::At(time.timestamp_millis()))
            }
        }
    }

    fn show(value: &Self) -> String {
        match value {
            Self::Watermark => "watermark".to_owned(),
            Self::Earliest => "earliest".to_owned(),
            Self::Latest => "latest".to_owned(),
            Self::At(ms) => chrono::DateTime::from_timestamp_millis(*ms).unwrap_or_default().to_rfc3339(),
        }
    }
}

/// Checks a source's name: it stands in metrics and in records of what cannot be used.
///
/// # Errors
/// A name that is empty, too long, or has other letters than plain ones.
pub fn check_name(name: &str) -> Result<(), SettingError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=64).contains(&name.len()) && name.bytes().all(is_plain) {
        return Ok(());
    }
    let expected = "1 to 64 letters, digits, '.', '_', '-'";
    Err(SettingError::new("source.name", format_args!("{name:?}"), expected))
}
