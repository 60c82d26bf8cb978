//! One `[[events.sink]]`: what goes there, and what its kind needs to know.

use std::path::PathBuf;

use serde::Deserialize;

use crate::connect::access::{IS_BUILT, KafkaAccess, NOT_BUILT, Topic};
use crate::connect::amazon::{AwsAccess, NO_EVENTBRIDGE, NO_FIREHOSE, NO_KINESIS, StreamName};
use crate::connect::source::KindKeys;
use crate::exposure::What;
use crate::setting::{As, File, SettingError, Text, number_within};

/// A place where records go.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkOptions {
    /// Its name in metrics, logs and the names of cursor files.
    pub name: String,
    /// What goes there.
    pub what: Vec<What>,
    /// Where that is.
    pub kind: SinkKind,
}

/// Where records go.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SinkKind {
    /// Standard output.
    Stdout,
    /// Files of JSON lines in a directory.
    Jsonl(JsonlOptions),
    /// Parquet in a directory or an object store.
    Parquet(ParquetOptions),
    /// A topic.
    Kafka(TopicOptions),
    /// A stream of Kinesis.
    Kinesis(StreamOptions),
    /// A stream of Firehose.
    Firehose(StreamOptions),
    /// A bus of EventBridge.
    EventBridge(BusOptions),
}

impl SinkKind {
    /// Why this build cannot send there, and what to do; `None`: it can.
    pub fn missing(&self) -> Option<&'static str> {
        let name = match self {
            Self::Stdout => "stdout",
            Self::Jsonl(_) => "jsonl",
            Self::Parquet(_) => "parquet",
            Self::Kafka(_) => "kafka",
            Self::Kinesis(_) => "kinesis",
            Self::Firehose(_) => "firehose",
            Self::EventBridge(_) => "eventbridge",
        };
        KindKeys::missing_of(&KINDS, name)
    }

    /// Whether it can only be served from a spool: one that takes whole segments, and one that may be away, which would
    /// hold up the others.
    pub fn needs_spool(&self) -> bool {
        match self {
            Self::Stdout | Self::Jsonl(_) => false,
            Self::Parquet(_) | Self::Kafka(_) => true,
            Self::Kinesis(_) | Self::Firehose(_) | Self::EventBridge(_) => true,
        }
    }
}

/// The kinds by their names, the keys that each has, and those that it cannot do without.
pub const KINDS: [KindKeys; 7] = [
    KindKeys { name: "jsonl", keys: &["dir"], needed: &[("dir", "a directory")], missing: None },
    KindKeys {
        name: "parquet",
        keys: &["to"],
        needed: &[("to", "a directory or s3://bucket/prefix")],
        missing: None,
    },
    KindKeys { name: "stdout", keys: &[], needed: &[], missing: None },
    KindKeys {
        name: "kafka",
        keys: &["brokers", "topic", "security", "mechanism", "user", "password", "ca_file"],
        needed: &[
            ("brokers", "brokers with their ports, such as \"kafka-1:9092\""),
            ("topic", "a topic's name"),
        ],
        missing: if IS_BUILT { None } else { Some(NOT_BUILT) },
    },
    KindKeys {
        name: "kinesis",
        keys: &["stream", "region", "endpoint"],
        needed: &[("stream", "a stream's name")],
        missing: if cfg!(feature = "kinesis") { None } else { Some(NO_KINESIS) },
    },
    KindKeys {
        name: "firehose",
        keys: &["stream", "region", "endpoint"],
        needed: &[("stream", "a stream's name")],
        missing: if cfg!(feature = "firehose") { None } else { Some(NO_FIREHOSE) },
    },
    KindKeys {
        name: "eventbridge",
        keys: &["bus", "source", "detail_type", "sample", "region", "endpoint"],
        needed: &[("bus", "a bus, by name or ARN")],
        missing: if cfg!(feature = "eventbridge") { None } else { Some(NO_EVENTBRIDGE) },
    },
];

/// A directory for files of lines.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct JsonlOptions {
    /// The directory.
    #[serde(with = "As::<File>")]
    pub dir: PathBuf,
}

/// A place for Parquet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ParquetOptions {
    /// A directory, or `s3://bucket/prefix`.
    #[serde(with = "As::<Text>")]
    pub to: String,
}

/// A topic, and how its cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicOptions {
    /// The cluster.
    pub access: KafkaAccess,
    /// The topic.
    pub topic: String,
}

/// A topic's own keys; the others are those of [`KafkaAccess`].
#[derive(Debug, Deserialize)]
pub struct TopicName {
    /// The topic.
    #[serde(deserialize_with = "Topic::deserialize")]
    pub topic: String,
}

/// A stream, and how its service is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamOptions {
    /// The service.
    pub access: AwsAccess,
    /// The stream.
    pub stream: String,
}

/// A stream's own keys; the others are those of [`AwsAccess`].
#[derive(Debug, Deserialize)]
pub struct StreamKey {
    /// The stream.
    #[serde(deserialize_with = "StreamName::deserialize")]
    pub stream: String,
}

/// A bus, what events on it look like, and how EventBridge is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct BusOptions {
    /// EventBridge.
    pub access: AwsAccess,
    /// The others.
    pub keys: BusKeys,
}

/// A bus's own keys; the others are those of [`AwsAccess`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct BusKeys {
    /// The bus, by name or ARN.
    #[serde(with = "As::<Text>")]
    pub bus: String,
    /// The events' `source`.
    #[serde(default = "larder", with = "As::<Text>")]
    pub source: String,
    /// The events' `detail-type`.
    #[serde(default = "slate_shown", with = "As::<Text>")]
    pub detail_type: String,
    /// The share of recommendations that are sent, from 0 to 1.
    #[serde(default = "all")]
    pub sample: f64,
}

impl BusKeys {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), SettingError> {
        number_within("sample", self.sample, 0.0..=1.0)
    }
}

fn larder() -> String {
    "larder".to_owned()
}

fn slate_shown() -> String {
    "Slate Shown".to_owned()
}

fn all() -> f64 {
    1.0
}

/// The key `what`.
#[derive(Debug, Deserialize)]
pub struct Whats {
    /// What goes to a sink.
    #[serde(default = "exposures")]
    pub what: Vec<What>,
}

fn exposures() -> Vec<What> {
    vec![What::Exposures]
}
