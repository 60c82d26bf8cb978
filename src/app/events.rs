//! Wiring of events: sources are read, what they say is applied, and what they cannot say is kept.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::recording::recorder;
use crate::config::Config;
use crate::connect::dead::{DEAD_LETTERS, DeadError, DeadLetters, DeadOptions, PersonalPayloads};
use crate::connect::decode::{Decoded, Decoder, MappingError, Poison};
use crate::connect::source::{
    EventSource, FilesOptions, FilesSource, KafkaOptions, KinesisOptions, NatsOptions, Reader, SourceError,
    SourceKind, SourceOptions, SqsOptions, Stopped,
};
use crate::connect::{Record as EventRecord, encode};
use crate::domain::{Event, EventKind};
use crate::exposure::Outbox;
use crate::live::{Backlog, EventCounts, ForgottenError};
use crate::recommender::{Applier, EventBatch, EventOutcome, EventQueue, LiveState, View};
use crate::snapshot::{LookNow, Registry};

/// How long a source waits for the first snapshot between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// The file in the cache directory that says who was forgotten.
pub(super) const FORGOTTEN: &str = "forgotten.jsonl";

/// What events need, before anything runs.
#[derive(Debug)]
pub(super) struct Events {
    pub(super) state: Arc<LiveState>,
    pub(super) backlog: Arc<Backlog>,
    pub(super) counts: Arc<EventCounts>,
    queue: EventQueue,
    applier: Applier,
    readers: Vec<Reader>,
    views: Arc<Registry<View>>,
}

/// Where events go besides.
#[derive(Debug, Default)]
pub(super) struct Outboxes {
    /// Those that callers record.
    pub(super) events: Option<Outbox>,
    /// Those that cannot be used.
    pub(super) dead: Option<Outbox>,
}

/// The threads that read and apply events.
#[derive(Debug)]
pub(super) struct Running {
    stop: Vec<SyncSender<()>>,
    readers: Vec<JoinHandle<()>>,
    applier: JoinHandle<()>,
}

/// Why events cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EventsError {
    /// A source cannot be opened.
    #[error("events: {0}")]
    Source(#[from] SourceError),
    /// A source's mappings cannot be used.
    #[error("events: source {name}: {source}")]
    Mappings {
        /// The source.
        name: String,
        /// What is wrong with them.
        source: MappingError,
    },
    /// There is no place for events that cannot be used.
    #[error("events.dead_dir: {0}")]
    Dead(#[from] DeadError),
    /// Nothing says where they go.
    #[error(
        "events.dead_dir is none, and there is no cache_dir, because neither XDG_CACHE_HOME nor HOME names one: set \
         events.dead_dir or cache_dir"
    )]
    NoDeadDir,
    /// It is not known who was forgotten.
    #[error("{0}")]
    Forgotten(#[from] ForgottenError),
}

impl Events {
    /// Opens the sources. `look_now` is told when an event says that the channel may have changed.
    pub(super) fn open(
        config: &Config,
        views: &Arc<Registry<View>>,
        state: Arc<LiveState>,
        outboxes: Outboxes,
        look_now: SyncSender<LookNow>,
    ) -> Result<Self, EventsError> {
        let counts: Arc<EventCounts> = Arc::default();
        let sources = config.events.all_sources();
        // What callers record is refused at once and no dead letter: without a source there is nothing to keep, and so
        // no directory that would have to be writable.
        let dead = if sources.is_empty() { None } else { Some(open_dead_letters(config, outboxes.dead)?) };
        let others = Box::new(move |event: &Event| match event.kind {
            EventKind::SnapshotPublished => {
                let _ = look_now.try_send(LookNow); // one that waits is enough
                EventOutcome::Applied
            }
            _ => EventOutcome::NotOfItem,
        });
        let interval = config.live.publish_interval;
        let record = recorder(config, outboxes.events);
        let (queue, applier) =
            Applier::new(Arc::clone(&state), Arc::clone(&counts), interval, others, record);
        let names = sources.iter().map(|source| Arc::from(&*source.name));
        let backlog = Arc::new(Backlog::new(names, config.events.ready_wait));
        let mut readers = Vec::new();
        for (options, dead) in sources.iter().flat_map(|options| dead.as_ref().map(|dead| (options, dead))) {
            let name: Arc<str> = options.name.as_str().into();
            let decoder = Decoder::new(&options.mappings)
                .map_err(|source| EventsError::Mappings { name: options.name.clone(), source })?;
            readers.push(Reader {
                source: open(options, &counts)?,
                decoder,
                deliver: deliver(queue.clone(), Arc::clone(&name), Arc::clone(dead)),
                dead: Arc::clone(dead),
                counts: Arc::clone(&counts),
                interval: config.events.poll_interval,
                caught_up: Some(caught_up(queue.clone(), Arc::clone(&name), Arc::clone(&backlog))),
                name,
            });
        }
        Ok(Self { state, backlog, counts, queue, applier, readers, views: Arc::clone(views) })
    }

