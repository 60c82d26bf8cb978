//! One request answered from one pinned snapshot: by the result cache, or by as much of the recipe as there is time for.

use std::cell::RefCell;
use std::mem::take;
use std::sync::Arc;
use std::time::Instant;

use super::cache::{Flight, Key, ResultCache, is_common};
use super::counts::{Counts, Lookup};
use super::plan::Room;
use super::prepare::UserRows;
use super::resolve::{self, Resolved};
use super::{Placement, Plan, RecommendError, Recommendation, Recommender, View, check_fields, fallback};
use crate::domain::{
    Cause, Consent, DegradationLevel, ItemIdx, ItemMask, Request, ResponseView, Slate, score,
};
use crate::pipeline::{Context, Deadline, Scratch};

/// How an answer came about, as far as callers are told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) personal: bool,
    pub(super) cached: bool,
}

/// One request, and all that its answer is made from.
struct Asked<'a> {
    served: &'a View,
    placement: &'a Placement,
    request: &'a Request,
    shown: &'a [ItemIdx],
    users: &'a UserRows,
    size: usize,
    deadline: Deadline,
    /// `None` for an evaluation, which is no traffic.
    counts: Option<&'a Counts>,
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// What one thread uses for one request after another.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) spare: resolve::Spare,
    pub(super) scratch: Scratch,
    pub(super) found: Vec<score::Key>,
    common: Slate,
}

impl Recommender {
    pub(super) fn answer(
        &self,
        served: &View,
        request: &Request,
        shown: &[ItemIdx],
        started: Instant,
        users: &UserRows,
    ) -> Result<Recommendation, RecommendError> {
        let mut slate = Slate::default();
        let origin = self.answer_into(served, request, shown, started, users, &mut slate)?;
        let Origin { personal, cached } = origin;
        Ok(Recommendation { slate, snapshot: Arc::clone(&served.snapshot), personal, cached })
    }

    /// Fills an empty slate.
    pub(super) fn answer_into(
        &self,
        served: &View,
        request: &Request,
        shown: &[ItemIdx],
        started: Instant,
        users: &UserRows,
        slate: &mut Slate,
    ) -> Result<Origin, RecommendError> {
        let placement = served.placement(&request.placement)?;
        let size = self.page_size(request, placement)?;
        check_fields(request, &served.snapshot)?;
        let deadline = self.deadline(request, placement, started);
        let counts = Some(&*placement.counts).filter(|_| self.limits.placement_deadlines);
        let asked = Asked { served, placement, request, shown, users, size, deadline, counts };
        let subject = &request.subject;
        let known = [&subject.user_id, &subject.visitor_id, &subject.session_id];
        let personal = known.iter().any(|id| id.is_some()) || !request.session_events.is_empty();
        let cached = self.look_up_or_make(&asked, slate)?;
        Ok(Origin { personal, cached })
    }

    /// Says whether the slate came from the cache.
    fn look_up_or_make(&self, asked: &Asked<'_>, slate: &mut Slate) -> Result<bool, RecommendError> {
        let cache = self.cache(asked);
        let found = cache.filter(|_| asked.is_common()).and_then(|cache| Some((cache, asked.key()?)));
        let Some((cache, key)) = found else {
            asked.looked_up(Lookup::Uncacheable);
            let (room, plan) = asked.plan(cache, slate);
            return asked.walk(room, plan, slate).map(|()| false);
        };
        if cache.find(key.bytes(), slate) {
            asked.looked_up(Lookup::Hit);
            return Ok(true);
        }
        let (room, plan) = asked.plan(None, slate);
        let flight = match plan {
            Plan::Full => cache.make(key.bytes(), slate, |slate| asked.walk(room, plan, slate)),
            _ => Flight::Useless,
        };
        let shared = matches!(flight, Flight::Shared);
        asked.looked_up(if shared { Lookup::Hit } else { Lookup::Miss });
        match flight {
            Flight::Made(outcome) => outcome?,
            Flight::Shared => {}
            Flight::Useless => asked.walk(room, plan, slate)?,
        }
        Ok(shared)
    }

    /// The cache of the pinned snapshot, if this placement's slates are in one.
    fn cache<'a>(&self, asked: &Asked<'a>) -> Option<&'a ResultCache> {
        let bytes = self.limits.result_cache_bytes;
        (bytes > 0 && asked.placement.cache).then(|| asked.served.cache(bytes))
    }
}

