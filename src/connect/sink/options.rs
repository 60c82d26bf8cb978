//! One `[[events.sink]]`: what goes there, and what its kind needs to know.

use std::path::PathBuf;

use serde::Deserialize;

use crate::connect::access::{IS_BUILT, KafkaAccess, NOT_BUILT, Topic};
use crate::connect::source::KindKeys;
use crate::exposure::What;
use crate::setting::{As, File, Text};

/// A place where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkOptions {
    /// Its name in metrics, logs and the names of cursor files.
    pub name: String,
    /// What goes there.
    pub what: Vec<What>,
    /// Where that is.
    pub kind: SinkKind,
}

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

impl SinkKind {
    /// Whether it can only be served from a spool: one that takes whole segments, and one that may be away, which would
    /// hold up the others.
    pub fn needs_spool(&self) -> bool {
        match self {
            Self::Stdout | Self::Jsonl(_) => false,
            Self::Parquet(_) | Self::Kafka(_) => true,
        }
    }
}

/// The kinds by their names, the keys that each has, and those that it cannot do without.
pub const KINDS: [KindKeys; 4] = [
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