    /// The way for events that callers record.
    pub(super) fn queue(&self) -> EventQueue {
        self.queue.clone()
    }

    /// Starts the threads.
    pub(super) fn start(self) -> std::io::Result<Running> {
        let Self { backlog, applier, readers, views, .. } = self;
        let applier = thread::Builder::new().name("larder-apply".to_owned()).spawn(move || applier.run())?;
        let (mut stop, mut threads) = (Vec::new(), Vec::new());
        for mut reader in readers {
            let (sender, stopped) = sync_channel(1);
            let (views, backlog) = (Arc::clone(&views), Arc::clone(&backlog));
            let name = format!("larder-events-{}", threads.len());
            let work = move || {
                // Not before: what an event may say is up to the catalogue that is served.
                while views.current().is_none() {
                    if wait(&stopped, LOOK).is_err() {
                        return;
                    }
                }
                backlog.begin();
                if let Some(view) = views.current() {
                    reader.source.seek(view.catalog_known_until_ms());
                }
                reader.run(|time| wait(&stopped, time));
            };
            threads.push(thread::Builder::new().name(name).spawn(work)?);
            stop.push(sender);
        }
        Ok(Running { stop, readers: threads, applier })
    }
}

impl Running {
    /// Stops reading, applies what was read, and returns when that is done. Every queue must be dropped by then.
    pub(super) fn finish(self) {
        drop(self.stop);
        for reader in self.readers {
            let _ = reader.join();
        }
        let _ = self.applier.join();
    }
}

fn open_dead_letters(
    config: &Config,
    outbox: Option<Outbox>,
) -> Result<Arc<Mutex<DeadLetters>>, EventsError> {
    let dir = match &config.events.dead_dir {
        Some(dir) => dir.clone(),
        None if config.cache_dir.as_os_str().is_empty() => return Err(EventsError::NoDeadDir),
        None => config.cache_dir.join(DEAD_LETTERS),
    };
    let (max, personal) = (config.events.dead_max, PersonalPayloads::default());
    let dead = DeadLetters::open(DeadOptions { dir, max, personal })?;
    Ok(Arc::new(Mutex::new(dead.with_outbox(outbox))))
}

/// Opens a source, by its kind.
pub(crate) fn open(
    options: &SourceOptions,
    counts: &Arc<EventCounts>,
) -> Result<Box<dyn EventSource>, SourceError> {
    match &options.kind {
        SourceKind::Files(files) => open_files(&options.name, files),
        SourceKind::Kafka(kafka) => open_kafka(&options.name, kafka, counts),
        SourceKind::Nats(nats) => open_nats(&options.name, nats, counts),
        SourceKind::Kinesis(kinesis) => open_kinesis(&options.name, kinesis, counts),
        SourceKind::Sqs(sqs) => open_sqs(&options.name, sqs, counts),
    }
}

fn open_files(name: &str, options: &FilesOptions) -> Result<Box<dyn EventSource>, SourceError> {
    Ok(Box::new(FilesSource::open(name, &options.dir)?))
}

#[cfg(feature = "kafka")]
fn open_kafka(
    name: &str,
    options: &KafkaOptions,
    counts: &Arc<EventCounts>,
) -> Result<Box<dyn EventSource>, SourceError> {
    Ok(Box::new(crate::connect::kafka::KafkaSource::open(name, options, Arc::clone(counts))?))
}

#[cfg(not(feature = "kafka"))]
fn open_kafka(
    name: &str,
    _: &KafkaOptions,
    _: &Arc<EventCounts>,
) -> Result<Box<dyn EventSource>, SourceError> {
    Err(SourceError::NotBuilt { name: name.to_owned(), reason: crate::connect::NOT_BUILT })
}

