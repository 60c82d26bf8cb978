//! Configuration in two stages: as written (file, environment, flags), then validated with nothing left to interpret.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use thiserror::Error;

use crate::artifact::OpenOptions;
use crate::machine::Level;
use crate::recommender::Limits;
use crate::snapshot::{LoadOptions, RefreshOptions};

mod check;
mod size;

use check::{address, bounded, within};
pub(crate) use size::user_features_memory;
use size::{result_cache, size_in_bytes, written};

/// A configuration that cannot be used. The process exits with 64.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: {reason}")]
    File {
        /// The file.
        file: String,
        /// What went wrong; names line and key.
        reason: String,
    },
    /// A value that makes no sense.
    #[error("{key} is \"{value}\", expected {expected}")]
    Value {
        /// The key, as in the file.
        key: &'static str,
        /// As written.
        value: String,
        /// What would fit.
        expected: &'static str,
    },
    /// Instructions that this processor does not have.
    #[error("cpu is \"{value}\", expected auto or a level that this processor has: {known}")]
    Cpu {
        /// As written.
        value: String,
        /// The levels there are.
        known: String,
    },
}

/// Where a store is, for every command that reads or writes one.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawStore {
    /// Endpoint of an S3-compatible store; AWS where left out
    #[arg(long, env = "LARDER_ENDPOINT_URL")]
    pub endpoint_url: Option<String>,
    /// Region of the bucket
    #[arg(long, env = "LARDER_REGION")]
    pub region: Option<String>,
    /// Whether bucket names go into the path; true where an endpoint is given
    #[arg(long, env = "LARDER_PATH_STYLE")]
    pub path_style: Option<bool>,
}

impl RawStore {
    /// The options of the store; `create` makes a missing directory.
    pub fn options(&self, create: bool) -> OpenOptions {
        OpenOptions {
            endpoint_url: self.endpoint_url.clone(),
            region: self.region.clone(),
            path_style: self.path_style,
            credentials: None,
            create,
        }
    }
}

