//! What a shop's data allows the tuner to try.

use crate::train::{Catalog, EventKind, EventLog, TrainPlan, baskets};

/// What a shop's data allows: which artifacts there will be, and which questions can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DatasetTraits {
    /// Some events say who did it.
    pub(super) users: bool,
    /// Something was bought.
    pub(super) purchases: bool,
    /// Something was only looked at.
    pub(super) views: bool,
    /// Some session has two items in its cart or bought.
    pub(super) baskets: bool,
    /// Some items have a `category`.
    pub(super) category: bool,
    /// The catalogue says what is in stock.
    pub(super) stock: bool,
    /// The catalogue is small enough for EASE.
    pub(super) ease: bool,
}

impl DatasetTraits {
    pub(super) fn new(log: &EventLog, catalog: &Catalog, plan: &TrainPlan) -> Self {
        let events = || log.events.iter();
        Self {
            // An event that was undone is not learned from: a user with no other has no history and no vector.
            users: events().any(|event| event.user.is_some() && event.kind != EventKind::Undone),
            purchases: events().any(|event| event.kind == EventKind::Purchase),
            views: events().any(|event| event.kind == EventKind::View),
            baskets: !baskets(log).is_empty(),
            category: events().any(|event| catalog.text("category", event.item).is_some()),
            stock: catalog.has_flag("in_stock"),
            ease: catalog.len() <= plan.ease_max_items,
        }
    }
}
