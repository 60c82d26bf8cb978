//! Wiring only: from a configuration to a running server.

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};

use thiserror::Error;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

mod dead;
mod descriptors;
mod events;
mod identity;
mod recording;
mod signals;
mod sinks;
mod size_limits;
mod sources;

use crate::artifact::{FetchError, StoreError, open};
use crate::config::Config;
use crate::exposure::Writer;
use crate::live::ForgottenError;
use crate::pipeline::Stages;
use crate::recommender::{LiveState, Recommender, View};
use crate::server::identity::AuditError;
use crate::server::reload::{ReloadError, Reloader};
use crate::server::tls::TlsError;
use crate::server::{self, Admin, AdminService, Control, ControlAddr, ControlPlane, Listeners, ServerError};
use crate::snapshot::{
    LookNow, Prepare, Quarantine, RefreshOptions, Refresher, Registry, SnapshotError, Source, open_cache,
};
use crate::telemetry::{self, LogOutput, MetricsError, MetricsRegistry, ServingThreads, Sources};
use events::{Events, EventsError, Outboxes};
use identity::Identity;
use signals::{Reload, Signals};
use sinks::GoingOut;

pub(crate) use sources::open as open_source;

/// The file in the cache directory that says who was forgotten.
const FORGOTTEN: &str = "forgotten.jsonl";

