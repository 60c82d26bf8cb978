//! Takes a request, pins a view, runs the placement's pipeline, fills up from the fallback chain.
//!
//! This is the API for embedders:
//!
//! ```no_run
//! use larder::domain::Request;
//! use larder::recommender::Recommender;
//!
//! let recommender = Recommender::open("models")?;
//! let answer = recommender.recommend(&Request::new("pdp.similar").viewing("P00042").page_size(8))?;
//! for item in &answer.slate.items {
//!     println!("{} {}", answer.id(item.item), item.score);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod applier;
mod cache;
mod catalog_order;
mod clock;
mod compile;
mod counts;
mod error;
mod event_outcome;
mod fallback;
mod golden;
mod latency;
mod limits;
mod live_state;
mod make;
mod memory;
mod own_filter;
mod pace;
mod plan;
mod prepare;
mod price;
mod recipe;
mod recipe_error;
mod recommendation;
mod recorded_ids;
mod remembered;
mod resolve;
mod spec;
mod status;
mod view;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use crate::domain::{ItemIdx, Request, Slate};
use crate::live::Backlog;
use crate::live::recent::Recent;
use crate::pipeline::Stages;
use crate::snapshot::{LoadOptions, Registry, Snapshot, SnapshotError, open_directory};

use answer::Origin;
pub use applier::{Applier, Done, EventBatch, EventQueue, NoEvent, OtherEvents, QueueError, Record};
use clock::Clock;
use counts::CountsByPlacement;
pub use counts::{OTHERS, PlacementCounts};
pub use error::RecommendError;
pub use event_outcome::EventOutcome;
pub use limits::Limits;
pub use live_state::{LiveState, LiveStatus};
pub use plan::Plan;
pub use prepare::PreparedRequest;
use prepare::UserRows;
pub use price::Price;
pub use recommendation::{Pinned, Recommendation, Reuse};
pub use spec::{Objective, PlacementSpec, PlacementsFile, StageSpec};
pub use status::{PlacementStatus, ViewStatus};
pub use view::{Placement, Versions, View};

/// Answers requests from whatever view is served at the moment. Share one between threads: the way of a request takes
/// no lock that all requests share.
#[derive(Debug)]
pub struct Recommender {
    registry: Arc<Registry<View>>,
    limits: Limits,
    clock: Clock,
    counts: CountsByPlacement,
    backlog: Option<Arc<Backlog>>,
    recent: Option<Arc<Recent>>,
}

impl Recommender {
    /// A recommender over a registry that somebody else fills.
    pub fn new(registry: Arc<Registry<View>>, limits: Limits) -> Self {
        let counts = CountsByPlacement::default();
        Self { registry, limits, clock: Clock::System, counts, backlog: None, recent: None }
    }

    /// Answers with what events say that sessions, visitors and users did lately.
    pub fn with_recent(self, recent: Arc<Recent>) -> Self {
        Self { recent: Some(recent), ..self }
    }

    /// Is not ready before this backlog of events is over.
    pub fn with_backlog(self, backlog: Arc<Backlog>) -> Self {
        Self { backlog: Some(backlog), ..self }
    }

    /// Tells the time by `now` instead of by the system's clock, as a test or a replay of recorded requests wants it.
    /// Only stages that [need](crate::pipeline::Needs::clock) the time of day see it; deadlines are not moved.
    pub fn with_clock(self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { clock: Clock::Given(Arc::new(now)), ..self }
    }

