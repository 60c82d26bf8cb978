//! The hall: takes a request, pins a snapshot, walks the placement's pipeline, fills up from the fallback ladder.
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
//!     println!("{} {}", answer.snapshot.id(item.item), item.score);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod cache;
mod compile;
mod counts;
mod error;
mod fallback;
mod golden;
mod limits;
mod plan;
mod prepare;
mod resolve;
mod spec;
mod status;
mod view;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::domain::{ItemIdx, Request, Slate};
use crate::pipeline::{Deadline, Stages};
use crate::snapshot::{LoadOptions, Registry, Snapshot, SnapshotError, open_directory};

use answer::Origin;
pub use counts::PlacementCounts;
pub use error::RecommendError;
pub use limits::Limits;
pub use plan::Plan;
pub use prepare::PreparedRequest;
use prepare::UserRows;
pub use spec::{Objective, PlacementSpec, PlacementsFile, StageSpec};
pub use status::{PlacementStatus, ViewStatus};
pub use view::{Placement, View};

/// A slate and the snapshot that its item numbers belong to.
#[derive(Debug, Clone)]
pub struct Recommendation {
    /// The answer.
    pub slate: Slate,
    /// The snapshot pinned for it.
    pub snapshot: Arc<Snapshot>,
    /// Whether the answer may depend on who asked: a user, a visitor or a session.
    pub personal: bool,
    /// Whether it was in the result cache, or somebody else was just making it.
    pub cached: bool,
}

/// What a slate that somebody else holds was made from.
#[derive(Debug, Clone)]
pub struct Pinned {
    /// The snapshot that its item numbers belong to.
    pub snapshot: Arc<Snapshot>,
    /// As [`Recommendation::personal`].
    pub personal: bool,
    /// As [`Recommendation::cached`].
    pub cached: bool,
}

/// Answers requests from whatever snapshot is served at the moment. Share it; it takes no lock.
#[derive(Debug)]
pub struct Recommender {
    registry: Arc<Registry<View>>,
    limits: Limits,
}

impl Recommender {
    /// A recommender over a registry that somebody else fills.
    pub fn new(registry: Arc<Registry<View>>, limits: Limits) -> Self {
        Self { registry, limits }
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
        registry.publish(Arc::new(View::prepare(snapshot, stages)?), false);
        Ok(Self::new(registry, limits))
    }

    /// Whether a snapshot is served.
    pub fn is_ready(&self) -> bool {
        self.registry.current().is_some()
    }

    /// What is served now.
    pub fn served(&self) -> Option<Arc<View>> {
        self.registry.current()
    }

    /// Answers one request.
    ///
    /// Unknown users and items are no errors; while anything is servable the slate is not empty. Blocks only where the
    /// placement reads features of a user whose shard is not in memory, for [`Limits::user_features_wait`] at most.
    ///
    /// # Errors
    /// An unknown placement, a value out of range, no snapshot yet.
    pub fn recommend(&self, request: &Request) -> Result<Recommendation, RecommendError> {
        let prepared = self.prepare(std::slice::from_ref(request))?;
        prepared.wait();
        self.complete(request, &prepared)
    }

    /// Answers the request that was prepared, without waiting for anything: what is not known of the user by now is late.
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

    /// As [`Recommender::recommend`], into a slate whose memory is used again: what it held is dropped, also after an error.
    ///
    /// Once the slate and this thread have answered such requests before, nothing is allocated, but for what only some requests
    /// need: a filter expression of their own, ids that the catalogue does not know.
    ///
    /// # Errors
    /// As [`Recommender::recommend`].
    pub fn recommend_into(&self, request: &Request, slate: &mut Slate) -> Result<Pinned, RecommendError> {
        slate.clear();
        let prepared = self.prepare(std::slice::from_ref(request))?;
        prepared.wait();
        let unknown = UserRows::default();
        let users = prepared.users(0).unwrap_or(&unknown);
        let origin = self.answer_into(&prepared.served, request, &[], prepared.started, users, slate)?;
        let Origin { personal, cached } = origin;
        Ok(Pinned { snapshot: Arc::clone(&prepared.served.snapshot), personal, cached })
    }

    /// Answers the slots of one page from one snapshot; with `deduplicate`, no item is in two of them.
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
            Err(_) => requests.iter().map(|_| Err(RecommendError::NotReady)).collect(),
        }
    }

    /// Answers the slot at `place` of the requests that were prepared, without waiting for anything. With `shown`, what is in it is
    /// shown elsewhere on the page: it is left out, and what is answered is added.
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
        let answer = self.answer(&prepared.served, request, before, prepared.started, users)?;
        if let Some(shown) = shown {
            shown.extend(answer.slate.items.iter().map(|item| item.item));
        }
        Ok(answer)
    }

    fn page_size(&self, request: &Request, placement: &Placement) -> Result<usize, RecommendError> {
        let most = self.limits.max_page_size;
        let size = request.page_size.unwrap_or(placement.page_size.min(most));
        if size == 0 || size > most {
            let reason = format!(
                "is {size}, expected 1 to {most}; leave it out for this placement's own size of {}",
                placement.page_size
            );
            return Err(RecommendError::Invalid { field: "page_size".to_owned(), reason });
        }
        if request.offset > self.limits.max_offset {
            let reason =
                format!("pages {} items deep, over the limit of {}", request.offset, self.limits.max_offset);
            return Err(RecommendError::Invalid { field: "page_token".to_owned(), reason });
        }
        Ok(size)
    }

    fn budget(&self, request: &Request, placement: &Placement) -> Option<Duration> {
        let own = placement.max_latency.filter(|_| self.limits.placement_deadlines);
        [request.budget, own, self.limits.max_latency].into_iter().flatten().min()
    }

    fn deadline(&self, request: &Request, placement: &Placement, started: Instant) -> Deadline {
        let budget = self.budget(request, placement);
        budget.map_or(Deadline::NEVER, |budget| Deadline::at(started, budget))
    }
}

/// Refuses attributes that the catalogue does not have, before any work is done.
fn check_fields(request: &Request, snapshot: &Snapshot) -> Result<(), RecommendError> {
    let catalog = snapshot.catalog();
    let unknown = |name: &&String| *name != "*" && catalog.column(name).is_none();
    match request.item_fields.iter().enumerate().find(|(_, name)| unknown(name)) {
        None => Ok(()),
        Some((at, name)) => {
            let hint = catalog.nearest(name).map(|name| format!("; did you mean \"{name}\"?"));
            let (name, hint) = (name.chars().take(64).collect::<String>(), hint.unwrap_or_default());
            let reason = format!("the catalogue has no attribute \"{name}\"{hint}");
            Err(RecommendError::Invalid { field: format!("item_fields[{at}]"), reason })
        }
    }
}
