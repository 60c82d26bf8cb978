//! A dead letter: a line of JSON about one event that could not be used.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};

use crate::connect::Record;
use crate::connect::decode::Poison;

/// One event that could not be used, and where it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The source's name.
    pub source: String,
    /// The partition.
    pub partition: String,
    /// The place in the partition.
    pub position: String,
    /// When it arrived, RFC 3339.
    pub arrived: String,
    /// Which event of the record it is, from 0.
    #[serde(default)]
    pub event: usize,
    /// The stable name of the reason.
    pub reason: String,
    /// The pointer of what is at fault.
    pub field: String,
    /// What is wrong, for people.
    pub message: String,
    /// What is needed to decode the record again. It is with the first letter of a record only, and with none where the
    /// record seems to name a person and such are not to be kept.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

/// The record itself, in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The body.
    pub payload: String,
    /// The key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Names of headers and their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
}

impl DeadLetter {
    /// The letter about one event of a record.
    pub(super) fn new(
        record: &Record<'_>,
        poison: &Poison,
        arrived_ms: i64,
        content: Option<Content>,
    ) -> Self {
        let arrived = DateTime::from_timestamp_millis(arrived_ms).unwrap_or_default();
        Self {
            source: record.source.to_owned(),
            partition: record.partition.to_owned(),
            position: record.position.to_string(),
            arrived: arrived.to_rfc3339_opts(SecondsFormat::Millis, true),
            event: poison.event,
            reason: poison.reason.as_str().to_owned(),
            field: poison.field.clone(),
            message: poison.message.clone(),
            content,
        }
    }

    /// The body of the record, if it was kept and is what was written.
    pub fn body(&self) -> Option<Vec<u8>> {
        STANDARD.decode(&self.content.as_ref()?.payload).ok()
    }
}

impl Content {
    pub(super) fn new(record: &Record<'_>) -> Self {
        let header = |(name, value): &(&str, &[u8])| ((*name).to_owned(), STANDARD.encode(value));
        Self {
            payload: STANDARD.encode(record.body),
            key: record.key.map(|key| STANDARD.encode(key)),
            headers: record.headers.iter().map(header).collect(),
        }
    }
}