/// The configuration as written. A flag wins over the environment, that over the file.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawConfig {
    /// Directory or s3://bucket/prefix with the snapshots [default: models]
    #[arg(long, env = "LARDER_STORE")]
    pub store: Option<String>,
    /// Channel to follow [default: production]
    #[arg(long, env = "LARDER_CHANNEL")]
    pub channel: Option<String>,
    /// Address of the gRPC port [default: 127.0.0.1:50051]
    #[arg(long, env = "LARDER_GRPC_ADDR")]
    pub grpc_addr: Option<String>,
    /// Address of the HTTP/JSON port [default: 127.0.0.1:8080]
    #[arg(long, env = "LARDER_HTTP_ADDR")]
    pub http_addr: Option<String>,
    /// Address of the admin port [default: 127.0.0.1:9090]
    #[arg(long, env = "LARDER_ADMIN_ADDR")]
    pub admin_addr: Option<String>,
    /// Where downloads are kept [default: larder-cache below the system's temporary directory]
    #[arg(long, env = "LARDER_CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Milliseconds between two looks at the channel [default: 10000]
    #[arg(long, env = "LARDER_POLL_INTERVAL_MS")]
    pub poll_interval_ms: Option<u64>,
    /// Keep the replaced snapshot in memory; by default if it fits half of the free memory
    #[arg(long, env = "LARDER_KEEP_PREVIOUS")]
    pub keep_previous: Option<bool>,
    /// Memory for snapshots, such as 2GiB or 800MB; one that would not fit is refused [default: what the container has]
    #[arg(long, env = "LARDER_MEMORY_BUDGET")]
    #[serde(deserialize_with = "written")]
    pub memory_budget: Option<String>,
    /// Instructions to use: auto, avx512, avx2 or scalar; answers are the same [default: auto]
    #[arg(long, env = "LARDER_CPU")]
    pub cpu: Option<String>,
    /// Threads that answer requests [default: one per core]
    #[arg(long, env = "LARDER_THREADS")]
    pub threads: Option<usize>,
    /// The most requests worked for at once; how many it is follows from the latencies [default: 1024]
    #[arg(long, env = "LARDER_MAX_IN_FLIGHT")]
    pub max_in_flight: Option<usize>,
    /// The most requests that wait for their turn; further ones are refused [default: 1024]
    #[arg(long, env = "LARDER_MAX_WAITING")]
    pub max_waiting: Option<usize>,
    /// Connections open at once per port [default: 4096]
    #[arg(long, env = "LARDER_MAX_CONNECTIONS")]
    pub max_connections: Option<usize>,
    /// HTTP/2 streams open at once per connection [default: 256]
    #[arg(long, env = "LARDER_MAX_STREAMS")]
    pub max_streams: Option<usize>,
    /// Seconds after which a connection without a request is closed [default: 300]
    #[arg(long, env = "LARDER_IDLE_S")]
    pub idle_s: Option<u64>,
    /// Largest page a request may ask for [default: 100]
    #[arg(long, env = "LARDER_MAX_PAGE_SIZE")]
    pub max_page_size: Option<usize>,
    /// Longest time for one answer, on top of the placements' own [default: none]
    #[arg(long, env = "LARDER_MAX_LATENCY_MS")]
    pub max_latency_ms: Option<u64>,
    /// Memory for one artifact of users' features: more is read by shard into a cache of this size [default: 256MiB]
    #[arg(long, env = "LARDER_USER_FEATURES_MEMORY")]
    #[serde(deserialize_with = "written")]
    pub user_features_memory: Option<String>,
    /// Milliseconds an answer may wait for a user's features that are not in memory [default: 20]
    #[arg(long, env = "LARDER_USER_FEATURES_WAIT_MS")]
    pub user_features_wait_ms: Option<u64>,
    /// Memory for finished slates that depend on no person, of each snapshot; 0 keeps none [default: 8MiB]
    #[arg(long, env = "LARDER_RESULT_CACHE")]
    #[serde(deserialize_with = "written")]
    pub result_cache: Option<String>,
    /// After SIGTERM, milliseconds to go on accepting while load balancers notice [default: 0]
    #[arg(long, env = "LARDER_LINGER_MS")]
    pub linger_ms: Option<u64>,
    /// Then, milliseconds that requests in flight have [default: 10000]
    #[arg(long, env = "LARDER_DRAIN_MS")]
    pub drain_ms: Option<u64>,
    /// Seconds for which caches may reuse a non-personal answer [default: 60]
    #[arg(long, env = "LARDER_CACHE_MAX_AGE_S")]
    pub cache_max_age_s: Option<u64>,
    /// File to which every slate shown to live traffic is appended, a JSON object a line [default: none]
    #[arg(long, env = "LARDER_EXPOSURE_LOG")]
    pub exposure_log: Option<PathBuf>,
    /// Slates that may wait for that file; more are lost and counted [default: 10000]
    #[arg(long, env = "LARDER_EXPOSURE_QUEUE")]
    pub exposure_queue: Option<usize>,
    /// text or json [default: text]
    #[arg(long, env = "LARDER_LOG_FORMAT")]
    pub log_format: Option<String>,
    /// Level or filter, such as `info` or `larder=debug` [default: info]
    #[arg(long, env = "LARDER_LOG")]
    pub log: Option<String>,
    /// The object store; a table `[s3]` in the file.
    #[command(flatten)]
    pub s3: RawStore,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The validated configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Directory or `s3://bucket/prefix`.
    pub store: String,
    /// How to open it.
    pub store_options: OpenOptions,
    /// Where downloads are kept.
    pub cache_dir: PathBuf,
    /// The refresher's part.
    pub refresh: RefreshOptions,
    /// The recommender's part.
    pub limits: Limits,
    /// The faces' part.
    pub server: crate::server::Config,
    /// gRPC port.
    pub grpc_addr: SocketAddr,
    /// HTTP port.
    pub http_addr: SocketAddr,
    /// Admin port.
    pub admin_addr: SocketAddr,
    /// The most that vector instructions may use; `None`: whatever the processor has.
    pub cpu: Option<Level>,
    /// Threads that answer requests.
    pub threads: usize,
    /// Where exposures are written, and how many may wait.
    pub exposures: Option<(PathBuf, usize)>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines there are.
    pub log: String,
}

