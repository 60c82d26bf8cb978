//! Keeps the registry on the snapshot that the channel names: polls, loads beside the request path, swaps, reports.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use super::{
    ArtifactEntry, Channel, LoadOptions, MANIFEST, Manifest, Quarantine, RefreshOptions, Registry, Snapshot,
    SnapshotError, Source, UserCounts, load,
};
use crate::artifact::StoreError;

mod cache;
mod health;
mod mark;
mod memory_budget;
mod quarantine;
mod report;
mod rollback;

use mark::Mark;
use report::Serving;

pub use health::{Failure, Health, Outcome};

/// Makes what requests pin out of a snapshot: compiles recipes, warms, asks the golden queries.
pub type Prepare<T> = Box<dyn Fn(Snapshot) -> Result<T, SnapshotError> + Send + Sync>;

/// See the module. `T` is what requests pin; `snapshot` finds the snapshot in it.
pub struct Refresher<T> {
    source: Source,
    registry: Arc<Registry<T>>,
    prepare: Prepare<T>,
    snapshot: fn(&T) -> &Snapshot,
    options: RefreshOptions,
    workers: rayon::ThreadPool,
    quarantine: Option<Quarantine>,
    work: Mutex<Work>,
    health: Mutex<Health>,
}

/// Says that the channel may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookNow;

/// What one refresh leaves for the next.
#[derive(Debug, Default)]
struct Work {
    etag: Option<String>,
    channel: Option<Channel>,
    retry_at: Option<(String, Instant)>,
    failures: u32,
    /// What the process before this one was loading when it died.
    died: Option<Mark>,
}

impl<T> std::fmt::Debug for Refresher<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refresher").field("source", &self.source).field("options", &self.options).finish()
    }
}

impl<T: Send + Sync> Refresher<T> {
    /// A refresher that has not looked yet.
    ///
    /// # Errors
    /// The loader's threads cannot be started.
    pub fn new(
        source: Source,
        registry: Arc<Registry<T>>,
        prepare: Prepare<T>,
        snapshot: fn(&T) -> &Snapshot,
        options: RefreshOptions,
    ) -> Result<Self, SnapshotError> {
        // Before there are threads that yield: a thread begins with the priority of the one that starts it.
        super::users::settle_priority();
        let workers = rayon::ThreadPoolBuilder::new()
            .thread_name(|n| format!("larder-load-{n}"))
            .start_handler(|_| {
                // On Linux this sets the calling thread only: loading yields to serving. Where that is not allowed it
                // does not, and a load is felt.
                let _ = rustix::process::setpriority_process(None, 19);
            })
            .build()
            .map_err(|error| SnapshotError::Threads(std::io::Error::other(error)))?;
        let (work, health) = (Mutex::default(), Mutex::default());
        let quarantine = None;
        let new = Self { source, registry, prepare, snapshot, options, workers, quarantine, work, health };
        // Before any load of this process sets its own.
        lock(&new.work).died = new.died_while_loading();
        Ok(new)
    }

    /// Looks at the channel once and follows it; `force` also ends a rollback's hold and any back-off.
    ///
    /// # Errors
    /// Why the snapshot that the channel names is not served. What was served before goes on being served.
    pub fn refresh(&self, force: bool) -> Result<Outcome, SnapshotError> {
        let mut work = lock(&self.work);
        let started = Instant::now();
        let mut version = String::new();
        // Taken before the refresh, as the log says afterwards what became of it.
        let before = self.served_version();
        let outcome = self.follow(&mut work, force, started, &mut version);
        if outcome.is_err() && self.registry.current().is_none() {
            // Only a server that has nothing goes back: one that serves keeps what it serves.
            self.serve_last_good(work.channel.as_ref());
        }
        let mut health = lock(&self.health);
        match &outcome {
            Ok(Outcome::Unchanged | Outcome::Swapped { .. } | Outcome::Held) => {
                health.last_failure = None;
                work.failures = 0;
                work.retry_at = None;
            }
            // The failure that is waited out stays the last word on the state.
            Ok(Outcome::BackingOff) => {}
            Err(error) => {
                work.failures += 1;
                // At most 32 intervals: a publisher who mends a snapshot in place need not wait for hours.
                let wait = self.options.poll_interval * 2u32.pow(work.failures.min(5));
                work.retry_at = Some((version.clone(), Instant::now() + wait));
                // The channel is read anew next time, so that a failure is not mistaken for "unchanged".
                work.etag = None;
                let artifact = error.artifact().map(str::to_owned);
                let slot = (artifact.clone().unwrap_or_else(|| "-".to_owned()), error.label());
                *health.failures.entry(slot).or_default() += 1;
                let serving = Serving::after_failure(before, self.served_version());
                report::failure(&version, artifact.as_deref(), error, work.failures, &serving);
                let (at, reason, count) = (SystemTime::now(), error.to_string(), work.failures);
                health.last_failure = Some(Failure { at, version, artifact, reason, count });
            }
        }
        outcome
    }

