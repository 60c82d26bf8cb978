//! What a caller gets: a slate, and what it was made from.

use std::sync::Arc;
use std::time::Duration;

use super::View;
use crate::domain::{ItemIdx, Moment, Slate};
use crate::snapshot::Snapshot;

/// A slate and the view that its item numbers belong to.
#[derive(Debug, Clone)]
pub struct Recommendation {
    /// The answer.
    pub slate: Slate,
    /// The view pinned for it.
    pub view: Arc<View>,
    /// Whether the answer may depend on who asked: a user, a visitor, or what happened in a session.
    pub personal: bool,
    /// Whether it was in the result cache, or somebody else was just making it.
    pub cached: bool,
    /// For how long the same request gets the same items.
    pub reuse: Reuse,
    /// The time that stages of the placement read, or would have if the answer had not been in the result cache; `None`
    /// where none of them reads it.
    pub clock: Option<Moment>,
}

/// What a slate that somebody else holds was made from.
#[derive(Debug, Clone)]
pub struct Pinned {
    /// The view that its item numbers belong to.
    pub view: Arc<View>,
    /// As [`Recommendation::personal`].
    pub personal: bool,
    /// As [`Recommendation::cached`].
    pub cached: bool,
    /// As [`Recommendation::reuse`].
    pub reuse: Reuse,
    /// As [`Recommendation::clock`].
    pub clock: Option<Moment>,
}

/// For how long the same request gets the same items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// For as long as its view is served.
    View,
    /// Within this step of the clock, since a stage of the placement reads the time.
    Step {
        /// The number of the step; no other step of the placement has it.
        number: u64,
        /// How long it lasts from when the answer was made.
        left: Duration,
    },
    /// Not at all: a stage of the placement reads state that changes while a view is served.
    Never,
}

impl Recommendation {
    /// The snapshot that the slate was made from.
    pub fn snapshot(&self) -> &Snapshot {
        &self.view.snapshot
    }

    /// The id of an item of the slate.
    pub fn id(&self, item: ItemIdx) -> &str {
        self.view.live.id(item)
    }
}

impl Pinned {
    /// The snapshot that the slate was made from.
    pub fn snapshot(&self) -> &Snapshot {
        &self.view.snapshot
    }

    /// The id of an item of the slate.
    pub fn id(&self, item: ItemIdx) -> &str {
        self.view.live.id(item)
    }
}
