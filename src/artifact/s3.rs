//! S3, and whatever speaks its protocol, as a store. The only module that knows its SDK; it keeps a small
//! runtime of its own, so that callers block and the core needs no runtime.

mod bucket;
mod capped;
mod error;
mod pace;
mod refusal;
mod upload;
mod write;

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::config::RequestChecksumCalculation;
use tokio::runtime::Runtime;

use self::bucket::Bucket;
use self::capped::CapErrors;
use self::error::S3Error;
use super::aws::{ATTEMPTS, CONNECT_TIMEOUT, Environment, FIRST_PAUSE};
use super::{
    ArtifactStore, Condition, Conditional, Credentials, Listed, LocationError, Object, Stop, StoreError, key,
};

/// Upper bound on the time from a request to the first byte of its answer.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// The same for requests that carry a body, which counts as part of that time.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(300);
/// Upper bound on the time of a whole attempt but for the content of an object, so that an error that drips ends too.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
/// How often it is looked whether an answer is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// Which bucket, and how to reach it.
#[derive(Debug, Clone)]
pub struct S3Options {
    /// The bucket.
    pub bucket: String,
    /// What every key starts with, without a slash at either end; may be empty.
    pub prefix: String,
    /// The server; none: as the AWS environment and profile say, else Amazon.
    pub endpoint_url: Option<String>,
    /// The region; none: as the AWS environment says, else `us-east-1` if there is an endpoint.
    pub region: Option<String>,
    /// Whether the bucket goes into the path rather than the host name; none: only where there is an endpoint.
    pub path_style: Option<bool>,
    /// Fixed credentials; none: the AWS default chain.
    pub credentials: Option<Credentials>,
    /// Whether the server is asked to hold conditions.
    pub conditional: Conditional,
    /// Bytes a second that an answer must bring.
    pub min_throughput: u64,
}

/// Keeps objects in one bucket, below one prefix.
pub struct S3Store {
    bucket: Arc<Bucket>,
    /// The location, and the server if it is not Amazon's.
    identity: String,
    runtime: Option<Runtime>,
}

impl S3Store {
    /// Prepares access to a bucket. Nothing is asked of it yet, so that it may be down now and up later.
    pub fn open(options: &S3Options) -> Result<Self, StoreError> {
        let location = format!("s3://{}/{}", options.bucket, options.prefix).trim_end_matches('/').to_owned();
        let refuse = |source| StoreError::Location { location: location.clone(), source };
        if options.bucket.is_empty() {
            return Err(refuse(LocationError::NoBucket));
        }
        if !options.prefix.is_empty() {
            key::check(&location, &options.prefix)?;
        }
        // Its own threads: callers block, and may themselves be on a runtime that must not be blocked from within.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("larder-s3")
            .enable_all()
            .build()
            .map_err(|error| refuse(LocationError::Threads(error)))?;
        let wanted = options.clone();
        let (client, server) = run(&runtime, &Stop::default(), async move { connect(&wanted).await })
            .ok_or_else(|| refuse(LocationError::Configuration))?
            .map_err(refuse)?;
        let identity = match server {
            Some(server) => format!("{location} at {server}"),
            None => location.clone(),
        };
        if options.conditional == Conditional::Off {
            tracing::warn!(
                store = location,
                "s3.conditional is off: of two publishers at the same moment the second wins, and neither is told"
            );
        }
        let bucket = Bucket {
            client,
            name: options.bucket.clone(),
            prefix: options.prefix.clone(),
            location,
            conditional: options.conditional,
            min_throughput: options.min_throughput,
            reads_plainly: AtomicBool::new(false),
        };
        Ok(Self { bucket: Arc::new(bucket), identity, runtime: Some(runtime) })
    }

    /// Runs `work` on the store's own threads and waits for it.
    fn wait<T, F>(&self, key: &str, work: impl FnOnce(Arc<Bucket>, String) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.wait_until(key, &Stop::default(), work)
    }

    /// The same, but breaks off when `stop` is set.
    fn wait_until<T, F>(
        &self,
        key: &str,
        stop: &Stop,
        work: impl FnOnce(Arc<Bucket>, String) -> F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        key::check(&self.bucket.location, key)?;
        let work = work(self.bucket.clone(), key.to_owned());
        self.runtime.as_ref().and_then(|runtime| run(runtime, stop, work)).unwrap_or_else(|| {
            let (location, key) = (self.location(), key.to_owned());
            if stop.is_set() {
                return Err(StoreError::Stopped { location, key });
            }
            Err(StoreError::Unavailable { location, key, source: S3Error::Abandoned.into() })
        })
    }
}