    /// Serves the snapshot in a directory: a store's root (its channel `production`) or a snapshot's own directory.
    ///
    /// # Errors
    /// Why the snapshot cannot be served.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SnapshotError> {
        let snapshot = open_directory(path.as_ref(), "production", &LoadOptions::default())?;
        Self::with(snapshot, &Stages::default(), Limits::default())
    }

    /// Serves one snapshot with the given stage kinds.
    ///
    /// # Errors
    /// A recipe that does not fit the snapshot.
    pub fn with(snapshot: Snapshot, stages: &Stages, limits: Limits) -> Result<Self, SnapshotError> {
        let registry = Arc::new(Registry::default());
        // Nothing to roll back to: the view before is not kept.
        registry.publish(Arc::new(View::prepare(snapshot, stages)?), false);
        Ok(Self::new(registry, limits))
    }

    /// How answers came about since this recommender was made, by placement. The counts outlive every swap and only
    /// ever grow; placements beyond some thousand names are counted together, as [`OTHERS`].
    ///
    /// Of several recommenders over one registry, the one that is first to answer for a placement of a view counts it.
    pub fn counts(&self) -> BTreeMap<String, PlacementCounts> {
        self.counts.read()
    }

    /// Whether a view is served, with what happened before the start.
    pub fn is_ready(&self) -> bool {
        self.registry.current().is_some() && self.backlog.as_ref().is_none_or(|backlog| backlog.is_over())
    }

    /// What is served now.
    pub fn served(&self) -> Option<Arc<View>> {
        self.registry.current()
    }

    /// Answers one request.
    ///
    /// Unknown users and items are no errors; while anything may be shown the slate is not short. Blocks in two cases:
    /// while features of a user whose shard is not in memory are read, for [`Limits::user_features_wait`] at most; and
    /// while another thread makes the slate for the same request.
    ///
    /// # Errors
    /// An unknown placement, a value out of range, no snapshot yet.
    pub fn recommend(&self, request: &Request) -> Result<Recommendation, RecommendError> {
        let prepared = self.prepare(std::slice::from_ref(request))?;
        prepared.wait();
        self.complete(request, &prepared)
    }

    /// Answers the request that was prepared, without waiting for the user's features: those that are not in memory by
    /// now are late. It waits where another thread is making the slate for the same request.
    ///
    /// # Errors
    /// As [`Recommender::recommend`].
    pub fn complete(
        &self,
        request: &Request,
        prepared: &PreparedRequest,
    ) -> Result<Recommendation, RecommendError> {
        self.complete_slot(request, 0, None, prepared)
    }

    /// As [`Recommender::recommend`], into a slate whose memory is used again: what it held is dropped, also after an
    /// error.
    ///
    /// Once the slate and this thread have answered such requests before, nothing is allocated, but for what only some
    /// requests need: a filter expression of their own, ids that the catalogue does not know.
    ///
    /// # Errors
    /// As [`Recommender::recommend`].
    pub fn recommend_into(&self, request: &Request, slate: &mut Slate) -> Result<Pinned, RecommendError> {
        slate.clear();
        let prepared = self.prepare(std::slice::from_ref(request))?;
        prepared.wait();
        let unknown = UserRows::default();
        let users = prepared.users(0).unwrap_or(&unknown);
        let origin = self.answer_into(&prepared.view, request, &[], prepared.started, users, slate)?;
        let Origin { personal, cached, reuse, clock } = origin;
        Ok(Pinned { view: prepared.view, personal, cached, reuse, clock })
    }

    /// Answers the slots of one page from one view; with `deduplicate`, no item is in two of them.
    ///
    /// Slots are answered in order: an earlier slot has the first choice.
    pub fn recommend_batch(
        &self,
        requests: &[Request],
        deduplicate: bool,
    ) -> Vec<Result<Recommendation, RecommendError>> {
        match self.prepare(requests) {
            Ok(prepared) => {
                prepared.wait();
                let mut shown = Vec::new();
                let slots = requests.iter().enumerate();
                slots
                    .map(|(place, request)| {
                        self.complete_slot(request, place, deduplicate.then_some(&mut shown), &prepared)
                    })
                    .collect()
            }
            // One outcome a slot, as always: preparing fails only where nothing is served.
            Err(_) => requests.iter().map(|_| Err(RecommendError::NotReady)).collect(),
        }
    }

    /// Answers the slot at `place` of the requests that were prepared, as
    /// [`Recommender::complete`] does. With `shown`, what
    /// is in it is shown elsewhere on the page: it is left out, and what is answered is added.
    ///
    /// There is one clock for the page, from its beginning: a caller waits for all of it.
    ///
    /// # Errors
    /// As [`Recommender::recommend`].
    pub fn complete_slot(
        &self,
        request: &Request,
        place: usize,
        shown: Option<&mut Vec<ItemIdx>>,
        prepared: &PreparedRequest,
    ) -> Result<Recommendation, RecommendError> {
        let unknown = UserRows::default();
        let users = prepared.users(place).unwrap_or(&unknown);
        let before = shown.as_ref().map_or(&[][..], |shown| shown.as_slice());
        let answer = self.answer(&prepared.view, request, before, prepared.started, users)?;
        // Item numbers and not ids: all slots of a page are answered from one view.
        if let Some(shown) = shown {
            shown.extend(answer.slate.items.iter().map(|item| item.item));
        }
        Ok(answer)
    }
}