#[cfg(feature = "nats")]
fn open_nats(
    name: &str,
    options: &NatsOptions,
    counts: &Arc<EventCounts>,
) -> Result<Box<dyn EventSource>, SourceError> {
    Ok(Box::new(crate::connect::nats::NatsSource::open(name, options, Arc::clone(counts))?))
}

#[cfg(not(feature = "nats"))]
fn open_nats(name: &str, _: &NatsOptions, _: &Arc<EventCounts>) -> Result<Box<dyn EventSource>, SourceError> {
    Err(SourceError::NotBuilt { name: name.to_owned(), reason: crate::connect::NATS_NOT_BUILT })
}

#[cfg(feature = "kinesis")]
fn open_kinesis(
    name: &str,
    options: &KinesisOptions,
    counts: &Arc<EventCounts>,
) -> Result<Box<dyn EventSource>, SourceError> {
    Ok(Box::new(crate::connect::aws::KinesisSource::open(name, options, Arc::clone(counts))?))
}

#[cfg(not(feature = "kinesis"))]
fn open_kinesis(
    name: &str,
    _: &KinesisOptions,
    _: &Arc<EventCounts>,
) -> Result<Box<dyn EventSource>, SourceError> {
    Err(SourceError::NotBuilt { name: name.to_owned(), reason: crate::connect::NO_KINESIS })
}

#[cfg(feature = "sqs")]
fn open_sqs(
    name: &str,
    options: &SqsOptions,
    counts: &Arc<EventCounts>,
) -> Result<Box<dyn EventSource>, SourceError> {
    Ok(Box::new(crate::connect::aws::SqsSource::open(name, options, Arc::clone(counts))?))
}

#[cfg(not(feature = "sqs"))]
fn open_sqs(name: &str, _: &SqsOptions, _: &Arc<EventCounts>) -> Result<Box<dyn EventSource>, SourceError> {
    Err(SourceError::NotBuilt { name: name.to_owned(), reason: crate::connect::NO_SQS })
}

/// Tells, behind all that was delivered before, that a source has caught up: when that is applied, so is its backlog.
fn caught_up(queue: EventQueue, name: Arc<str>, backlog: Arc<Backlog>) -> Box<dyn FnOnce() + Send> {
    Box::new(move || {
        let source = Arc::clone(&name);
        let _ = queue.send(EventBatch::mark(&source, move || backlog.caught_up(&name)));
    })
}

fn wait(stopped: &Receiver<()>, time: Duration) -> Result<(), Stopped> {
    if time.is_zero() {
        return if stopped.try_recv() == Err(TryRecvError::Empty) { Ok(()) } else { Err(Stopped) };
    }
    if stopped.recv_timeout(time) == Err(RecvTimeoutError::Timeout) { Ok(()) } else { Err(Stopped) }
}

/// Hands the events of a source to the applier; those that it cannot apply become dead letters.
fn deliver(
    queue: EventQueue,
    source: Arc<str>,
    dead: Arc<Mutex<DeadLetters>>,
) -> Box<dyn FnMut(Vec<Event>, Instant) -> Result<(), Stopped> + Send> {
    Box::new(move |events, arrived| {
        let (name, dead) = (Arc::clone(&source), Arc::clone(&dead));
        let done = Box::new(move |events: &[Event], outcomes: Vec<EventOutcome>, _| {
            bury(&name, events, &outcomes, &dead);
        });
        queue
            .send(EventBatch {
                source: Arc::clone(&source),
                events,
                arrived,
                record: false,
                done: Some(done),
            })
            .map_err(|_| Stopped)
    })
}

/// Keeps events that could be read and not be applied.
fn bury(source: &str, events: &[Event], outcomes: &[EventOutcome], dead: &Mutex<DeadLetters>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
    for (event, outcome) in events.iter().zip(outcomes) {
        let Some(reason) = outcome.reason() else { continue };
        let body = encode(event);
        let decoded = Decoded {
            poison: vec![Poison::not_applied(reason, outcome.message())],
            names_a_person: event.user_id.is_some()
                || event.visitor_id.is_some()
                || event.session_id.is_some(),
            ..Decoded::default()
        };
        let mut dead = dead.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = dead.write(&EventRecord::new(source, &body), &decoded, now) {
            tracing::error!(source, %error, "a dead letter was not kept");
        }
    }
}
