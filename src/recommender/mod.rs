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

mod compile;
mod error;
mod golden;
mod ladder;
mod resolve;
mod served;
mod spec;
mod users;

use std::cell::RefCell;
use std::mem::take;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::domain::{Cause, Degradation, DegradationLevel, ItemIdx, Request, Slate, View, score};
use crate::pipeline::{Deadline, Scratch, Stages};
use crate::snapshot::{LoadOptions, Registry, Snapshot, SnapshotError, open_directory};

pub use error::RecommendError;
pub use served::{Placement, Served};
pub use spec::{Objective, PlacementSpec, PlacementsFile, StageSpec};
pub use users::Begun;
use users::UserRows;

/// Server-side limits that a request may lower and never raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest page.
    pub max_page_size: usize,
    /// How deep a ranking may be paged.
    pub max_offset: usize,
    /// The longest time one answer may take; `None`: as long as the placement allows.
    pub max_latency: Option<Duration>,
    /// Whether the placements' own `max_latency_ms` counts; evaluation turns it off, and waits for users' features as long as
    /// it takes.
    pub placement_deadlines: bool,
    /// The longest time to wait for a user's features that are not in memory.
    pub user_features_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_page_size: 100,
            max_offset: 1000,
            max_latency: None,
            placement_deadlines: true,
            user_features_wait: Duration::from_millis(20),
        }
    }
}

/// A slate and the snapshot that its item numbers belong to.
#[derive(Debug, Clone)]
pub struct Recommendation {
    /// The answer.
    pub slate: Slate,
    /// The snapshot pinned for it.
    pub snapshot: Arc<Snapshot>,
    /// Whether the answer may depend on who asked: a user, a visitor or a session.
    pub personal: bool,
}

/// What a slate that somebody else holds was made from.
#[derive(Debug, Clone)]
pub struct Pinned {
    /// The snapshot that its item numbers belong to.
    pub snapshot: Arc<Snapshot>,
    /// As [`Recommendation::personal`].
    pub personal: bool,
}

/// Answers requests from whatever snapshot is served at the moment. Share it; it takes no lock.
#[derive(Debug)]
pub struct Recommender {
    registry: Arc<Registry<Served>>,
    limits: Limits,
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// What one thread uses for one request after another.
#[derive(Debug, Default)]
struct Memory {
    spare: resolve::Spare,
    scratch: Scratch,
    found: Vec<score::Key>,
}

impl Recommender {
    /// A recommender over a registry that somebody else fills.
    pub fn new(registry: Arc<Registry<Served>>, limits: Limits) -> Self {
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
        registry.publish(Arc::new(Served::prepare(snapshot, stages)?), false);
        Ok(Self::new(registry, limits))
    }

    /// Whether a snapshot is served.
    pub fn is_ready(&self) -> bool {
        self.registry.current().is_some()
    }

    /// What is served now.
    pub fn served(&self) -> Option<Arc<Served>> {
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
        let begun = self.begin(std::slice::from_ref(request))?;
        begun.wait();
        self.finish(request, &begun)
    }

    /// Answers the request that was begun, without waiting for anything: what is not known of the user by now is late.
    ///
    /// # Errors
    /// As [`Recommender::recommend`].
    pub fn finish(&self, request: &Request, begun: &Begun) -> Result<Recommendation, RecommendError> {
        self.answer(
            &begun.served,
            request,
            &[],
            begun.started,
            begun.users(0).unwrap_or(&UserRows::default()),
        )
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
        let begun = self.begin(std::slice::from_ref(request))?;
        begun.wait();
        let unknown = UserRows::default();
        let users = begun.users(0).unwrap_or(&unknown);
        let personal = self.answer_into(&begun.served, request, &[], begun.started, users, slate)?;
        Ok(Pinned { snapshot: Arc::clone(&begun.served.snapshot), personal })
    }

    /// Answers the slots of one page from one snapshot; with `deduplicate`, no item is in two of them.
    ///
    /// Slots are answered in order: an earlier slot has the first choice.
    pub fn recommend_batch(
        &self,
        requests: &[Request],
        deduplicate: bool,
    ) -> Vec<Result<Recommendation, RecommendError>> {
        match self.begin(requests) {
            Ok(begun) => {
                begun.wait();
                self.finish_batch(requests, deduplicate, &begun)
            }
            Err(_) => requests.iter().map(|_| Err(RecommendError::NotReady)).collect(),
        }
    }