/// The defaults, as a file would say them.
pub const DEFAULTS: &str = include_str!("../larder.default.toml");

impl RawConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, is no TOML, or has an unknown key.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|e| ConfigError::File { file: file.clone(), reason: e.to_string() })?;
        Self::parse(&text).map_err(|reason| ConfigError::File { file, reason })
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| e.to_string().trim_end().to_owned())
    }

    /// What `self` says, and where it says nothing, what `other` says.
    pub fn or(self, other: Self) -> Self {
        Self {
            store: self.store.or(other.store),
            channel: self.channel.or(other.channel),
            grpc_addr: self.grpc_addr.or(other.grpc_addr),
            http_addr: self.http_addr.or(other.http_addr),
            admin_addr: self.admin_addr.or(other.admin_addr),
            cache_dir: self.cache_dir.or(other.cache_dir),
            poll_interval_ms: self.poll_interval_ms.or(other.poll_interval_ms),
            keep_previous: self.keep_previous.or(other.keep_previous),
            memory_budget: self.memory_budget.or(other.memory_budget),
            cpu: self.cpu.or(other.cpu),
            threads: self.threads.or(other.threads),
            max_in_flight: self.max_in_flight.or(other.max_in_flight),
            max_waiting: self.max_waiting.or(other.max_waiting),
            max_connections: self.max_connections.or(other.max_connections),
            max_streams: self.max_streams.or(other.max_streams),
            idle_s: self.idle_s.or(other.idle_s),
            max_page_size: self.max_page_size.or(other.max_page_size),
            max_latency_ms: self.max_latency_ms.or(other.max_latency_ms),
            user_features_memory: self.user_features_memory.or(other.user_features_memory),
            user_features_wait_ms: self.user_features_wait_ms.or(other.user_features_wait_ms),
            result_cache: self.result_cache.or(other.result_cache),
            linger_ms: self.linger_ms.or(other.linger_ms),
            drain_ms: self.drain_ms.or(other.drain_ms),
            cache_max_age_s: self.cache_max_age_s.or(other.cache_max_age_s),
            exposure_log: self.exposure_log.or(other.exposure_log),
            exposure_queue: self.exposure_queue.or(other.exposure_queue),
            log_format: self.log_format.or(other.log_format),
            log: self.log.or(other.log),
            s3: RawStore {
                endpoint_url: self.s3.endpoint_url.or(other.s3.endpoint_url),
                region: self.s3.region.or(other.s3.region),
                path_style: self.s3.path_style.or(other.s3.path_style),
            },
        }
    }

    /// Fills in the defaults and checks every value.
    ///
    /// # Errors
    /// The first value that makes no sense, by its key.
    pub fn validate(self) -> Result<Config, ConfigError> {
        let defaults = Self::parse(DEFAULTS)
            .map_err(|reason| ConfigError::File { file: "built-in defaults".to_owned(), reason })?;
        let raw = self.or(defaults);
        let store_options = raw.s3.options(false);
        let millis = |ms: Option<u64>| Duration::from_millis(ms.unwrap_or_default());
        let wait = raw.user_features_wait_ms.unwrap_or_default();
        let wait = bounded("user_features_wait_ms", wait, 0..=1000, "0 to 1000")?;
        let limits = Limits {
            user_features_wait: Duration::from_millis(wait),
            max_page_size: within("max_page_size", raw.max_page_size, 100, "1 to 100")?,
            max_latency: raw.max_latency_ms.map(Duration::from_millis),
            result_cache_bytes: result_cache(raw.result_cache.as_deref().unwrap_or_default())?,
            ..Limits::default()
        };
        let poll = raw.poll_interval_ms.unwrap_or_default();
        let poll = bounded("poll_interval_ms", poll, 50..=86_400_000, "50 to 86400000")?;
        let memory = user_features_memory(raw.user_features_memory.as_deref().unwrap_or_default())?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = within("threads", raw.threads.or(Some(cores)), 1024, "1 to 1024")?;
        let idle = bounded("idle_s", raw.idle_s.unwrap_or_default(), 1..=86_400, "1 to 86400")?;
        let server = crate::server::Config {
            threads,
            max_waiting: within("max_waiting", raw.max_waiting, 1_000_000, "1 to 1000000")?,
            max_streams: within("max_streams", raw.max_streams, 1_000_000, "1 to 1000000")? as u32,
            idle: Duration::from_secs(idle),
            max_in_flight: within("max_in_flight", raw.max_in_flight, 1_000_000, "1 to 1000000")?,
            max_connections: within("max_connections", raw.max_connections, 1_000_000, "1 to 1000000")?,
            max_age: Duration::from_secs(raw.cache_max_age_s.unwrap_or_default()),
            linger: millis(raw.linger_ms),
            drain: millis(raw.drain_ms),
            ..crate::server::Config::default()
        };
        let log_format = match raw.log_format.as_deref().unwrap_or_default() {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            other => {
                let value = other.to_owned();
                return Err(ConfigError::Value { key: "log_format", value, expected: "text or json" });
            }
        };
        let exposure_queue = within("exposure_queue", raw.exposure_queue, 10_000_000, "1 to 10000000")?;
        let log = raw.log.unwrap_or_default();
        if tracing_subscriber::EnvFilter::try_new(&log).is_err() {
            let expected = "a level or filter, such as info or larder=debug";
            return Err(ConfigError::Value { key: "log", value: log, expected });
        }
        let channel = raw.channel.unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if channel.is_empty() || channel.starts_with('.') || !channel.chars().all(plain) {
            let expected = "a plain name: letters, digits, '-', '_', '.'";
            return Err(ConfigError::Value { key: "channel", value: channel, expected });
        }
        let memory_budget = match raw.memory_budget.as_deref().unwrap_or("auto") {
            "auto" => None,
            text => Some(size_in_bytes(text).ok_or_else(|| ConfigError::Value {
                key: "memory_budget",
                value: text.to_owned(),
                expected: "auto, or a size such as 2GiB, 800MB or 1500000000",
            })?),
        };
        let cpu = match raw.cpu.as_deref().unwrap_or("auto") {
            "auto" => None,
            name => Some(Level::named(name).ok_or_else(|| ConfigError::Cpu {
                value: name.to_owned(),
                known: Level::all().map(Level::name).collect::<Vec<_>>().join(", "),
            })?),
        };
        Ok(Config {
            store: default_store(raw.store.unwrap_or_default()),
            store_options,
            cache_dir: raw.cache_dir.unwrap_or_else(cache_dir),
            refresh: RefreshOptions {
                channel,
                poll_interval: Duration::from_millis(poll),
                keep_previous: raw.keep_previous,
                memory_budget,
                load: LoadOptions { user_features_memory: memory, ..LoadOptions::default() },
            },
            cpu,
            limits,
            server,
            grpc_addr: address("grpc_addr", raw.grpc_addr)?,
            http_addr: address("http_addr", raw.http_addr)?,
            admin_addr: address("admin_addr", raw.admin_addr)?,
            threads,
            exposures: raw.exposure_log.map(|path| (path, exposure_queue)),
            log_format,
            log,
        })
    }
}

/// Where downloads are kept where nobody says: `LARDER_CACHE_DIR`, or below the system's temporary directory.
pub fn cache_dir() -> PathBuf {
    let said = std::env::var_os("LARDER_CACHE_DIR").map(PathBuf::from);
    said.unwrap_or_else(|| std::env::temp_dir().join("larder-cache"))
}

/// `models` is looked for where the process runs, then beside the program.
fn default_store(store: String) -> String {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join(&store));
    match Path::new(&store).exists() || store.contains("://") {
        true => store,
        false => match beside().filter(|path| path.exists()) {
            Some(path) => path.display().to_string(),
            None => store,
        },
    }
}

#[cfg(test)]
mod tests;
