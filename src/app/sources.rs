//! Wiring of sources: from an `[[events.source]]` to what is polled.

use std::sync::Arc;

use crate::connect::source::{EventSource, FilesSource, SourceError, SourceKind, SourceOptions};
use crate::live::EventCounts;

/// Opens a source, by its kind.
#[cfg_attr(
    not(any(feature = "kafka", feature = "nats", feature = "kinesis", feature = "sqs")),
    allow(unused_variables, reason = "a directory of files has nothing to count by itself")
)]
pub(crate) fn open(
    options: &SourceOptions,
    counts: &Arc<EventCounts>,
) -> Result<Box<dyn EventSource>, SourceError> {
    let name = options.name.as_str();
    let counts = Arc::clone(counts);
    match &options.kind {
        SourceKind::Files(files) => Ok(Box::new(FilesSource::open(name, &files.dir)?)),
        #[cfg(feature = "kafka")]
        SourceKind::Kafka(topic) => {
            Ok(Box::new(crate::connect::kafka::KafkaSource::open(name, topic, counts)?))
        }
        #[cfg(feature = "nats")]
        SourceKind::Nats(stream) => {
            Ok(Box::new(crate::connect::nats::NatsSource::open(name, stream, counts)?))
        }
        #[cfg(feature = "kinesis")]
        SourceKind::Kinesis(stream) => {
            Ok(Box::new(crate::connect::aws::KinesisSource::open(name, stream, counts)?))
        }
        #[cfg(feature = "sqs")]
        SourceKind::Sqs(queue) => Ok(Box::new(crate::connect::aws::SqsSource::open(name, queue, counts)?)),
        #[cfg(not(all(feature = "kafka", feature = "nats", feature = "kinesis", feature = "sqs")))]
        other => {
            let reason = other.missing().unwrap_or_default();
            Err(SourceError::NotBuilt { name: name.to_owned(), reason })
        }
    }
}
