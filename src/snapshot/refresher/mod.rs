//! Keeps the registry on the snapshot that the channel names: polls, loads beside the request path, swaps, reports.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use super::{
    Channel, MANIFEST, Quarantine, RefreshOptions, Registry, Snapshot, SnapshotError, Source, UserCounts,
};
use crate::artifact::{Stop, StoreError};

mod cache;
mod health;
mod loading;
mod mark;
mod memory_budget;
mod quarantine;
mod report;
mod rollback;
mod start;

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
    /// Held by a refresh, which may wait for a store: nothing that must answer at once waits for it.
    work: Mutex<Work>,
    /// The channel as it was last read.
    channel: Mutex<Option<Channel>>,
    /// What ends the load that a refresh is about.
    under_way: Mutex<Option<Stop>>,
    hold: Mutex<Hold>,
    /// Held by a rollback.
    rolling_back: Mutex<()>,
    /// What the process before this one was loading when it died.
    died: Mutex<Option<Mark>>,
    health: Mutex<Health>,
}

/// Where a rollback goes, and what it holds against refreshes. Whoever swaps holds it.
#[derive(Debug, Default)]
struct Hold {
    /// Rollbacks so far: a load that began before the last of them is not served.
    rollbacks: u64,
    /// The snapshot that the channel named then, which is not followed while it does.
    entry: Option<String>,
    /// What was served before what is served now: where a rollback goes.
    before: Option<String>,
}

/// Says that the channel may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookNow;

/// What one refresh leaves for the next.
#[derive(Debug, Default)]
struct Work {
    etag: Option<String>,
    /// Whether the cache was looked at, which a start does once.
    started: bool,
    retry_at: Option<(String, Instant)>,
    failures: u32,
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
        let workers = loading::workers()?;
        let new = Self {
            source,
            registry,
            prepare,
            snapshot,
            options,
            workers,
            quarantine: None,
            work: Mutex::default(),
            channel: Mutex::default(),
            under_way: Mutex::default(),
            hold: Mutex::default(),
            rolling_back: Mutex::default(),
            died: Mutex::default(),
            health: Mutex::default(),
        };
        // Before any load of this process sets its own.
        *lock(&new.died) = new.died_while_loading();
        Ok(new)
    }

    /// Looks at the channel once and follows it; `force` also ends a rollback's hold and any back-off. The first time,
    /// what this server served last is served before the store is asked, if the cache has all of it.
    ///
    /// # Errors
    /// Why the snapshot that the channel names is not served. What was served before goes on being served.
    pub fn refresh(&self, force: bool) -> Result<Outcome, SnapshotError> {
        let mut work = lock(&self.work);
        let started = Instant::now();
        let mut version = String::new();
        // Taken before the refresh, as the log says afterwards what became of it.
        let before = self.served_version();
        if before.is_none() && !std::mem::replace(&mut work.started, true) {
            self.serve_cached();
        }
        let outcome = self.follow(&mut work, force, started, &mut version);
        if outcome.is_err() && self.registry.current().is_none() {
            // Only a server that has nothing goes back: one that serves keeps what it serves.
            self.serve_last_good();
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
            // By a rollback that itself came to nothing. It says nothing of the snapshot.
            Err(SnapshotError::Stopped) => work.etag = None,
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
            lock(&self.hold).entry = None;
            lock(&self.health).held_from = None;
        }
        loop {
            self.look(work)?;
            // A store that says "unchanged" at the first look is wrong, and changes nothing.
            let Some(channel) = lock(&self.channel).clone() else { return Ok(Outcome::Unchanged) };
            version.clone_from(&channel.snapshot);
            let current = self.registry.current();
            let rollbacks = {
                let mut hold = lock(&self.hold);
                if current.as_deref().is_some_and(|now| (self.snapshot)(now).version() == channel.snapshot) {
                    hold.entry = None;
                    lock(&self.health).held_from = None;
                    return Ok(Outcome::Unchanged);
                }
                // An operator's rollback outlasts polls: only another channel entry, or a forced refresh, ends it.
                if hold.entry.as_ref() == Some(&channel.snapshot) {
                    return Ok(Outcome::Held);
                }
                hold.rollbacks
            };
            if work.retry_at.as_ref().is_some_and(|(v, at)| *v == channel.snapshot && Instant::now() < *at) {
                return Ok(Outcome::BackingOff);
            }
            self.avoid(&channel, force)?;
            let current = self.registry.current();
            // A channel rolled back names what is still in memory, which need not be loaded.
            let resident = self.registry.previous();
            let resident = resident.filter(|old| (self.snapshot)(old).version() == channel.snapshot);
            let next = match resident {
                Some(previous) => previous,
                None => match self.load_watched(&channel.snapshot, current.as_ref()) {
                    Ok(loaded) => Arc::new(loaded),
                    // The channel names something else by now, or an operator rolled back.
                    Err(SnapshotError::Stopped) if self.is_news(work, &channel, rollbacks) => continue,
                    Err(error) => return Err(error),
                },
            };
            *lock(&self.died) = None;
            let before = current.as_deref().map(|now| (self.snapshot)(now).version().to_owned());
            let before = before.or(channel.previous);
            if !self.swap(next, current.as_deref(), before, rollbacks, started) {
                return Ok(Outcome::Held);
            }
            self.tidy_cache();
            return Ok(Outcome::Swapped { version: version.clone(), took: started.elapsed() });
        }
    }

    /// Whether something happened, since `channel` was read, that called its load off.
    fn is_news(&self, work: &mut Work, channel: &Channel, rollbacks: u64) -> bool {
        work.etag = None;
        // The rollback that called it off may not have swapped yet.
        drop(lock(&self.rolling_back));
        lock(&self.hold).rollbacks != rollbacks
            || self.look(work).is_ok_and(|()| lock(&self.channel).as_ref() != Some(channel))
    }

    /// Serves `next`, unless an operator rolled back since there were so many `rollbacks`.
    fn swap(
        &self,
        next: Arc<T>,
        current: Option<&T>,
        before: Option<String>,
        rollbacks: u64,
        started: Instant,
    ) -> bool {
        let version = (self.snapshot)(&next).version().to_owned();
        let keep = self.keeps(current, &next);
        let mut hold = lock(&self.hold);
        if hold.rollbacks != rollbacks {
            return false;
        }
        self.registry.publish(next, keep);
        (hold.entry, hold.before) = (None, before);
        drop(hold);
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
        true
    }

    /// The name under which the cache keeps the channel.
    fn document(&self) -> String {
        format!("channel-{}.json", self.options.channel)
    }

    /// Reads the channel if it changed.
    fn look(&self, work: &mut Work) -> Result<(), SnapshotError> {
        let key = Channel::key(&self.options.channel);
        match self.source.store.read_if_changed(&key, work.etag.as_deref()) {
            Ok(None) => {}
            Ok(Some(object)) => {
                let channel = Channel::parse(&object.bytes, &key)?;
                work.etag = Some(object.etag);
                *lock(&self.channel) = Some(channel);
            }
            // Without this a server that is pointed to a snapshot instead of a store waits for a channel for ever.
            Err(StoreError::NotFound { .. }) if self.source.store.read(MANIFEST).is_ok() => {
                return Err(SnapshotError::NoStore { location: self.location() });
            }
            Err(error) => return Err(error.into()),
        }
        lock(&self.health).last_checked = Some(SystemTime::now());
        Ok(())
    }
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
