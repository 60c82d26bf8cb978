//! Where events are read from: one file for each kind of source.

#[cfg(any(feature = "kafka", feature = "nats", feature = "kinesis"))]
mod begin;
mod files;
#[cfg(any(feature = "kafka", feature = "nats", feature = "kinesis", feature = "sqs"))]
mod inbox;
mod options;
mod reader;

use std::io;
use std::time::Duration;

use super::Record;

#[cfg(any(feature = "kafka", feature = "nats", feature = "kinesis"))]
pub(super) use begin::Begin;
#[cfg(any(feature = "kafka", feature = "nats", feature = "kinesis", feature = "sqs"))]
pub(super) use inbox::Inbox;

pub use files::FilesSource;
pub use options::{
    FilesOptions, JetStreamKeys, KINDS, KafkaOptions, KindKeys, KinesisOptions, NatsOptions, QueueKeys,
    SourceKind, SourceOptions, SqsOptions, Start, StreamKeys, TopicKeys, check_name,
};
pub use reader::{Deliver, Reader, Stopped};

/// Somewhere that events are read from, in order, by everybody who reads it: there are no groups and nothing is
/// acknowledged. A source knows its own positions.
pub trait EventSource: Send {
    /// Tells, before the first poll, since when the served catalogue may not know what happened, in milliseconds since
    /// 1970; `None`: it does not say. A source that can find records by their time begins there.
    fn seek(&mut self, since_ms: Option<i64>) {
        let _ = since_ms;
    }

    /// Hands the records that have come since the last call to `each`, a bounded number of them; waits up to `wait` for
    /// the first.
    ///
    /// # Errors
    /// What the source cannot be read for. It is asked again later, from where it was.
    fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(&Record<'_>)) -> Result<Polled, SourceError>;
}

/// How a look at a source went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polled {
    /// Whether all is read that was there when the source was opened.
    pub caught_up: bool,
    /// Whether more is there already.
    pub more: bool,
}

/// Why a source cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A file or directory of a source of files.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A kind of source that this build does not have.
    #[error("source {name}: {reason}")]
    NotBuilt {
        /// The source.
        name: String,
        /// What is missing, and what to do.
        reason: &'static str,
    },
    /// A client cannot be made ready.
    #[error("source {name}: {reason}")]
    Client {
        /// The source.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The task that reads a service is over, by a fault of its own.
    #[error("source {name}: what reads it has failed, and begins again where it began at first")]
    Ended {
        /// The source.
        name: String,
    },
}

#[cfg(any(feature = "kafka", feature = "nats", feature = "kinesis", feature = "sqs"))]
impl SourceError {
    /// Why a client cannot be made ready.
    pub(super) fn client(name: &str, error: &dyn std::error::Error) -> Self {
        Self::Client { name: name.to_owned(), reason: error.to_string() }
    }
}
