//! A user table on disk: shards are read when a user of theirs comes, by few threads, into a cache of bounded size.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::flight::Flight;
use super::{IdFilter, Lookup, Pending, UserCounters, UserTable, Users, row, shard_of, threads};
use crate::artifact::table::{Table, TableError};
use crate::feature::Features;

/// Threads that read shards of one table: more of them answer bursts of new users sooner and take more of the CPU from
/// serving.
const READERS: usize = 2;
/// Upper bound on shards that wait to be read; a user of a further one is late at once. Raising it makes users wait for
/// what comes too late for them anyway.
const QUEUE: usize = 256;

/// Turns a shard's rows into a table.
type Decode = fn(&Table) -> Result<UserTable, TableError>;

/// What is known of a sharded file after its ids were read.
#[derive(Debug)]
pub(in crate::snapshot) struct Plan {
    /// The row group of each shard; `None` for a shard without users.
    pub(in crate::snapshot) groups: Vec<Option<u32>>,
    /// Knows whom no shard has.
    pub(in crate::snapshot) filter: IdFilter,
    /// Bytes of the cache.
    pub(in crate::snapshot) memory: u64,
    /// Bytes that all shards would take.
    pub(in crate::snapshot) whole: u64,
    /// What lookups are counted in.
    pub(in crate::snapshot) counters: Arc<UserCounters>,
}

/// A user table of which the cache holds what was asked for lately. Dropping it ends its threads.
#[derive(Debug)]
pub(in crate::snapshot) struct Sharded {
    plan: Plan,
    cache: Cache<u32, Users>,
    flights: Arc<Mutex<HashMap<u32, Arc<Flight>>>>,
    jobs: SyncSender<u32>,
    readings: Arc<AtomicU64>,
}

impl Sharded {
    /// Starts the threads that read shards of `table`, which is the file at `path`.
    pub(in crate::snapshot) fn open(table: &Table, plan: Plan, decode: Decode) -> Result<Self, TableError> {
        let cache = Cache::builder()
            .weigher(|_, shard: &Users| u32::try_from(weight(shard)).unwrap_or(u32::MAX))
            .max_capacity(plan.memory)
            // The newest shard always gets in: a user waits for it.
            .eviction_policy(EvictionPolicy::lru())
            .build();
        let (jobs, queue) = sync_channel(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        let flights: Arc<Mutex<HashMap<u32, Arc<Flight>>>> = Arc::default();
        let readings: Arc<AtomicU64> = Arc::default();
        for reader in 0..READERS {
            let reader_of = Reader {
                table: table.clone(),
                groups: plan.groups.clone(),
                cache: cache.clone(),
                flights: Arc::clone(&flights),
                readings: Arc::clone(&readings),
                counters: Arc::clone(&plan.counters),
                decode,
            };
            let queue = Arc::clone(&queue);
            // A load runs on threads that yield to everybody; those who read for requests must not begin as such.
            let started = threads::start(format!("larder-users-{reader}"), move || reader_of.run(&queue));
            started.map_err(|error| table.unreadable(error))?;
        }
        Ok(Self { plan, cache, flights, jobs, readings })
    }

    pub(super) fn find(&self, user: &str) -> Lookup {
        if !self.plan.filter.may_have(user) {
            self.plan.counters.unknown();
            return Lookup::Unknown;
        }
        let shard = shard_of(user, self.plan.groups.len() as u32);
        if let Some(users) = self.cache.get(&shard) {
            self.plan.counters.hit();
            return row(&users, user).into();
        }
        self.plan.counters.miss();
        // The lock is held for a look-up and never for a reading: requests do not wait for each other's disks.
        let mut flights = lock(&self.flights);
        if let Some(flight) = flights.get(&shard) {
            return Lookup::Pending(Pending::new(Arc::clone(flight), user));
        }
        // It may have landed between the two looks.
        if let Some(users) = self.cache.get(&shard) {
            return row(&users, user).into();
        }
        let flight = Arc::new(Flight::new(Arc::clone(&self.plan.counters)));
        match self.jobs.try_send(shard) {
            Ok(()) => drop(flights.insert(shard, Arc::clone(&flight))),
            // Too many wait already: this one would be late in any case, so it is told at once.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => flight.land(None),
        }
        Lookup::Pending(Pending::new(flight, user))
    }

    pub(super) fn resident_bytes(&self) -> usize {
        // A cache counts as full: it will be, and the memory budget must hold then too.
        let cache = usize::try_from(self.plan.memory.min(self.plan.whole)).unwrap_or(usize::MAX);
        cache.saturating_add(self.plan.filter.resident_bytes()).saturating_add(self.plan.groups.len() * 8)
    }

    pub(super) fn readings(&self) -> u64 {
        self.readings.load(Ordering::Relaxed)
    }

    pub(super) fn cached_bytes(&self) -> u64 {
        self.cache.run_pending_tasks();
        self.cache.weighted_size()
    }
}

/// What one thread needs to read shards: a file of its own, and where to put them.
struct Reader {
    table: Table,
    groups: Vec<Option<u32>>,
    cache: Cache<u32, Users>,
    flights: Arc<Mutex<HashMap<u32, Arc<Flight>>>>,
    readings: Arc<AtomicU64>,
    counters: Arc<UserCounters>,
    decode: Decode,
}

impl Reader {
    /// Reads what is asked for until the table is dropped.
    fn run(self, queue: &Mutex<Receiver<u32>>) {
        // On Linux this sets the calling thread only: reading yields to answering. Without the right to, it does not.
        let _ = rustix::process::setpriority_process(None, 5);
        loop {
            // The readers share one end of the queue: the lock is held while waiting, and whoever has it takes the next
            // shard.
            let next = lock(queue).recv();
            let Ok(shard) = next else { return };
            // Through the cache, so that a shard that came meanwhile is not read twice, and a failure is not kept.
            let read = || self.cache.try_get_with(shard, || self.read(shard));
            let users = match catch_unwind(AssertUnwindSafe(read)) {
                Ok(Ok(users)) => Some(users),
                Ok(Err(error)) => self.failed(shard, &error),
                Err(_) => self.failed(shard, &"its reader gave up on the file's structure"),
            };
            // The shard is in the cache before its flight is gone: a request between the two finds one or the other.
            let flight = lock(&self.flights).remove(&shard);
            if let Some(flight) = flight {
                flight.land(users);
            }
        }
    }

    fn read(&self, shard: u32) -> Result<Users, TableError> {
        self.readings.fetch_add(1, Ordering::Relaxed);
        let group = self.groups.get(shard as usize).copied().flatten();
        let users = match group {
            Some(group) => self.table.group(group as usize).and_then(|rows| (self.decode)(&rows)),
            None => Ok(UserTable { users: Default::default(), rows: Features::new(0) }),
        };
        users.map(Arc::new)
    }

    /// Counts and logs the 1st, 2nd, 4th, 8th … failure: each request may meet one, and must not fill the log.
    fn failed(&self, shard: u32, reason: &dyn std::fmt::Display) -> Option<Users> {
        let failures = self.counters.failed();
        if failures.is_power_of_two() {
            tracing::warn!(
                shard,
                %reason,
                failures,
                "a shard of user features could not be read; its users count as late"
            );
        }
        None
    }
}

fn weight(shard: &UserTable) -> usize {
    shard.resident_bytes() + size_of::<UserTable>()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
