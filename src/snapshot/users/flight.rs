//! A shard on its way into memory, and those who wait for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{UserCounters, UserRow, Users, row};

/// Called once when the shard is there, or cannot be read.
type Listener = Box<dyn FnOnce() + Send>;

/// A user whose shard is being read. Everybody who needs the shard waits for the same reading.
#[derive(Debug, Clone)]
pub struct Pending {
    flight: Arc<Flight>,
    user: Box<str>,
}

/// A shard that is being read.
pub(super) struct Flight {
    state: Mutex<State>,
    landed: Condvar,
    counters: Arc<UserCounters>,
}

#[derive(Default)]
struct State {
    landed: bool,
    /// Kept beyond its time in the cache, as long as somebody who waited for it holds on to it.
    users: Option<Users>,
    listeners: Vec<Listener>,
}

impl std::fmt::Debug for Flight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Flight")
    }
}

impl Pending {
    pub(super) fn new(flight: Arc<Flight>, user: &str) -> Self {
        Self { flight, user: user.into() }
    }

    /// The user's row, if the shard is there; `Some(None)` if it has no such user.
    pub fn row(&self) -> Option<Option<UserRow>> {
        let state = self.flight.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.users.as_ref().map(|users| row(users, &self.user))
    }

    /// Counts an answer that was given without the user's features because they were late.
    pub fn note_late(&self) {
        self.flight.counters.late();
    }

    /// Blocks until the shard is there or `patience` is over; says whether it is there.
    pub fn wait(&self, patience: Duration) -> bool {
        let started = Instant::now();
        let mut state = self.flight.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.landed {
            let left = patience.saturating_sub(started.elapsed());
            if left.is_zero() {
                return false;
            }
            state = self.flight.landed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Calls `listener` when the shard is there: at once if it is, else from the thread that reads it.
    pub fn on_ready(&self, listener: impl FnOnce() + Send + 'static) {
        let mut state = self.flight.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.landed {
            drop(state);
            listener();
        } else {
            state.listeners.push(Box::new(listener));
        }
    }
}

impl Flight {
    pub(super) fn new(counters: Arc<UserCounters>) -> Self {
        Self { state: Mutex::default(), landed: Condvar::new(), counters }
    }

    /// Tells everybody who waits what came of it; `None` if the shard could not be read.
    pub(super) fn land(&self, users: Option<Users>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.landed = true;
        state.users = users;
        // Called after the lock is dropped: a listener may ask this same flight.
        let listeners = std::mem::take(&mut state.listeners);
        drop(state);
        self.landed.notify_all();
        for listener in listeners {
            // Somebody else's code: if it panics, the thread that reads goes on, and the next one is told.
            let _ = catch_unwind(AssertUnwindSafe(listener));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_told_once_and_who_comes_late_at_once() {
        let flight = Arc::new(Flight::new(Arc::default()));
        let pending = Pending::new(Arc::clone(&flight), "ada");
        assert!(!pending.wait(Duration::ZERO));
        let (tell, told) = std::sync::mpsc::channel();
        let early = tell.clone();
        pending.on_ready(|| panic!("a listener that gives up is no reason not to tell the next one"));
        pending.on_ready(move || early.send("early").unwrap());
        let waiter = std::thread::spawn({
            let pending = pending.clone();
            move || pending.wait(Duration::from_secs(60))
        });
        flight.land(None);
        assert!(waiter.join().unwrap() && pending.wait(Duration::ZERO));
        assert!(pending.row().is_none(), "it could not be read");
        pending.on_ready(move || tell.send("late").unwrap());
        assert_eq!(told.iter().collect::<Vec<_>>(), ["early", "late"]);
    }
}