/// Why the server did not start.
#[derive(Debug, Error)]
pub(crate) enum AppError {
    /// The store cannot be opened.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The cache directory cannot be used.
    #[error("cache_dir: {0}")]
    Cache(#[from] FetchError),
    /// The loader cannot be started.
    #[error(transparent)]
    Loader(#[from] SnapshotError),
    /// A port cannot be opened.
    #[error("{key} {addr}: {source}; is another process using it?")]
    Port {
        /// The key of the configuration.
        key: &'static str,
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread or runtime cannot be started.
    #[error("cannot start: {0}")]
    Thread(#[from] std::io::Error),
    /// The API cannot be served.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// It is not known who was forgotten.
    #[error(transparent)]
    Forgotten(#[from] ForgottenError),
    /// Events cannot be taken.
    #[error(transparent)]
    Events(#[from] EventsError),
    /// What exposures, events or dead letters go to cannot be opened.
    #[error(transparent)]
    Out(#[from] sinks::OutError),
    /// Nothing would be left for a snapshot.
    #[error(
        "snapshot.memory_budget is {budget}, and live state may take {needs} of it: raise it, or lower \
         live.states_memory, live.sessions_memory, live.users_memory or live.reserve_items"
    )]
    LiveMemory {
        /// Bytes of live state.
        needs: u64,
        /// Bytes of the budget.
        budget: u64,
    },
    /// Credentials cannot be used.
    #[error("{0}")]
    Credentials(String),
    /// Whoever reaches the port could roll the server back.
    #[error(
        "{addr} would take refresh and rollback of whoever reaches it: set server.control_addr to a loopback address, \
         such as 127.0.0.1:9091, or to none (probes and metrics stay on server.admin_addr), or configure a credential \
         with the scope admin (larder key new --scopes admin)"
    )]
    OpenControl {
        /// The address.
        addr: SocketAddr,
    },
    /// Certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// What is refused cannot be written down.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Files cannot be read again.
    #[error(transparent)]
    Reload(#[from] ReloadError),
    /// A metric is declared twice.
    #[error("metrics: {0}")]
    Metrics(#[from] MetricsError),
}

/// A server with its ports bound and nothing served yet.
#[derive(Debug)]
pub(crate) struct App {
    config: Config,
    refresher: Arc<Refresher<View>>,
    recommender: Arc<Recommender>,
    admin_service: Arc<AdminService>,
    metrics: server::Metrics,
    grpc: TcpListener,
    http: TcpListener,
    admin: TcpListener,
    control: Control,
    reloader: Reloader,
    writers: Vec<Writer>,
    events: Events,
    /// The way to the refresher, and its end.
    look_now: (SyncSender<LookNow>, Receiver<LookNow>),
    runtime: Runtime,
    signals: Signals,
    /// Tells whoever has read a file, or writes to one, to look at it again.
    reload: Reload,
    logs: LogOutput,
}

impl App {
    /// Opens the store and the ports.
    ///
    /// # Errors
    /// Whatever cannot be opened.
    pub(crate) fn build(mut config: Config, stages: Stages, logs: LogOutput) -> Result<Self, AppError> {
        let threads = Arc::new(ServingThreads::default());
        let runtime = runtime(config.server.threads, &threads)?;
        // Before anything that may take its time: until then, a SIGHUP would end the process.
        let signals = runtime.block_on(async { Signals::install() })?;
        config.server.max_connections =
            descriptors::connections(config.server.max_connections, descriptors::raise_limit());
        if let Some(level) = config.server.cpu {
            crate::machine::limit_to(level);
        }
        // Whatever can fail for a reason that the operator can mend comes before anything is read or served.
        let identity = Identity::open(&config)?;
        identity.check_control(&config)?;
        config.server.authenticator = identity.authenticator.clone();
        config.server.tls = identity.tls();
        config.snapshot.reserved_memory = reserve_live(&config)?;
        let store = open(&config.store, &config.s3)?;
        let cache = Arc::new(open_cache(&config.cache_dir, store.as_ref(), &config.channel)?);
        let views: Arc<Registry<View>> = Arc::default();
        let look_now = sync_channel(1);
        let has_cache_dir = !config.cache_dir.as_os_str().is_empty();
        let forgotten = has_cache_dir.then(|| config.cache_dir.join(FORGOTTEN));
        let state = LiveState::open(Arc::clone(&views), &config.live, forgotten.as_deref())?;
        let out = GoingOut::open(&config, state.recent())?;
        // The queue's end for requests, which the server drops at its end: the writer ends with the last of them.
        config.server.exposures = out.exposures;
        let outboxes = Outboxes { events: out.events, dead: out.dead };
        let events = Events::open(&config, &views, state, outboxes, look_now.0.clone())?;
        config.server.events = Some(events.queue());
        let live = Arc::clone(&events.state);
        let prepare: Prepare<View> =
            Box::new(move |snapshot| Ok(live.adopt(&View::prepare(snapshot, &stages)?)));
        let refresher =
            Arc::new(follow(Source { store, cache }, Arc::clone(&views), prepare, &config.snapshot)?);
        let recommender = Recommender::new(Arc::clone(&views), config.limits);
        let recommender = Arc::new(
            recommender
                .with_backlog(Arc::clone(&events.backlog))
                .with_recent(Arc::clone(events.state.recent())),
        );
        let registry = MetricsRegistry::new();
        let metrics = server::Metrics::new(registry.clone())?;
        let sources = Sources {
            views: Arc::clone(&views),
            refresher: Arc::clone(&refresher),
            recommender: Arc::clone(&recommender),
            outgoing: out.counters,
            live: Arc::clone(&events.state),
            events: Arc::clone(&events.counts),
            threads,
            requests: Arc::clone(metrics.requests()),
        };
        telemetry::register(&registry, sources)?;
        let control = Arc::clone(&refresher) as Arc<dyn ControlPlane>;
        let hosts = config.server.admin_hosts.clone().unwrap_or_default();
        let admin_service = AdminService::new(control, views, registry.clone())
            .with_live(Arc::clone(&events.state), Arc::clone(&events.backlog))
            .with_access(identity.authenticator.clone(), Arc::clone(&identity.audit), hosts)
            .with_tls(identity.tls());
        Ok(Self {
            // Before a snapshot is loaded, so that a second process on the same ports fails at once and not after
            // minutes.
            grpc: bind("server.grpc_addr", config.server.grpc_addr)?,
            http: bind("server.http_addr", config.server.http_addr)?,
            admin: bind("server.admin_addr", config.server.admin_addr)?,
            control: match config.server.control_addr {
                ControlAddr::Admin => Control::Here,
                ControlAddr::Own(addr) => Control::At(bind("server.control_addr", addr)?),
                ControlAddr::None => Control::Nowhere,
            },
            reloader: identity.watch(&config, &registry)?,
            config,
            refresher,
            recommender,
            admin_service: Arc::new(admin_service),
            metrics,
            writers: out.writers,
            events,
            look_now,
            runtime,
            signals,
            reload: Reload::new(),
            logs,
        })
    }

    /// Serves until a SIGTERM or SIGINT, then drains.
    ///
    /// # Errors
    /// A thread, runtime or listener that cannot be started.
    pub(crate) fn run(self) -> Result<(), AppError> {
        // First of all that runs: `/readyz` tells why the rest takes its time.
        let admin = Admin::open(self.admin, self.control, Arc::clone(&self.admin_service))?;
        let reloader = Arc::new(self.reloader);
        let (stop, look_now) = self.look_now;
        let refresher = Arc::clone(&self.refresher);
        std::thread::Builder::new().name("larder-refresh".to_owned()).spawn(move || {
            let _ = refresher.refresh(false); // logged and kept in health
            refresher.run(&look_now);
        })?;
        let events = self.events.start()?;
        let admin_service = Arc::clone(&self.admin_service);
        let Self { runtime, signals, reload, logs, .. } = self;
        runtime.spawn(reopen_logs(logs, reload.subscribe()));
        runtime.spawn(read_again(Arc::downgrade(&reloader), reload.subscribe()));
        let shutdown = async move {
            let signal = signals.shutdown(reload).await;
            admin_service.drain();
            tracing::info!(signal, "draining");
        };
        tracing::info!(
            grpc = %self.grpc.local_addr()?, http = %self.http.local_addr()?, admin = %admin.addr(),
            control = admin.control_addr().map(tracing::field::display),
            store = self.config.store, channel = self.config.channel, "listening"
        );
        let Self { grpc, http, recommender, metrics, config, writers, .. } = self;
        runtime.block_on(async move {
            size_limits::outlive();
            grpc.set_nonblocking(true)?;
            http.set_nonblocking(true)?;
            let listeners = Listeners {
                grpc: tokio::net::TcpListener::from_std(grpc)?,
                http: tokio::net::TcpListener::from_std(http)?,
            };
            let served = server::run(listeners, recommender, config.server, metrics, shutdown).await;
            served.map_err(AppError::from)
        })?;
        // The refresher, then the port that asks it, then whatever requests were left; at last what they offered.
        drop(stop);
        drop(reloader);
        drop(admin);
        drop(runtime);
        events.finish();
        for writer in writers {
            writer.finish();
        }
        self.refresher.clear_mark();
        tracing::info!("stopped");
        Ok(())
    }
}

/// What follows the channel.
fn follow(
    source: Source,
    views: Arc<Registry<View>>,
    prepare: Prepare<View>,
    options: &RefreshOptions,
) -> Result<Refresher<View>, SnapshotError> {
    let refresher =
        Refresher::new(source, views, prepare, |served: &View| &served.snapshot, options.clone())?;
    Ok(if options.quarantine { refresher.with_quarantine(Quarantine::of_this_program()) } else { refresher })
}

/// The memory that live state may come to take, which snapshots are not to have. Without a source of events it is
/// what callers record, if any do: nothing is set aside for that.
fn reserve_live(config: &Config) -> Result<u64, AppError> {
    let needs = config.live.most_bytes();
    if config.events.all_sources().is_empty() {
        tracing::info!(live_memory = needs, reserved = 0, "live state takes memory as events come");
        return Ok(0);
    }
    if let Some(budget) = config.snapshot.memory_budget.filter(|budget| *budget <= needs) {
        return Err(AppError::LiveMemory { needs, budget });
    }
    tracing::info!(live_memory = needs, reserved = needs, "memory is set aside for live state");
    Ok(needs)
}

fn bind(key: &'static str, addr: SocketAddr) -> Result<TcpListener, AppError> {
    TcpListener::bind(addr).map_err(|source| AppError::Port { key, addr, source })
}

/// The runtime that answers requests.
fn runtime(threads: usize, serving: &Arc<ServingThreads>) -> std::io::Result<Runtime> {
    if threads == 1 {
        // One thread needs no scheduler between threads: the runtime runs on this one.
        serving.add_current();
        return Builder::new_current_thread().enable_all().build();
    }
    let serving = Arc::clone(serving);
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("larder-serve")
        .on_thread_start(move || serving.add_current())
        .enable_all()
        .build()
}

/// Opens the log's file anew with each reload. Files of exposures and events follow by themselves, with each batch.
async fn reopen_logs(logs: LogOutput, mut reloads: watch::Receiver<()>) {
    while reloads.changed().await.is_ok() {
        match logs.reopen() {
            Ok(true) => tracing::info!("telemetry.log_file is opened anew"),
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%error, "telemetry.log_file cannot be opened anew: lines go on into the old one");
            }
        }
    }
}

/// Looks at the files of credentials and certificates with each reload, and not only when it is their time.
async fn read_again(reloader: Weak<Reloader>, mut reloads: watch::Receiver<()>) {
    while reloads.changed().await.is_ok() {
        let Some(reloader) = reloader.upgrade() else { return };
        reloader.look_now();
    }
}
