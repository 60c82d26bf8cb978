//! Wiring of what goes out: from an `[[events.sink]]` to what takes records, and from a queue to its sinks.

use std::sync::Arc;

use crate::artifact::{self, StoreError};
use crate::config::Config;
use crate::connect::sink::{SinkKind, SinkOptions};
use crate::exposure::sink::{HourlyJsonLines, Lake, Sink, Stdout};
use crate::exposure::{
    self, Counters, Exposures, Forgotten, Outbox, Outgoing, Person, StartError, What, Writer,
};
use crate::live::recent::{Recent, SubjectId, tick_of};

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

/// All that goes out, and the threads that bring it out.
#[derive(Debug, Default)]
pub(super) struct GoingOut {
    pub(super) exposures: Option<Exposures>,
    pub(super) events: Option<Outbox>,
    pub(super) dead: Option<Outbox>,
    /// What becomes of each kind of records that goes anywhere.
    pub(super) counters: Vec<(What, Arc<Counters>)>,
    pub(super) writers: Vec<Writer>,
}

/// Why nothing can go out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutError {
    /// A sink cannot be opened.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A queue or spool cannot be opened.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl GoingOut {
    /// Opens what the configuration has sinks for.
    pub(super) fn open(config: &Config, recent: &Arc<Recent>) -> Result<Self, OutError> {
        let forgotten: Arc<dyn Forgotten> = Arc::new(Tombstones(Arc::clone(recent)));
        let (exposure, spool) = (&config.exposure, &config.spool);
        let outgoing = Outgoing { exposure, spool, forgotten: Some(forgotten) };
        // Before any thread is started, so that one that cannot be opened leaves all as it is.
        let sinks = |what| open(config, what);
        let (shown, events, dead) = (sinks(What::Exposures)?, sinks(What::Events)?, sinks(What::Dead)?);
        let mut out = Self::default();
        if let Some((exposures, writer)) = exposure::start(&outgoing, &config.s3, shown)? {
            out.add(What::Exposures, exposures.counters(), writer);
            out.exposures = Some(exposures);
        }
        if let Some((outbox, writer)) = outgoing.outbox(What::Events, events)? {
            out.add(What::Events, outbox.counters(), writer);
            out.events = Some(outbox);
        }
        if let Some((outbox, writer)) = outgoing.outbox(What::Dead, dead)? {
            out.add(What::Dead, outbox.counters(), writer);
            out.dead = Some(outbox);
        }
        Ok(out)
    }

    fn add(&mut self, what: What, counters: &Arc<Counters>, writer: Writer) {
        self.counters.push((what, Arc::clone(counters)));
        self.writers.push(writer);
    }
}

/// Who was forgotten, as what is known of people remembers it.
#[derive(Debug)]
struct Tombstones(Arc<Recent>);

impl Forgotten for Tombstones {
    fn is_anybody(&self) -> bool {
        self.0.stats().forgotten.used > 0
    }

    fn is(&self, person: Person<'_>, time_ms: i64) -> bool {
        let subject = match person {
            Person::User(id) => SubjectId::User(id),
            Person::Visitor(id) => SubjectId::Visitor(id),
            Person::Session(id) => SubjectId::Session(id),
        };
        self.0.forgotten_until(subject).is_some_and(|tick| tick_of(time_ms) <= tick)
    }
}

/// Opens the sinks of the file that take `what`.
fn open(config: &Config, what: What) -> Result<Vec<Sink>, SinkError> {
    let takes = |options: &&SinkOptions| options.what.contains(&what);
    config.events.sinks.iter().filter(takes).map(|options| open_one(options, what, &config.s3)).collect()
}

/// Opens a sink, by its kind.
fn open_one(options: &SinkOptions, what: What, store: &artifact::OpenOptions) -> Result<Sink, SinkError> {
    let name = options.name.as_str();
    match &options.kind {
        SinkKind::Stdout => Ok(Sink::records(name, Stdout::default())),
        SinkKind::Jsonl(jsonl) => match HourlyJsonLines::open(&jsonl.dir, what) {
            Ok(lines) => Ok(Sink::records(name, lines)),
            Err(source) => Err(SinkError::Lines { name: name.to_owned(), dir: jsonl.dir.clone(), source }),
        },
        SinkKind::Parquet(parquet) => {
            let options = artifact::OpenOptions { create: true, ..store.clone() };
            let store = artifact::open(&parquet.to, &options)
                .map_err(|source| SinkError::Store { name: name.to_owned(), source })?;
            Ok(Sink::segments(name, Lake::new(store, what)))
        }
        #[cfg(feature = "kafka")]
        SinkKind::Kafka(topic) => {
            match crate::connect::kafka::KafkaSink::open(&topic.access, &topic.topic, what) {
                Ok(sink) => Ok(Sink::records(name, sink)),
                Err(source) => Err(SinkError::Kafka { name: name.to_owned(), source }),
            }
        }
        #[cfg(feature = "kinesis")]
        SinkKind::Kinesis(to) => {
            let service = crate::connect::aws::KinesisSink { stream: to.stream.clone() };
            open_batches(name, &to.access, service, what)
        }
        #[cfg(feature = "firehose")]
        SinkKind::Firehose(to) => {
            let service = crate::connect::aws::FirehoseSink { stream: to.stream.clone() };
            open_batches(name, &to.access, service, what)
        }
        #[cfg(feature = "eventbridge")]
        SinkKind::EventBridge(bus) => {
            let service = crate::connect::aws::EventBridgeSink { keys: bus.keys.clone() };
            open_batches(name, &bus.access, service, what)
        }
        #[cfg(not(all(
            feature = "kafka",
            feature = "kinesis",
            feature = "firehose",
            feature = "eventbridge"
        )))]
        other => {
            let reason = other.missing().unwrap_or_default();
            Err(SinkError::NotBuilt { name: name.to_owned(), reason })
        }
    }
}

#[cfg(any(feature = "kinesis", feature = "firehose", feature = "eventbridge"))]
fn open_batches(
    name: &str,
    access: &crate::connect::AwsAccess,
    service: impl crate::connect::aws::Batches + 'static,
    what: What,
) -> Result<Sink, SinkError> {
    match crate::connect::aws::BatchSink::open(access, service, what) {
        Ok(sink) => Ok(Sink::records(name, sink)),
        Err(source) => Err(SinkError::Aws { name: name.to_owned(), source }),
    }
}