impl Asked<'_> {
    fn is_common(&self) -> bool {
        let subject = &self.request.subject;
        let user = subject.user_id.as_deref().filter(|_| subject.consent != Consent::Denied);
        is_common(self.request, user) && self.shown.is_empty() && !self.request.validate_only
    }

    fn looked_up(&self, lookup: Lookup) {
        self.counts.into_iter().for_each(|counts| counts.looked_up(lookup));
    }

    fn key(&self) -> Option<Key> {
        Key::of(self.request, self.size, self.placement.pipeline.scorer.inner.reads_clock())
    }

    /// Chooses how to answer. For [`Plan::Cached`] the slate that it needs is in `common` then.
    fn plan(&self, cache: Option<&ResultCache>, common: &mut Slate) -> (Room, Plan) {
        let Some(due) = self.deadline.due() else { return (Room::Full, Plan::Full) };
        let room = self.placement.pace.room(due, &self.placement.pipeline);
        let plan = match room {
            Room::Full | Room::Trial => Plan::Full,
            Room::NoRerank => Plan::NoRerank,
            Room::Little if self.has_common(cache, common) => Plan::Cached,
            Room::Little => Plan::Popular,
        };
        (room, plan)
    }

    /// Whether the slate is known that anybody would get, on whose first page this subject's can be built.
    fn has_common(&self, cache: Option<&ResultCache>, common: &mut Slate) -> bool {
        let Some(cache) = cache.filter(|_| self.request.offset == 0) else { return false };
        self.key().is_some_and(|key| cache.find(key.bytes(), common))
    }

    /// Makes the slate; for [`Plan::Cached`] out of what it holds.
    fn walk(&self, room: Room, plan: Plan, slate: &mut Slate) -> Result<(), RecommendError> {
        let Self { served, placement, request, .. } = *self;
        let snapshot = &served.snapshot;
        // Taken, not borrowed: a stage may ask another recommender on the same thread.
        let mut memory = MEMORY.take();
        if plan == Plan::Cached {
            std::mem::swap(&mut memory.common, slate);
            slate.clear();
        }
        let history = placement.history.as_deref();
        let missing = &mut slate.missing_item_ids;
        let mut resolved =
            match resolve::resolve(request, snapshot, history, self.shown, &mut memory.spare, missing) {
                Ok(resolved) => resolved,
                Err(error) => {
                    MEMORY.set(memory);
                    slate.clear();
                    return Err(error);
                }
            };
        let late;
        (resolved.query.user_rows, late) = self.users.now();
        if !request.validate_only {
            self.counts.into_iter().for_each(|counts| counts.planned(plan));
            let page = request.offset..request.offset + self.size;
            let wanted = page.end + 1; // one more, to know whether there is another page
            let query = &resolved.query;
            let ran = &mut memory.scratch.ran; // writes into the answer's own memory
            (ran.degradation, ran.trace) = (take(&mut slate.degradation), take(&mut slate.trace));
            let (depth, deadline) = (plan.depth(), self.deadline);
            placement.pipeline.run(request, query, snapshot, deadline, depth, wanted, &mut memory.scratch);
            let ran = &mut memory.scratch.ran;
            (slate.degradation, slate.trace) = (take(&mut ran.degradation), take(&mut ran.trace));
            if let Some(cause) = plan.cause() {
                slate.degradation.note(DegradationLevel::Partial, cause);
            }
            if late {
                slate.degradation.note(DegradationLevel::Partial, Cause::UserFeaturesLate);
            }
            slate.items.reserve(wanted);
            if plan == Plan::Cached {
                self.take_over(&resolved, &mut memory, slate);
            } else {
                placement.slate_items(&memory.scratch.set, wanted, &mut slate.items);
            }
            let spans = memory.scratch.ran.spans;
            let filled = fallback::fill(placement, request, &resolved, snapshot, &page, &mut memory, slate);
            if self.deadline.due().is_some() {
                placement.pace.learn(room, &spans);
            }
            let missing = !slate.missing_item_ids.is_empty();
            filled.note(&page, slate.items.len(), &resolved, request, missing, &mut slate.degradation);
            slate.more = slate.items.len() > page.end;
            slate.items.truncate(page.end);
            slate.items.drain(..page.start.min(slate.items.len()));
        }
        memory.spare.keep(resolved.query);
        MEMORY.set(memory);
        if request.view == ResponseView::Basic {
            slate.trace.clear();
        }
        Ok(())
    }

    /// Fills the slate with what this subject may see of the one that anybody gets.
    fn take_over(&self, resolved: &Resolved<'_>, memory: &mut Memory, slate: &mut Slate) {
        let Memory { scratch: Scratch { set, mask, .. }, common, .. } = memory;
        let (request, query, snapshot) = (self.request, &resolved.query, &*self.served.snapshot);
        let mask: &ItemMask = mask;
        let ctx = Context { request, query, snapshot, mask, deadline: Deadline::NEVER };
        set.reset(snapshot.items().len(), 1);
        common.items.iter().for_each(|item| set.push(item.item, item.score));
        if let Err(error) = self.placement.pipeline.filter(&ctx, set) {
            slate.degradation.note(DegradationLevel::Partial, Cause::StageFailed);
            tracing::debug!(%error, "a filter failed");
        }
        let seen = |item: ItemIdx| mask.admits(item) && set.contains(item);
        slate.items.extend(common.items.iter().filter(|item| seen(item.item)).cloned());
    }
}
