//! Reads files again when their content changes: credentials, certificates.
//!
//! By content, and at intervals: what mounts secrets swaps a link beside the file, which watching the file does not
//! show.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use prometheus::{Error, Registry};
use sha2::{Digest as _, Sha256};

use super::identity::Audit;
use super::metrics::Declaration;

const FAILED: Declaration = Declaration {
    name: "larder_reload_failed",
    help: "1 while files of credentials or certificates have a content that cannot be used, and the one before is in \
           force.",
    labels: &["what"],
};
const RELOADS: Declaration = Declaration {
    name: "larder_reloads_total",
    help: "Times that changed files of credentials or certificates were read, by outcome: ok or failed.",
    labels: &["what", "outcome"],
};

const UNWRITTEN: Declaration = Declaration {
    name: "larder_audit_unwritten_total",
    help: "Denials that the audit has not, by reason: left_out (more than ten a second of one caller) or lost (they \
           could not be written).",
    labels: &["reason"],
};

/// Bytes of a file that is read whole; a larger one is something else.
const MOST_BYTES: u64 = 4 << 20;

/// Something that is made of files.
pub trait Watched: Send {
    /// What it is, for the log and as a label.
    fn name(&self) -> &'static str;

    /// Reads the files, and puts what they say in force. `None` if they are as they were; else what is in force now, or
    /// why it is not.
    fn look(&mut self) -> Option<Result<String, String>>;
}

/// What came of it so far, for the metrics.
#[derive(Debug, Default)]
struct Counts {
    ok: u64,
    failed: u64,
    is_failed: bool,
}

/// The thread that looks. It ends when this is dropped, and is not waited for: it may be asking an issuer.
#[derive(Debug)]
pub struct Reloader {
    orders: SyncSender<()>,
}

impl Reloader {
    /// Looks at intervals from now on.
    ///
    /// # Errors
    /// The thread cannot be started, or the registry has the metrics already.
    pub fn start(
        mut watched: Vec<Box<dyn Watched>>,
        interval: Duration,
        audit: Arc<Audit>,
        registry: &Registry,
    ) -> Result<Self, ReloadError> {
        let counts: Arc<Mutex<Vec<(&'static str, Counts)>>> =
            Arc::new(Mutex::new(watched.iter().map(|one| (one.name(), Counts::default())).collect()));
        register(registry, &counts)?;
        let unwritten = Arc::clone(&audit);
        UNWRITTEN.counter(registry, move |out| {
            for (reason, count) in unwritten.counts() {
                out.add(&[reason], count as f64);
            }
        })?;
        let (orders, next) = sync_channel(1);
        let work = move || {
            loop {
                for (at, one) in watched.iter_mut().enumerate() {
                    let Some(outcome) = one.look() else { continue };
                    report(one.name(), &outcome, &audit);
                    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some((_, counts)) = counts.get_mut(at) {
                        counts.is_failed = outcome.is_err();
                        *(if outcome.is_ok() { &mut counts.ok } else { &mut counts.failed }) += 1;
                    }
                }
                if !wait(&next, interval) {
                    return;
                }
            }
        };
        thread::Builder::new().name("larder-reload".to_owned()).spawn(work)?;
        Ok(Self { orders })
    }

    /// Looks now, as after a SIGHUP.
    pub fn look_now(&self) {
        let _ = self.orders.try_send(()); // one that waits is enough
    }
}

/// Why nothing is read again.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] io::Error),
    /// The registry has metrics of the same name.
    #[error("metrics: {0}")]
    Metrics(#[from] Error),
}

fn register(registry: &Registry, counts: &Arc<Mutex<Vec<(&'static str, Counts)>>>) -> Result<(), Error> {
    let read = Arc::clone(counts);
    FAILED.gauge(registry, move |out| {
        for (name, counts) in read.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            out.add(&[name], f64::from(counts.is_failed));
        }
    })?;
    let read = Arc::clone(counts);
    RELOADS.counter(registry, move |out| {
        for (name, counts) in read.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            out.add(&[name, "ok"], counts.ok as f64);
            out.add(&[name, "failed"], counts.failed as f64);
        }
    })
}

/// Whether to look again; `false`: to end.
fn wait(orders: &Receiver<()>, interval: Duration) -> bool {
    !matches!(orders.recv_timeout(interval), Err(RecvTimeoutError::Disconnected))
}

fn report(what: &str, outcome: &Result<String, String>, audit: &Audit) {
    match outcome {
        Ok(detail) => {
            tracing::info!(what, detail, "read again");
            audit.reloaded(what, "OK", detail);
        }
        Err(reason) => {
            tracing::error!(what, %reason, "cannot be used: what was read before stays in force");
            audit.reloaded(what, "FAILED", reason);
        }
    }
}

/// The digest of what files contain.
pub(crate) type ContentDigest = [u8; 32];

pub(crate) fn digest_of<T: AsRef<[u8]>>(contents: &[T]) -> ContentDigest {
    let mut digest = Sha256::new();
    for content in contents {
        // Lengths between them, so that what moves from one file to the next is a change.
        digest.update((content.as_ref().len() as u64).to_le_bytes());
        digest.update(content);
    }
    digest.finalize().into()
}

/// Reads a file that is small and a file: one that never ends would never be read.
pub(crate) fn read_small(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| format!("{} cannot be read: {error}", path.display());
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(format!("{} is no file", path.display()));
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("{} has more than {MOST_BYTES} bytes", path.display()));
    }
    Ok(bytes)
}
