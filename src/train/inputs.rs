//! What trainers read, derived from the log once and only if one of them asks.

use std::cell::OnceCell;

use super::catalog::Catalog;
use super::event_kind::EventKind;
use super::events::EventLog;
use super::interactions::Interactions;
use super::plan::TrainPlan;
use super::sessions::{Session, baskets, sessions};

/// The log, the catalogue and the plan, with the views of the log that several trainers share.
#[derive(Debug)]
pub(super) struct TrainingInputs<'a> {
    pub(super) log: &'a EventLog,
    pub(super) catalog: &'a Catalog,
    pub(super) plan: &'a TrainPlan,
    sessions: OnceCell<Vec<Session>>,
    baskets: OnceCell<Vec<Session>>,
    interactions: OnceCell<Interactions>,
}

impl<'a> TrainingInputs<'a> {
    pub(super) fn new(log: &'a EventLog, catalog: &'a Catalog, plan: &'a TrainPlan) -> Self {
        let (sessions, baskets, interactions) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { log, catalog, plan, sessions, baskets, interactions }
    }

    /// The sessions of the log, oldest first.
    pub(super) fn sessions(&self) -> &[Session] {
        self.sessions.get_or_init(|| sessions(self.log))
    }

    /// What was put into carts or bought together.
    pub(super) fn baskets(&self) -> &[Session] {
        self.baskets.get_or_init(|| baskets(self.log))
    }

    /// The matrix of users (or sessions) and items.
    pub(super) fn interactions(&self) -> &Interactions {
        // Not before a trainer asks: a trial of one rule table needs no matrix.
        self.interactions.get_or_init(|| Interactions::new(self.log, self.sessions(), self.catalog.len()))
    }

    /// Whether the log has any event of a kind.
    pub(super) fn has(&self, kind: EventKind) -> bool {
        self.log.events.iter().any(|event| event.kind == kind)
    }

    /// The time of the newest event, from which ages are counted.
    pub(super) fn until_ms(&self) -> i64 {
        self.log.period_ms().1
    }
}