    /// As [`Recommender::recommend_batch`] for the requests that were begun, without waiting for anything.
    ///
    /// There is one clock for the page, from its beginning: a caller waits for all of it.
    pub fn finish_batch(
        &self,
        requests: &[Request],
        deduplicate: bool,
        begun: &Begun,
    ) -> Vec<Result<Recommendation, RecommendError>> {
        let mut shown = Vec::new();
        let mut answers = Vec::with_capacity(requests.len());
        for (place, request) in requests.iter().enumerate() {
            let unknown = UserRows::default();
            let users = begun.users(place).unwrap_or(&unknown);
            let answer = self.answer(&begun.served, request, &shown, begun.started, users);
            if let (Ok(answer), true) = (&answer, deduplicate) {
                shown.extend(answer.slate.items.iter().map(|item| item.item));
            }
            answers.push(answer);
        }
        answers
    }

    fn answer(
        &self,
        served: &Served,
        request: &Request,
        shown: &[ItemIdx],
        started: Instant,
        users: &UserRows,
    ) -> Result<Recommendation, RecommendError> {
        let mut slate = Slate::default();
        let personal = self.answer_into(served, request, shown, started, users, &mut slate)?;
        Ok(Recommendation { slate, snapshot: Arc::clone(&served.snapshot), personal })
    }

    /// Fills an empty slate; says whether the answer is personal.
    fn answer_into(
        &self,
        served: &Served,
        request: &Request,
        shown: &[ItemIdx],
        started: Instant,
        users: &UserRows,
        slate: &mut Slate,
    ) -> Result<bool, RecommendError> {
        let placement = served.placement(&request.placement)?;
        let snapshot = &served.snapshot;
        let size = self.page_size(request, placement)?;
        check_fields(request, snapshot)?;
        // Taken, not borrowed: a stage may ask another recommender on the same thread.
        let mut memory = MEMORY.take();
        let history = placement.history.as_deref();
        let missing = &mut slate.missing_item_ids;
        let mut resolved =
            match resolve::resolve(request, snapshot, history, shown, &mut memory.spare, missing) {
                Ok(resolved) => resolved,
                Err(error) => {
                    MEMORY.set(memory);
                    slate.clear();
                    return Err(error);
                }
            };
        let late;
        (resolved.query.user_rows, late) = users.now();
        let deadline = self.deadline(request, placement, started);
        if !request.validate_only {
            let page = request.offset..request.offset + size;
            let wanted = page.end + 1; // one more, to know whether there is another page
            let query = &resolved.query;
            let ran = &mut memory.scratch.ran; // writes into the answer's own memory
            (ran.degradation, ran.trace) = (take(&mut slate.degradation), take(&mut slate.trace));
            placement.pipeline.run(request, query, snapshot, deadline, wanted, &mut memory.scratch);
            let ran = &mut memory.scratch.ran;
            (slate.degradation, slate.trace) = (take(&mut ran.degradation), take(&mut ran.trace));
            if late {
                slate.degradation.note(DegradationLevel::Partial, Cause::UserFeaturesLate);
            }
            slate.items.reserve(wanted);
            placement.slate_items(&memory.scratch.set, wanted, &mut slate.items);
            let filled = ladder::fill(placement, request, &resolved, snapshot, &page, &mut memory, slate);
            let missing = !slate.missing_item_ids.is_empty();
            filled.note(&page, slate.items.len(), &resolved, request, missing, &mut slate.degradation);
            slate.more = slate.items.len() > page.end;
            slate.items.truncate(page.end);
            slate.items.drain(..page.start.min(slate.items.len()));
        }
        memory.spare.keep(resolved.query);
        MEMORY.set(memory);
        if request.view == View::Basic {
            slate.trace.clear();
        }
        let subject = &request.subject;
        let known = [&subject.user_id, &subject.visitor_id, &subject.session_id];
        let personal = known.iter().any(|id| id.is_some()) || !request.session_events.is_empty();
        Ok(personal)
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

/// Notes why nothing came of the recipe, from what the request had to offer; `missing`: it named ids that are not known.
fn note_causes(
    resolved: &resolve::Resolved<'_>,
    request: &Request,
    missing: bool,
    level: DegradationLevel,
    degradation: &mut Degradation,
) {
    if resolved.unknown_user {
        degradation.note(level, Cause::UnknownUser);
    }
    let named = !request.seeds.is_empty() || !request.session_events.is_empty();
    let known = !resolved.query.session.is_empty();
    match (named, known) {
        (true, false) if missing => degradation.note(level, Cause::UnknownItems),
        (true, false) => degradation.note(level, Cause::NoSignal),
        (false, _) if resolved.query.user.is_none() => degradation.note(level, Cause::NoSignal),
        _ if resolved.unknown_user => {}
        _ => degradation.note(level, Cause::FewCandidates),
    }
}

/// The level of an answer of which `own` items come from the recipe and `filled` from the ladder.
fn level(own: usize, filled: usize) -> DegradationLevel {
    match (own, filled) {
        (0, 0) => DegradationLevel::Empty,
        (0, _) => DegradationLevel::Fallback,
        (_, 0) => DegradationLevel::None,
        _ => DegradationLevel::Backfilled,
    }
}
