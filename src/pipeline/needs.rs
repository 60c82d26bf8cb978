//! What a stage reads beside the request's candidates, said once when its recipe is compiled.

use std::sync::Arc;

use crate::domain::{ChunkedBitmap, ClockStep};
use crate::snapshot::UserFeatures;

/// What a stage reads. The runner has it ready, and whatever keeps answers knows what they depend on.
///
/// Name what applies and take the rest from `..Needs::default()`: more may be added.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Catalogue columns, gathered once for all stages of a placement after retrieval; read them with
    /// [`CandidateSet::feature`](crate::domain::CandidateSet::feature).
    pub columns: Vec<String>,
    /// Positions, in the catalogue, of the columns that the stage reads of its own accord from
    /// [`Live::attributes`](crate::live::Live::attributes) to put items in order. A kept slate is not shown any more
    /// once an event has changed one of them, or of `columns`, in one of its items.
    pub attributes: Vec<usize>,
    /// Artifacts with users' features, at most [`USER_TABLES`](super::USER_TABLES), for scorers only. The user's rows
    /// are looked up before the runner starts, which is the one thing that a request may wait for, and are in
    /// [`Query::user_rows`](super::Query::user_rows) in this order.
    pub user_tables: Vec<Arc<UserFeatures>>,
    /// Whether, and how finely, what the stage does changes with [`Context::time`](super::Context::time). Kept answers
    /// are reused within one step of the clock only.
    pub clock: Option<ClockStep>,
    /// Whether it reads state that changes while a view is served, such as a handle that its factory captured. Answers
    /// of its placement are never kept, here or by a client.
    pub live: bool,
    /// Filter expressions over the items' attributes, each with the items that pass it in the snapshot. Live state
    /// keeps them up to date; read them with [`Live::filter`](crate::live::Live::filter).
    pub filters: Vec<(Arc<str>, ChunkedBitmap)>,
    /// What it makes of the items that a request looks from.
    pub signals: Signals,
}

/// Which of the things that a request says of its seed items can change what a stage does. Where no stage of a
/// placement reads one of them, a request that sets it is warned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signals {
    /// Their weights.
    pub weights: bool,
    /// Their roles, other than DISLIKED, which counts everywhere.
    pub roles: bool,
}

impl Needs {
    /// Adds what another stage of the placement needs.
    pub fn add(&mut self, other: Self) {
        let Self { columns, attributes, user_tables, clock, live, filters, signals } = other;
        for column in columns {
            if !self.columns.contains(&column) {
                self.columns.push(column);
            }
        }
        self.attributes.extend(attributes);
        self.user_tables.extend(user_tables);
        self.filters.extend(filters);
        // The finest step of all, and none is the coarsest.
        self.clock = self.clock.max(clock);
        self.live |= live;
        self.signals.weights |= signals.weights;
        self.signals.roles |= signals.roles;
    }
}
