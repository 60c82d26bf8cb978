//! Wiring of sinks: from an `[[events.sink]]` to what takes records.

use crate::artifact::{self, StoreError};
use crate::config::Config;
use crate::connect::sink::{BusOptions, SinkKind, SinkOptions, StreamOptions, TopicOptions};
use crate::exposure::What;
use crate::exposure::sink::{HourlyJsonLines, Lake, Sink, Stdout};

/// Why a sink cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SinkError {
    /// A directory of lines.
    #[error("events.sink {name}: dir {}: {source}", .dir.display())]
    Lines {
        /// The sink.
        name: String,
        /// The directory.
        dir: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A place of Parquet files.
    #[error("events.sink {name}: {source}")]
    Store {
        /// The sink.
        name: String,
        /// What is wrong with it.
        source: StoreError,
    },
    /// A topic.
    #[cfg(feature = "kafka")]
    #[error("events.sink {name}: {source}")]
    Kafka {
        /// The sink.
        name: String,
        /// What is wrong with its cluster.
        source: crate::connect::kafka::KafkaSinkError,
    },
    /// A service of Amazon's.
    #[cfg(any(feature = "kinesis", feature = "firehose", feature = "eventbridge"))]
    #[error("events.sink {name}: cannot start: {source}")]
    Aws {
        /// The sink.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A kind that this build does not have.
    #[cfg(not(all(feature = "kafka", feature = "kinesis", feature = "firehose", feature = "eventbridge")))]
    #[error("events.sink {name}: {reason}")]
    NotBuilt {
        /// The sink.
        name: String,
        /// What to do.
        reason: &'static str,
    },
}

/// Opens the sinks of the file that take `what`.
pub(super) fn open(config: &Config, what: What) -> Result<Vec<Sink>, SinkError> {
    let takes = |options: &&SinkOptions| options.what.contains(&what);
    config.events.sinks.iter().filter(takes).map(|options| open_one(options, &config.s3)).collect()
}

/// Opens a sink, by its kind.
fn open_one(options: &SinkOptions, store: &artifact::OpenOptions) -> Result<Sink, SinkError> {
    let name = options.name.as_str();
    match &options.kind {
        SinkKind::Stdout => Ok(Sink::records(name, Stdout::default())),
        SinkKind::Jsonl(jsonl) => match HourlyJsonLines::open(&jsonl.dir) {
            Ok(lines) => Ok(Sink::records(name, lines)),
            Err(source) => Err(SinkError::Lines { name: name.to_owned(), dir: jsonl.dir.clone(), source }),
        },
        SinkKind::Parquet(parquet) => {
            let options = artifact::OpenOptions { create: true, ..store.clone() };
            let store = artifact::open(&parquet.to, &options)
                .map_err(|source| SinkError::Store { name: name.to_owned(), source })?;
            Ok(Sink::segments(name, Lake::new(store)))
        }
        SinkKind::Kafka(topic) => open_kafka(name, topic),
        SinkKind::Kinesis(stream) => open_kinesis(name, stream),
        SinkKind::Firehose(stream) => open_firehose(name, stream),
        SinkKind::EventBridge(bus) => open_eventbridge(name, bus),
    }
}

#[cfg(feature = "kafka")]
fn open_kafka(name: &str, options: &TopicOptions) -> Result<Sink, SinkError> {
    match crate::connect::kafka::KafkaSink::open(&options.access, &options.topic) {
        Ok(sink) => Ok(Sink::records(name, sink)),
        Err(source) => Err(SinkError::Kafka { name: name.to_owned(), source }),
    }
}

#[cfg(not(feature = "kafka"))]
fn open_kafka(name: &str, _: &TopicOptions) -> Result<Sink, SinkError> {
    Err(SinkError::NotBuilt { name: name.to_owned(), reason: crate::connect::NOT_BUILT })
}

#[cfg(feature = "kinesis")]
fn open_kinesis(name: &str, options: &StreamOptions) -> Result<Sink, SinkError> {
    let service = crate::connect::aws::KinesisSink { stream: options.stream.clone() };
    open_batches(name, &options.access, service)
}

#[cfg(not(feature = "kinesis"))]
fn open_kinesis(name: &str, _: &StreamOptions) -> Result<Sink, SinkError> {
    Err(SinkError::NotBuilt { name: name.to_owned(), reason: crate::connect::NO_KINESIS })
}

#[cfg(feature = "firehose")]
fn open_firehose(name: &str, options: &StreamOptions) -> Result<Sink, SinkError> {
    let service = crate::connect::aws::FirehoseSink { stream: options.stream.clone() };
    open_batches(name, &options.access, service)
}

#[cfg(not(feature = "firehose"))]
fn open_firehose(name: &str, _: &StreamOptions) -> Result<Sink, SinkError> {
    Err(SinkError::NotBuilt { name: name.to_owned(), reason: crate::connect::NO_FIREHOSE })
}

#[cfg(feature = "eventbridge")]
fn open_eventbridge(name: &str, options: &BusOptions) -> Result<Sink, SinkError> {
    let service = crate::connect::aws::EventBridgeSink { keys: options.keys.clone() };
    open_batches(name, &options.access, service)
}

#[cfg(not(feature = "eventbridge"))]
fn open_eventbridge(name: &str, _: &BusOptions) -> Result<Sink, SinkError> {
    Err(SinkError::NotBuilt { name: name.to_owned(), reason: crate::connect::NO_EVENTBRIDGE })
}

#[cfg(any(feature = "kinesis", feature = "firehose", feature = "eventbridge"))]
fn open_batches(
    name: &str,
    access: &crate::connect::AwsAccess,
    service: impl crate::connect::aws::Batches + 'static,
) -> Result<Sink, SinkError> {
    match crate::connect::aws::BatchSink::open(access, service) {
        Ok(sink) => Ok(Sink::records(name, sink)),
        Err(source) => Err(SinkError::Aws { name: name.to_owned(), source }),
    }
}