    /// Follows the channel until the signals end, and looks at once when one of them comes.
    pub fn run(&self, signals: &Receiver<LookNow>) {
        let mut random = fastrand::Rng::new();
        loop {
            // Jittered, so that a fleet started together does not ask the store at the same moment for ever.
            let wait = self.options.poll_interval.mul_f64(0.8 + 0.4 * random.f64());
            match signals.recv_timeout(wait) {
                Ok(LookNow) | Err(RecvTimeoutError::Timeout) => {
                    // Logged and kept in health.
                    let _ = self.refresh(false);
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// The state, for people and metrics.
    pub fn health(&self) -> Health {
        lock(&self.health).clone()
    }

    /// The channel as last read.
    pub fn channel(&self) -> &str {
        &self.options.channel
    }

    /// The configured memory budget.
    pub fn memory_budget(&self) -> Option<u64> {
        self.options.memory_budget
    }

    /// Bytes of it that are set aside for something else.
    pub fn reserved_memory(&self) -> u64 {
        self.options.reserved_memory
    }

    /// How users were found in tables that are read by shard, since this refresher was made.
    pub fn user_counts(&self) -> UserCounts {
        self.options.load.user_counters.now()
    }

    fn served_version(&self) -> Option<String> {
        self.registry.current().map(|served| (self.snapshot)(&served).version().to_owned())
    }

    /// Where snapshots come from.
    pub fn location(&self) -> String {
        self.source.store.location()
    }

    fn follow(
        &self,
        work: &mut Work,
        force: bool,
        started: Instant,
        version: &mut String,
    ) -> Result<Outcome, SnapshotError> {
        if force {
            work.etag = None;
            work.retry_at = None;
            lock(&self.health).held_from = None;
        }
        self.look(work)?;
        // A store that says "unchanged" at the first look is wrong, and changes nothing.
        let Some(channel) = work.channel.clone() else { return Ok(Outcome::Unchanged) };
        version.clone_from(&channel.snapshot);
        let current = self.registry.current();
        if current.as_deref().is_some_and(|now| (self.snapshot)(now).version() == channel.snapshot) {
            lock(&self.health).held_from = None;
            return Ok(Outcome::Unchanged);
        }
        // An operator's rollback outlasts polls: only another channel entry, or a forced refresh, ends it.
        if lock(&self.health).held_from.as_ref() == Some(&channel.snapshot) {
            return Ok(Outcome::Held);
        }
        if work.retry_at.as_ref().is_some_and(|(v, at)| *v == channel.snapshot && Instant::now() < *at) {
            return Ok(Outcome::BackingOff);
        }
        self.avoid(work, &channel, force)?;
        let current = self.registry.current();
        // A channel rolled back names what is still in memory, which need not be loaded.
        let resident = self.registry.previous();
        let resident = resident.filter(|old| (self.snapshot)(old).version() == channel.snapshot);
        let next = match resident {
            Some(previous) => previous,
            None => Arc::new(self.load(&channel.snapshot, current.as_ref(), work.died.as_ref())?),
        };
        work.died = None;
        let keep = self.keeps(current.as_deref(), &next);
        self.registry.publish(next, keep);
        let took = started.elapsed();
        let mut health = lock(&self.health);
        health.held_from = None;
        health.swaps += 1;
        health.swapped_at = Some(SystemTime::now());
        health.last_load = took;
        tracing::info!(
            version,
            took_ms = took.as_millis() as u64,
            previous_kept = keep,
            "snapshot is served"
        );
        drop(health);
        self.tidy_cache();
        Ok(Outcome::Swapped { version: version.clone(), took })
    }

    /// The name under which the cache keeps the channel.
    fn document(&self) -> String {
        format!("channel-{}.json", self.options.channel)
    }

    /// Reads the channel if it changed; from the cache if the store is away and nothing is served yet.
    fn look(&self, work: &mut Work) -> Result<(), SnapshotError> {
        let key = Channel::key(&self.options.channel);
        let bytes = match self.source.store.read_if_changed(&key, work.etag.as_deref()) {
            Ok(None) => {
                lock(&self.health).last_checked = Some(SystemTime::now());
                return Ok(());
            }
            Ok(Some(object)) => {
                work.etag = Some(object.etag);
                lock(&self.health).last_checked = Some(SystemTime::now());
                object.bytes
            }
            // Without this a server that is pointed to a snapshot instead of a store waits for a channel for ever.
            Err(StoreError::NotFound { .. }) if self.source.store.read(MANIFEST).is_ok() => {
                return Err(SnapshotError::NoStore { location: self.location() });
            }
            Err(error) => match self.source.cache.recall(&self.document()) {
                // Only at a start, and only where the store is away rather than wrong: later the cache is no news.
                Ok(Some(bytes)) if self.registry.current().is_none() && error.is_transient() => {
                    tracing::warn!(reason = %error, "the store is away: the channel is read from the cache");
                    bytes
                }
                _ => return Err(error.into()),
            },
        };
        work.channel = Some(Channel::parse(&bytes, &key)?);
        Ok(())
    }

    /// `died`: what a process before this one died of.
    fn load(&self, version: &str, current: Option<&Arc<T>>, died: Option<&Mark>) -> Result<T, SnapshotError> {
        let manifest: Manifest = self.source.manifest(version, self.options.load.trusted_keys.as_ref())?;
        let previous = current.map(|now| (self.snapshot)(now));
        let options = &self.options.load;
        // Files are asked for twice, to predict their size and to decode them: each is verified once.
        let known: Mutex<BTreeMap<String, PathBuf>> = Mutex::default();
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
            let again = died.is_some_and(|mark| mark.snapshot == version);
            self.try_out(&file, &manifest, previous, again)?;
            self.set_mark(version, died);
            let memory = self.check_memory(&file, &manifest, previous)?;
            let options = LoadOptions { memory, ..options.clone() };
            (self.prepare)(load(&file, manifest, previous, &options)?)
        };
        // Stages of an embedder take part in this: a panic must cost the snapshot, not the thread that refreshes.
        let caught = catch_unwind(AssertUnwindSafe(|| self.workers.install(prepared)));
        self.clear_mark();
        caught.unwrap_or_else(|_| Err(SnapshotError::Panicked { version: version.to_owned() }))
    }
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
