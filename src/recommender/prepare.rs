//! The one thing that a request may wait for, before its walk begins: the user's row of a table that is not all in memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Placement, RecommendError, Recommender, View};
use crate::domain::{Consent, Request};
use crate::pipeline::USER_TABLES;
use crate::snapshot::{Lookup, Pending, UserRow};

/// How long an evaluation or a golden query waits, which must not depend on the disk's mood.
const UNHURRIED: Duration = Duration::from_secs(10);

/// One request, or the slots of a page, with the snapshot pinned and the users' features found or on their way.
#[derive(Debug)]
pub struct PreparedRequest {
    pub(super) served: Arc<View>,
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
    /// Whether the pinned snapshot has such a placement.
    pub fn has_placement(&self, name: &str) -> bool {
        self.served.placements.contains_key(name)
    }

    /// `None` if nothing is missing, which is nearly always; else for how long it is worth waiting: half of the shortest budget,
    /// and no longer than [`super::Limits::user_features_wait`].
    pub fn patience(&self) -> Option<Duration> {
        let waiting = self.all().filter(|users| users.pending().next().is_some());
        waiting.map(|users| users.patience).min()
    }

    /// Blocks until nothing is missing any more, or the patience is over.
    pub fn wait(&self) {
        let Some(patience) = self.patience() else { return };
        self.all().for_each(|users| users.wait(patience.saturating_sub(self.started.elapsed())));
    }

    /// Calls `listener` once, when nothing is missing any more: from this thread or the one that reads the last of it.
    pub fn on_ready(&self, listener: impl FnOnce() + Send + 'static) {
        let missing = || self.all().flat_map(UserRows::pending);
        let count = missing().count();
        if count == 0 {
            return listener();
        }
        let last = Arc::new((AtomicUsize::new(count), Mutex::new(Some(listener))));
        for pending in missing() {
            let last = Arc::clone(&last);
            pending.on_ready(move || {
                if last.0.fetch_sub(1, Ordering::AcqRel) == 1 {
                    let listener = last.1.lock().unwrap_or_else(PoisonError::into_inner).take();
                    listener.into_iter().for_each(|listener| listener());
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
    /// Pins what is served for one request, or for the slots of one page, and asks for what is to be known of the users.
    ///
    /// For callers that must not block: wait in your own way, for [`PreparedRequest::patience`] at most, then ask for the answers with
    /// [`Recommender::complete`]. Others call [`Recommender::recommend`].
    ///
    /// # Errors
    /// No snapshot yet.
    pub fn prepare(&self, requests: &[Request]) -> Result<PreparedRequest, RecommendError> {
        let served = self.registry.current().ok_or(RecommendError::NotReady)?;
        let started = Instant::now();
        let mut users = requests.iter().map(|request| self.find_user(&served, request));
        let first = users.next().unwrap_or_default();
        let rest = users.collect();
        Ok(PreparedRequest { served, started, first, rest })
    }

    pub(super) fn find_user(&self, served: &View, request: &Request) -> UserRows {
        let mut users = UserRows::default();
        let Some(placement) = served.placements.get(&request.placement) else { return users };
        let tables = placement.pipeline.scorer.inner.user_tables();
        let consents = request.subject.consent != Consent::Denied;
        let user = request.subject.user_id.as_deref().filter(|_| consents && !request.validate_only);
        let Some(user) = user.filter(|_| !tables.is_empty()) else { return users };
        users.patience = self.patience(request, placement);
        for ((row, pending), table) in users.rows.iter_mut().zip(&mut users.pending).zip(tables) {
            match table.find(user) {
                Lookup::Known(found) => *row = Some(found),
                Lookup::Unknown => {}
                Lookup::Pending(flight) => *pending = Some(flight),
            }
        }
        users
    }

    fn patience(&self, request: &Request, placement: &Placement) -> Duration {
        if !self.limits.placement_deadlines {
            return UNHURRIED;
        }
        let budget = self.budget(request, placement).map_or(Duration::MAX, |budget| budget / 2);
        budget.min(self.limits.user_features_wait)
    }
}
