//! A load: beside the request path, at low priority, and called off when nobody wants the snapshot any more.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::{Refresher, lock};
use crate::artifact::{ArtifactStore, Stop};
use crate::snapshot::{ArtifactEntry, Channel, LoadOptions, Snapshot, SnapshotError, load, users};

/// Where the files of a load may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The cache, and what it lacks from the store.
    Anywhere,
    /// The cache alone.
    Cache,
}

/// Watches the channel while a snapshot of it is loaded.
struct Watch {
    store: Arc<dyn ArtifactStore>,
    key: String,
    /// The versions that are in memory.
    resident: Vec<String>,
    interval: Duration,
    stop: Stop,
}

impl<T: Send + Sync> Refresher<T> {
    /// Loads a snapshot that the channel names, until it is withdrawn: until the channel names what is in memory.
    pub(super) fn load_watched(&self, version: &str, current: Option<&Arc<T>>) -> Result<T, SnapshotError> {
        let stop = Stop::default();
        *lock(&self.under_way) = Some(stop.clone());
        let resident = [self.registry.current(), self.registry.previous()];
        let resident = resident.iter().flatten().map(|held| (self.snapshot)(held).version().to_owned());
        let watch = Watch {
            store: Arc::clone(&self.source.store),
            key: Channel::key(&self.options.channel),
            resident: resident.collect(),
            interval: self.options.poll_interval,
            stop: stop.clone(),
        };
        let (done, over) = sync_channel::<()>(1);
        // On its own, as the store may hang just when the load is done. Without a thread the load goes on unwatched.
        let _ = thread::Builder::new().name("larder-watch".to_owned()).spawn(move || watch.run(&over));
        let loaded = self.load(&self.workers, version, current, &stop, Origin::Anywhere);
        drop(done);
        *lock(&self.under_way) = None;
        loaded
    }

    /// Calls off the load that is under way, if one is.
    pub(super) fn call_off(&self) {
        if let Some(stop) = &*lock(&self.under_way) {
            stop.set();
        }
    }

    /// Loads a snapshot on the threads of `workers`.
    pub(super) fn load(
        &self,
        workers: &rayon::ThreadPool,
        version: &str,
        current: Option<&Arc<T>>,
        stop: &Stop,
        from: Origin,
    ) -> Result<T, SnapshotError> {
        let trusted = self.options.load.trusted_keys.as_ref();
        let manifest = match (self.source.known_manifest(version, trusted), from) {
            // A snapshot never changes, and the store may hang.
            (Some(manifest), _) => manifest,
            (None, Origin::Anywhere) => self.source.manifest(version, trusted)?,
            (None, Origin::Cache) => return Err(SnapshotError::NotCached),
        };
        // Files are asked for twice, to predict their size and to decode them: each is verified once.
        let known = match from {
            Origin::Anywhere => BTreeMap::new(),
            Origin::Cache => self.source.known_files(&manifest).ok_or(SnapshotError::NotCached)?,
        };
        let known: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(known);
        let previous = current.map(|now| (self.snapshot)(now));
        let options = &LoadOptions { stop: stop.clone(), ..self.options.load.clone() };
        let died = lock(&self.died).clone();
        let file = |entry: &ArtifactEntry| {
            if let Some(path) = lock(&known).get(&entry.name) {
                return Ok(path.clone());
            }
            let path = self.source.file(version, entry, options)?;
            lock(&known).insert(entry.name.clone(), path.clone());
            Ok(path)
        };
        // All of it on the loader's threads, which yield to serving: so do downloads and digests.
        let prepared = || {
            // In another process first, and only then is anything of it read here, be it to see how large it is.
            let again = died.as_ref().is_some_and(|mark| mark.snapshot == version);
            self.try_out(&file, &manifest, previous, again, options)?;
            self.set_mark(version, died.as_ref());
            let memory = self.check_memory(&file, &manifest, previous)?;
            let options = LoadOptions { memory, ..options.clone() };
            let snapshot: Snapshot = load(&file, manifest.clone(), previous, &options)?;
            (self.prepare)(snapshot)
        };
        // Stages of an embedder take part in this: a panic must cost the snapshot, not the thread that refreshes.
        let caught = catch_unwind(AssertUnwindSafe(|| workers.install(prepared)));
        self.clear_mark();
        let loaded = caught.unwrap_or_else(|_| Err(SnapshotError::Panicked { version: version.to_owned() }));
        if loaded.as_ref().is_err_and(|error| !error.is_transient()) {
            // It may be the manifest that is wrong, and mended in the store by the next attempt.
            self.source.forget_manifest(version);
        }
        loaded
    }
}

impl Watch {
    /// Looks at the channel until the load is over or withdrawn.
    fn run(&self, over: &Receiver<()>) {
        let mut etag = None;
        while over.recv_timeout(self.interval) == Err(RecvTimeoutError::Timeout) {
            // What ails the store is told by the load, or by the next refresh.
            let Ok(Some(object)) = self.store.read_if_changed(&self.key, etag.as_deref()) else { continue };
            etag = Some(object.etag);
            let named = Channel::parse(&object.bytes, &self.key).map(|channel| channel.snapshot);
            if named.is_ok_and(|named| self.resident.contains(&named)) {
                self.stop.set();
                return;
            }
        }
    }
}

/// Threads that load, and yield to serving.
pub(super) fn workers() -> Result<rayon::ThreadPool, SnapshotError> {
    // Before there are threads that yield: a thread begins with the priority of the one that starts it.
    users::settle_priority();
    rayon::ThreadPoolBuilder::new()
        .thread_name(|n| format!("larder-load-{n}"))
        .start_handler(|_| {
            // On Linux this sets the calling thread only: loading yields to serving. Where that is not allowed it
            // does not, and a load is felt.
            let _ = rustix::process::setpriority_process(None, 19);
        })
        .build()
        .map_err(|error| SnapshotError::Threads(std::io::Error::other(error)))
}
