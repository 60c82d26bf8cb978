//! Wiring only: from a configuration to a running server.

use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};
use thiserror::Error;

use crate::artifact::{BlobCache, FetchError, StoreError, open, sha256_bytes};
use crate::config::Config;
use crate::exposure::{Exposures, JsonLines, Writer};
use crate::pipeline::Stages;
use crate::recommender::{Recommender, View};
use crate::server::{Admin, Control, Listeners, ServerError};
use crate::snapshot::{
    Artifact, LoadOptions, Manifest, Outcome, Prediction, Refresher, Registry, Snapshot, SnapshotError,
    Source,
};
use crate::telemetry;

/// Why the server did not start.
#[derive(Debug, Error)]
pub enum AppError {
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
        addr: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The exposure log cannot be opened.
    #[error("exposure_log {}: {source}", .path.display())]
    Exposures {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread or runtime cannot be started.
    #[error("cannot start: {0}")]
    Thread(#[from] std::io::Error),
    /// The faces cannot be opened.
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// A server with its ports bound and nothing served yet.
#[derive(Debug)]
pub struct App {
    config: Config,
    refresher: Arc<Refresher<View>>,
    recommender: Arc<Recommender>,
    control: Arc<Operator>,
    grpc: TcpListener,
    http: TcpListener,
    admin: TcpListener,
    exposures: Option<Writer>,
}

impl App {
    /// Opens the store and the ports.
    ///
    /// # Errors
    /// Whatever cannot be opened.
    pub fn build(mut config: Config, stages: Stages) -> Result<Self, AppError> {
        if let Some(level) = config.cpu {
            crate::machine::limit_to(level);
        }
        let store = open(&config.store, &config.store_options)?;
        let cache = Arc::new(open_cache(&config.cache_dir, &config.store)?);
        let registry: Arc<Registry<View>> = Arc::default();
        let refresher = Arc::new(Refresher::new(
            Source { store, cache },
            Arc::clone(&registry),
            Box::new(move |snapshot| View::prepare(snapshot, &stages)),
            |served: &View| -> &Snapshot { &served.snapshot },
            config.refresh.clone(),
        )?);
        let bind = |key, addr: std::net::SocketAddr| {
            TcpListener::bind(addr).map_err(|source| AppError::Port { key, addr, source })
        };
        let recommender = Arc::new(Recommender::new(Arc::clone(&registry), config.limits));
        let mut exposures = None;
        if let Some((path, capacity)) = config.exposures.clone() {
            let opened = JsonLines::open(&path)
                .and_then(|sink| Exposures::open(capacity, Box::new(sink)))
                .map_err(|source| AppError::Exposures { path, source })?;
            (config.server.exposures, exposures) = (Some(opened.0), Some(opened.1));
        }
        let control = Arc::new(Operator {
            refresher: Arc::clone(&refresher),
            registry,
            recommender: Arc::clone(&recommender),
            exposures: config.server.exposures.clone(),
            metrics: telemetry::init_metrics(),
            draining: AtomicBool::new(false),
        });
        Ok(Self {
            grpc: bind("grpc_addr", config.grpc_addr)?,
            http: bind("http_addr", config.http_addr)?,
            admin: bind("admin_addr", config.admin_addr)?,
            config,
            refresher,
            recommender,
            control,
            exposures,
        })
    }

    /// Serves until a SIGTERM or SIGINT, then drains.
    ///
    /// # Errors
    /// A thread, runtime or face that cannot be started.
    pub fn run(self) -> Result<(), AppError> {
        let admin = Admin::open(self.admin, Arc::clone(&self.control) as Arc<dyn Control>)?;
        let (stop, stopped) = mpsc::sync_channel::<()>(1);
        let refresher = Arc::clone(&self.refresher);
        std::thread::Builder::new().name("larder-refresh".to_owned()).spawn(move || {
            let _ = refresher.refresh(false); // logged and kept in health
            refresher.run(&stopped);
        })?;
        let runtime = match self.config.threads {
            1 => {
                telemetry::count_this_thread();
                tokio::runtime::Builder::new_current_thread().enable_all().build()?
            }
            threads => tokio::runtime::Builder::new_multi_thread()
                .worker_threads(threads)
                .thread_name("larder-serve")
                .on_thread_start(telemetry::count_this_thread)
                .enable_all()
                .build()?,
        };
        let control = Arc::clone(&self.control);
        let shutdown = async move {
            let signal = signalled().await;
            control.draining.store(true, Ordering::Release);
            tracing::info!(signal, "draining");
        };
        tracing::info!(
            grpc = %self.grpc.local_addr()?, http = %self.http.local_addr()?, admin = %admin.addr(),
            store = self.config.store, channel = self.config.refresh.channel, "listening"
        );
        let (grpc, http, recommender, config) = (self.grpc, self.http, self.recommender, self.config.server);
        runtime.block_on(async move {
            grpc.set_nonblocking(true)?;
            http.set_nonblocking(true)?;
            let listeners = Listeners {
                grpc: tokio::net::TcpListener::from_std(grpc)?,
                http: tokio::net::TcpListener::from_std(http)?,
            };
            crate::server::run(listeners, recommender, config, shutdown).await.map_err(AppError::from)
        })?;
        drop(stop);
        drop(admin);
        drop((runtime, self.control)); // the last ends of the exposure queue
        if let Some(writer) = self.exposures {
            writer.finish();
        }
        tracing::info!("stopped");
        Ok(())
    }
}

#[cfg(unix)]
async fn signalled() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return "SIGINT";
    };
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = tokio::signal::ctrl_c() => "SIGINT",
    }
}