impl ArtifactStore for S3Store {
    fn location(&self) -> String {
        self.bucket.location.clone()
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }

    fn read(&self, key: &str) -> Result<Object, StoreError> {
        let object = self.wait(key, |bucket, key| async move { bucket.read(&key, None).await })?;
        // Nothing can be unchanged when no etag was given.
        object.ok_or_else(|| StoreError::invalid(&self.bucket.location, key, S3Error::UnaskedUnchanged))
    }

    fn read_if_changed(&self, key: &str, etag: Option<&str>) -> Result<Option<Object>, StoreError> {
        let etag = etag.map(str::to_owned);
        self.wait(key, |bucket, key| async move { bucket.read(&key, etag).await })
    }

    fn read_range(&self, key: &str, start: u64, len: u64) -> Result<Vec<u8>, StoreError> {
        self.wait(key, |bucket, key| async move { bucket.read_range(&key, start, len).await })
    }

    fn read_range_until(&self, key: &str, start: u64, len: u64, stop: &Stop) -> Result<Vec<u8>, StoreError> {
        self.wait_until(key, stop, |bucket, key| async move { bucket.read_range(&key, start, len).await })
    }

    fn write_file(&self, key: &str, source: &Path) -> Result<(), StoreError> {
        let source = source.to_owned();
        self.wait(key, |bucket, key| async move { bucket.write_file(&key, &source).await })
    }

    fn write(&self, key: &str, bytes: &[u8], condition: Condition) -> Result<String, StoreError> {
        let bytes = bytes.to_vec();
        self.wait(key, |bucket, key| async move { bucket.write(&key, bytes, condition).await })
    }

    fn list_dirs(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let prefix = key::check_prefix(&self.bucket.location, prefix)?.to_owned();
        // The root has no name that would pass as a key.
        let subject = if prefix.is_empty() { "folders" } else { &prefix }.to_owned();
        self.wait(&subject, |bucket, _| async move { bucket.list_dirs(&prefix).await })
    }

    fn list_objects(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let prefix = key::check_prefix(&self.bucket.location, prefix)?.to_owned();
        let subject = if prefix.is_empty() { "objects" } else { &prefix }.to_owned();
        self.wait(&subject, |bucket, _| async move { bucket.list_objects(&prefix).await })
    }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Store").field("location", &self.bucket.location).finish_non_exhaustive()
    }
}

impl Drop for S3Store {
    fn drop(&mut self) {
        // Waiting for the threads is not allowed on an async worker, where the last owner may be dropped.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// `None` if the work did not come to an end, or not before `stop` was set. Unlike `block_on` this never panics,
/// wherever it is called.
fn run<T: Send + 'static>(
    runtime: &Runtime,
    stop: &Stop,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let (done, result) = mpsc::sync_channel(1);
    let task = runtime.spawn(async move {
        let _ = done.send(work.await);
    });
    loop {
        match result.recv_timeout(LOOK) {
            Err(RecvTimeoutError::Timeout) if stop.is_set() => {
                task.abort();
                return None;
            }
            Err(RecvTimeoutError::Timeout) => {}
            other => return other.ok(),
        }
    }
}

/// The client, and the server if it is not Amazon's.
async fn connect(options: &S3Options) -> Result<(aws_sdk_s3::Client, Option<String>), LocationError> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT);
    let environment = Environment::read().await;
    // In the order of the AWS command line, so that what works there works here.
    let server = options.endpoint_url.clone().or_else(|| environment.endpoint("S3"));
    let loader =
        environment.loader(options.region.as_deref(), server.as_deref(), options.credentials.as_ref())?;
    let shared = loader.timeout_config(timeouts.build()).load().await;
    if shared.region().is_none() {
        return Err(LocationError::NoRegion);
    }
    // Other servers than Amazon's seldom have a host name for each bucket.
    let path_style = options.path_style.unwrap_or(server.is_some());
    let mut config =
        aws_sdk_s3::config::Builder::from(&shared).force_path_style(path_style).interceptor(CapErrors);
    if server.is_some() {
        // Several S3-compatible servers do not understand the trailing checksums that Amazon's takes.
        config = config.request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
    }
    Ok((aws_sdk_s3::Client::from_conf(config.build()), server))
}
