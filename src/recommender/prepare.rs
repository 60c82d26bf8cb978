//! The one thing that a request may wait for, before it is answered: the user's row of a table that is not all in
//! memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::remembered::has_forgotten;
use super::{Placement, RecommendError, Recommender, View};
use crate::domain::Request;
use crate::live::recent::Recent;
use crate::pipeline::USER_TABLES;
use crate::snapshot::{Lookup, Pending, UserRow};

/// How long an evaluation or a golden query waits for a user's features. Its result must not depend on how busy the
/// disk is; raising it lets a broken disk hold up a swap for longer.
const UNHURRIED: Duration = Duration::from_secs(10);

/// One request, or the slots of a page, with a view pinned and the users' features found or on their way.
#[derive(Debug)]
pub struct PreparedRequest {
    pub(super) view: Arc<View>,
    pub(super) started: Instant,
    first: UserRows,
    rest: Vec<UserRows>,
}

/// What is known of one request's user.
#[derive(Debug, Default)]
pub(super) struct UserRows {
    rows: [Option<UserRow>; USER_TABLES],
    pending: [Option<Pending>; USER_TABLES],
    patience: Duration,
}

impl PreparedRequest {
    /// Whether the pinned view has such a placement.
    pub fn has_placement(&self, name: &str) -> bool {
        self.view.placements.contains_key(name)
    }

    /// `None` if nothing is missing, which is nearly always; else for how long it is worth waiting: half of the
    /// shortest budget, and no longer than [`super::Limits::user_features_wait`].
    pub fn patience(&self) -> Option<Duration> {
        // The shortest of all slots: they are answered together, and none may lose its budget to another.
        let waiting = self.all().filter(|users| users.pending().next().is_some());
        waiting.map(|users| users.patience).min()
    }

    /// Blocks until nothing is missing any more, or the patience is over.
    pub fn wait(&self) {
        let Some(patience) = self.patience() else { return };
        for users in self.all() {
            users.wait(patience.saturating_sub(self.started.elapsed()));
        }
    }

    /// Calls `listener` once, when nothing is missing any more: from this thread or the one that reads the last of it.
    pub fn on_ready(&self, listener: impl FnOnce() + Send + 'static) {
        let missing = || self.all().flat_map(UserRows::pending);
        let count = missing().count();
        if count == 0 {
            return listener();
        }
        // Whoever brings the last of the missing rows calls the listener, on its own thread.
        let left = Arc::new(AtomicUsize::new(count));
        let listener = Arc::new(Mutex::new(Some(listener)));
        for pending in missing() {
            let (left, listener) = (Arc::clone(&left), Arc::clone(&listener));
            pending.on_ready(move || {
                if left.fetch_sub(1, Ordering::AcqRel) > 1 {
                    return;
                }
                let listener = listener.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(listener) = listener {
                    listener();
                }
            });
        }
    }

    /// The user of the request at this place.
    pub(super) fn users(&self, place: usize) -> Option<&UserRows> {
        self.all().nth(place)
    }

    fn all(&self) -> impl Iterator<Item = &UserRows> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

impl UserRows {
    /// Blocks until nothing is missing, or the patience is over.
    pub(super) fn wait(&self, patience: Duration) {
        let started = Instant::now();
        for pending in self.pending() {
            pending.wait(patience.saturating_sub(started.elapsed()));
        }
    }

    /// Waits as long as it takes.
    pub(super) fn wait_unhurried(self) -> Self {
        self.wait(UNHURRIED);
        self
    }

    /// The rows, with those that came in the meantime; and whether one of them should be there and is not.
    pub(super) fn now(&self) -> ([Option<UserRow>; USER_TABLES], bool) {
        let (mut rows, mut late) = (self.rows.clone(), None);
        for (row, pending) in rows.iter_mut().zip(&self.pending) {
            let Some(pending) = pending else { continue };
            match pending.row() {
                Some(found) => *row = found,
                None => late = Some(pending),
            }
        }
        if let Some(pending) = late {
            pending.note_late();
        }
        (rows, late.is_some())
    }

    fn pending(&self) -> impl Iterator<Item = &Pending> {
        self.pending.iter().flatten()
    }
}

impl Recommender {
    /// Pins what is served for one request, or for the slots of one page, and asks for what is to be known of the
    /// users.
    ///
    /// For callers that must not block: wait in your own way, for [`PreparedRequest::patience`] at most, then ask for
    /// the answers with [`Recommender::complete`]. Others call [`Recommender::recommend`].
    ///
    /// # Errors
    /// No snapshot yet.
    pub fn prepare(&self, requests: &[Request]) -> Result<PreparedRequest, RecommendError> {
        let view = self.registry.current().ok_or(RecommendError::NotReady)?;
        let started = Instant::now();
        let mut users = requests.iter().map(|request| self.find_user(&view, request));
        // The first apart: a request for one slate, which nearly all are, takes no memory for a list.
        let first = users.next().unwrap_or_default();
        let rest = users.collect();
        Ok(PreparedRequest { view, started, first, rest })
    }

    pub(super) fn find_user(&self, view: &View, request: &Request) -> UserRows {
        let mut users = UserRows::default();
        let Some(placement) = view.placements.get(&request.placement) else { return users };
        let tables = &placement.needs.user_tables;
        let Some(user) = request.subject.user() else { return users };
        let forgets = |recent: &Recent| has_forgotten(recent, view, user);
        if !tables.is_empty() && self.recent.as_deref().is_some_and(forgets) {
            return users;
        }
        // A request that is only checked waits for nobody.
        if tables.is_empty() || request.validate_only {
            return users;
        }
        users.patience = self.patience(request, placement);
        for ((row, pending), table) in users.rows.iter_mut().zip(&mut users.pending).zip(tables) {
            // Pending: a thread reads the user's shard, and nobody waits for it here.
            match table.find(user) {
                Lookup::Known(found) => *row = Some(found),
                Lookup::Unknown => {}
                Lookup::Pending(flight) => *pending = Some(flight),
            }
        }
        users
    }

    fn patience(&self, request: &Request, placement: &Placement) -> Duration {
        // An evaluation compares models, not disks.
        if !self.limits.placement_deadlines {
            return UNHURRIED;
        }
        // Half of the budget is left for the answer itself.
        let budget = self.budget(request, placement).map_or(Duration::MAX, |budget| budget / 2);
        budget.min(self.limits.user_features_wait)
    }
}