#[cfg(not(unix))]
async fn signalled() -> &'static str {
    let _ = tokio::signal::ctrl_c().await;
    "interrupt"
}

/// What the admin port may ask.
#[derive(Debug)]
struct Operator {
    refresher: Arc<Refresher<View>>,
    registry: Arc<Registry<View>>,
    recommender: Arc<Recommender>,
    exposures: Option<Exposures>,
    metrics: Option<PrometheusHandle>,
    draining: AtomicBool,
}

impl Control for Operator {
    fn readiness(&self) -> Result<(), String> {
        if self.draining.load(Ordering::Acquire) {
            return Err("draining".to_owned());
        }
        match (self.registry.current(), self.refresher.health().last_failure) {
            (Some(_), _) => Ok(()),
            (None, Some(failure)) => Err(format!("no snapshot: {}", failure.reason)),
            (None, None) => Err("the first snapshot is being loaded".to_owned()),
        }
    }

    fn status(&self) -> Value {
        let health = self.refresher.health();
        let time = |then: std::time::SystemTime| {
            chrono::DateTime::<chrono::Utc>::from(then).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
        };
        let failure = health.last_failure.as_ref().map(|failure| {
            json!({
                "at": time(failure.at), "snapshot": failure.version, "artifact": failure.artifact,
                "reason": failure.reason, "in_a_row": failure.count,
            })
        });
        let failures = health.failures.iter().map(
            |((artifact, reason), count)| json!({"artifact": artifact, "reason": reason, "count": count}),
        );
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "ready": self.readiness().err().map_or(json!(true), |why| json!(why)),
            "store": self.refresher.location(),
            "channel": self.refresher.channel(),
            "snapshot": self.registry.current().map(|served| describe(&served)),
            "previous_snapshot": self.registry.previous().map(|served| served.snapshot.version().to_owned()),
            "memory_budget": self.refresher.memory_budget(),
            "cpu": crate::machine::level().name(),
            "held_from": health.held_from,
            "last_checked": health.last_checked.map(time),
            "swapped_at": health.swapped_at.map(time),
            "swaps": health.swaps,
            "last_load_ms": health.last_load.as_millis() as u64,
            "last_refresh_error": failure,
            "failures": failures.collect::<Vec<_>>(),
        })
    }

    fn metrics(&self) -> String {
        let Some(handle) = &self.metrics else { return String::new() };
        if let Some(exposures) = &self.exposures {
            telemetry::observe_exposures(exposures.counts());
        }
        telemetry::observe_placements(self.recommender.counts());
        telemetry::observe(self.registry.current().as_deref(), &self.refresher.health());
        let mut text = handle.render();
        crate::server::render_histograms(&mut text);
        text
    }

    fn refresh(&self) -> Result<String, String> {
        match self.refresher.refresh(true) {
            Ok(Outcome::Swapped { version, took }) => {
                Ok(format!("serving {version} after {} ms", took.as_millis()))
            }
            Ok(_) => Ok("nothing new".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn rollback(&self) -> Result<String, String> {
        self.refresher.rollback().map(|version| format!("serving {version}")).map_err(|e| e.to_string())
    }
}

fn describe(served: &View) -> Value {
    let snapshot = &served.snapshot;
    let manifest = snapshot.manifest();
    let artifacts = manifest.artifacts.iter().map(|entry| {
        let resident = match entry.kind.as_str() {
            "catalog" => Some(snapshot.items().resident_bytes() + snapshot.catalog().resident_bytes()),
            _ => snapshot.artifact(&entry.name).map(|artifact| artifact.resident_bytes()),
        };
        let index = match snapshot.artifact(&entry.name).map(|artifact| artifact.as_ref()) {
            Some(Artifact::ItemVectors(items)) => {
                json!({"way": items.index.way(), "recall": items.index.recall()})
            }
            _ => Value::Null,
        };
        json!({
            "index": index,
            "name": entry.name, "kind": entry.kind, "rows": entry.rows, "bytes": entry.bytes,
            "resident_bytes": resident, "sha256": entry.sha256,
        })
    });
    let placements = served.placements.iter().map(|(name, placement)| {
        let pipeline = &placement.pipeline;
        let recipe = json!({
            "page_size": placement.page_size,
            "sources": labels(&pipeline.sources),
            "filters": labels(&pipeline.filters),
            "rerank": labels(&pipeline.rerankers),
            "fallback": labels(&placement.fallback),
        });
        (name.clone(), recipe)
    });
    json!({
        "version": manifest.snapshot,
        "created_at": manifest.created_at,
        "data_until": manifest.data_until,
        "items": snapshot.items().len(),
        "resident_bytes": snapshot.resident_bytes(),
        "artifacts": artifacts.collect::<Vec<_>>(),
        "placements": placements.collect::<serde_json::Map<_, _>>(),
    })
}

fn labels<T: ?Sized>(stages: &[crate::pipeline::Named<T>]) -> Vec<&str> {
    stages.iter().map(|stage| &*stage.label).collect()
}

/// Each store has a cache of its own, so that a server pointed elsewhere never serves what another store held.
fn open_cache(dir: &Path, location: &str) -> Result<BlobCache, FetchError> {
    let digest = sha256_bytes(location.trim_end_matches('/').as_bytes());
    BlobCache::open(dir.join(digest.get(..16).unwrap_or(&digest)))
}

/// Opens a snapshot for a command: a store's root or a snapshot's directory, local or `s3://…` (through the cache).
///
/// # Errors
/// Why the snapshot cannot be loaded.
pub fn open_snapshot(
    location: &str,
    channel: &str,
    options: &crate::artifact::OpenOptions,
    cache_dir: &Path,
    load_options: &LoadOptions,
) -> Result<Snapshot, AppError> {
    if !location.starts_with("s3://") {
        return Ok(crate::snapshot::open_directory(Path::new(location), channel, load_options)?);
    }
    let (source, manifest) = remote(location, channel, options, cache_dir)?;
    let version = manifest.snapshot.clone();
    let file = |entry: &_| source.file(&version, entry, load_options);
    Ok(crate::snapshot::load(&file, manifest, None, load_options)?)
}

/// What a snapshot (as in [`open_snapshot`]) will take in memory, by artifact in the manifest's order, without decoding it.
///
/// # Errors
/// Why a file cannot be read.
pub fn predict_snapshot(
    location: &str,
    channel: &str,
    options: &crate::artifact::OpenOptions,
    cache_dir: &Path,
    load_options: &LoadOptions,
) -> Result<(Manifest, Vec<Prediction>), AppError> {
    if !location.starts_with("s3://") {
        return Ok(crate::snapshot::predict_directory(Path::new(location), channel, load_options)?);
    }
    let (source, manifest) = remote(location, channel, options, cache_dir)?;
    let file = |entry: &_| source.file(&manifest.snapshot, entry, load_options);
    let bytes = crate::snapshot::predict_files(&file, &manifest, load_options, |_| false)?;
    Ok((manifest, bytes))
}

fn remote(
    location: &str,
    channel: &str,
    options: &crate::artifact::OpenOptions,
    cache_dir: &Path,
) -> Result<(Source, Manifest), AppError> {
    let source =
        Source { store: open(location, options)?, cache: Arc::new(open_cache(cache_dir, location)?) };
    let channel = crate::snapshot::read_channel(source.store.as_ref(), channel)?.ok_or_else(|| {
        SnapshotError::Document { file: location.to_owned(), reason: format!("has no channel \"{channel}\"") }
    })?;
    let manifest = source.manifest(&channel.0.snapshot)?;
    Ok((source, manifest))
}
