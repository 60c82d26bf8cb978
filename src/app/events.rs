//! Wiring of events: sources are read, what they say is applied, and what they cannot say is kept.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::dead::{Dead, NoDead, keeps_of_callers};
use super::recording::recorder;
use super::sources::open;
use crate::config::Config;
use crate::connect::decode::{Decoder, MappingError};
use crate::connect::source::{Reader, SourceError, Stopped};
use crate::domain::{Event, EventKind};
use crate::exposure::Outbox;
use crate::live::{Backlog, EventCounts};
use crate::recommender::{Applier, EventBatch, EventOutcome, EventQueue, LiveState, View};
use crate::snapshot::{LookNow, Registry};

/// How long a source waits for the first snapshot between two looks.
const LOOK: Duration = Duration::from_millis(20);

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
    #[error("{0}")]
    Dead(#[from] NoDead),
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
        let dead = Dead::open(config, outboxes.dead)?;
        let others = Box::new(move |event: &Event| match event.kind {
            EventKind::SnapshotPublished => {
                let _ = look_now.try_send(LookNow); // one that waits is enough
                EventOutcome::Applied
            }
            _ => EventOutcome::NotOfItem,
        });
        let interval = config.live.publish_interval;
        let record =
            recorder(config, outboxes.events, dead.clone().filter(|_| keeps_of_callers(&config.events)));
        let (queue, applier) =
            Applier::new(Arc::clone(&state), Arc::clone(&counts), interval, others, record);
        let names = sources.iter().map(|source| Arc::from(&*source.name));
        let backlog = Arc::new(Backlog::new(names, config.events.ready_wait));
        let mut readers = Vec::new();
        // Where there is a source, there is a place for dead letters.
        for (options, dead) in sources.iter().filter_map(|options| Some((options, dead.as_ref()?))) {
            let name: Arc<str> = options.name.as_str().into();
            let decoder = Decoder::new(&options.mappings)
                .map_err(|source| EventsError::Mappings { name: options.name.clone(), source })?;
            readers.push(Reader {
                source: open(options, &counts)?,
                decoder,
                deliver: deliver(queue.clone(), Arc::clone(&name), dead.clone()),
                dead: dead.letters(),
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
        let apply = move || {
            yield_to_answers();
            applier.run();
        };
        let applier = thread::Builder::new().name("larder-apply".to_owned()).spawn(apply)?;
        let (mut stop, mut threads) = (Vec::new(), Vec::new());
        for mut reader in readers {
            let (sender, stopped) = sync_channel(1);
            let (views, backlog) = (Arc::clone(&views), Arc::clone(&backlog));
            let name = format!("larder-events-{}", threads.len());
            let work = move || {
                yield_to_answers();
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
    dead: Dead,
) -> Box<dyn FnMut(Vec<Event>, Instant) -> Result<(), Stopped> + Send> {
    Box::new(move |events, arrived| {
        let (name, dead) = (Arc::clone(&source), dead.clone());
        let done = Box::new(move |events: &[Event], outcomes: Vec<EventOutcome>, _| {
            dead.not_applied(&name, events.iter().zip(&outcomes));
        });
        queue
            .send(EventBatch {
                source: Arc::clone(&source),
                events,
                arrived,
                no_events: Vec::new(),
                record: false,
                done: Some(done),
            })
            .map_err(|_| Stopped)
    })
}

/// On Linux this sets the calling thread only: an event can wait for a millisecond rather than an answer. Far from
/// nothing of a busy machine is left to it, or a stream would be fallen behind on. Without the right to, it does not.
fn yield_to_answers() {
    let _ = rustix::process::setpriority_process(None, 5);
}
