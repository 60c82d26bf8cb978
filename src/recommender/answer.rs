//! One request answered from one pinned view: by the result cache, or by as much of the recipe as there is time for.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cache::{Flight, Key, Made, ResultCache, is_common};
use super::counts::{Counts, Lookup};
use super::latency::TimeBudget;
use super::limits::check_fields;
use super::prepare::UserRows;
use super::remembered::Remembered;
use super::{Placement, Plan, RecommendError, Recommendation, Recommender, Reuse, View};
use crate::domain::{Deadline, ItemIdx, Moment, Request, Slate};
use crate::feature::Predicate;

/// Any odd number with bits all over (the golden ratio's): cells that differ give digests that differ.
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

/// How an answer came about, as far as callers are told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) personal: bool,
    pub(super) cached: bool,
    pub(super) reuse: Reuse,
    pub(super) clock: Option<Moment>,
}

/// One request, and all that its answer is made from.
pub(super) struct Asked<'a> {
    pub(super) view: &'a View,
    pub(super) placement: &'a Placement,
    pub(super) request: &'a Request,
    pub(super) shown: &'a [ItemIdx],
    pub(super) users: &'a UserRows,
    pub(super) size: usize,
    /// The time that stages read and that the answer's key names: one for both, or an answer of ten o'clock could be
    /// kept under eleven.
    pub(super) time: Option<Moment>,
    pub(super) deadline: Deadline,
    /// That of a kept slate from another state of events.
    pub(super) max_age: Duration,
    /// Upper bound on what it may cost.
    pub(super) max_price: u64,
    /// What events say of the subject; `None` where they say nothing.
    pub(super) remembered: Option<Remembered<'a>>,
    /// Whether that was anything.
    pub(super) is_remembered: Cell<bool>,
    /// `None` for an evaluation, which is no traffic.
    pub(super) counts: Option<&'a Counts>,
}

impl Recommender {
    pub(super) fn answer(
        &self,
        view: &Arc<View>,
        request: &Request,
        shown: &[ItemIdx],
        started: Instant,
        users: &UserRows,
    ) -> Result<Recommendation, RecommendError> {
        let mut slate = Slate::default();
        let origin = self.answer_into(view, request, shown, started, users, &mut slate)?;
        let Origin { personal, cached, reuse, clock } = origin;
        Ok(Recommendation { slate, view: Arc::clone(view), personal, cached, reuse, clock })
    }

    /// Fills an empty slate.
    pub(super) fn answer_into(
        &self,
        view: &View,
        request: &Request,
        shown: &[ItemIdx],
        started: Instant,
        users: &UserRows,
        slate: &mut Slate,
    ) -> Result<Origin, RecommendError> {
        let placement = view.placement(&request.placement)?;
        let size = self.page_size(request, placement)?;
        check_fields(request, &view.snapshot)?;
        // An evaluation and a swap's warming ask without the placements' deadlines, and are no traffic.
        let counts = if self.limits.placement_deadlines {
            Some(placement.counts(&request.placement, &self.counts))
        } else {
            None
        };
        // Only where a stage reads it: to ask the system for the time takes longer than to find a slate in the cache.
        let time = placement.needs.clock.map(|_| self.clock.now());
        let deadline = self.deadline(request, placement, started);
        let recent = self.recent.as_deref().filter(|_| request.subject.is_known());
        let remembered = recent.and_then(|recent| Remembered::of(recent, &request.subject));
        let asked = Asked {
            view,
            placement,
            request,
            shown,
            users,
            size,
            time,
            deadline,
            max_age: self.limits.max_slate_age,
            max_price: self.limits.max_price,
            remembered,
            is_remembered: Cell::new(false),
            counts,
        };
        let personal = request.subject.is_known() || !request.session_events.is_empty();
        let cached = self.look_up_or_make(&asked, slate)?;
        Ok(Origin { personal, cached, reuse: asked.reuse(), clock: time })
    }

    /// Says whether the slate came from the cache.
    fn look_up_or_make(&self, asked: &Asked<'_>, slate: &mut Slate) -> Result<bool, RecommendError> {
        let cache = self.cache(asked);
        let found = cache.filter(|_| asked.is_common()).and_then(|cache| Some((cache, asked.key()?)));
        let Some((cache, key)) = found else {
            asked.looked_up(Lookup::Uncacheable);
            // The slate is empty and becomes the common one, if the plan wants that: no second one is needed.
            let (budget, plan) = asked.plan(cache, slate);
            return asked.make(budget, plan, slate).map(|()| false);
        };
        // Before a plan is made: a slate that is there takes no time worth planning.
        let holds = |kept: &Slate, made| asked.holds(kept, made);
        if cache.find(key.bytes(), slate, holds) {
            asked.looked_up(Lookup::Hit);
            return Ok(true);
        }
        let (budget, plan) = asked.plan(None, slate);
        let flight = match plan {
            Plan::Full => {
                let make = |slate: &mut Slate| asked.make(budget, plan, slate);
                cache.make(key.bytes(), slate, make, |slate| asked.made(slate), holds)
            }
            // A lesser slate is not kept, so nobody can share it.
            _ => Flight::Useless,
        };
        let shared = matches!(flight, Flight::Shared);
        asked.looked_up(if shared { Lookup::Hit } else { Lookup::Miss });
        match flight {
            Flight::Made(outcome) => outcome?,
            Flight::Shared => {}
            Flight::Useless => asked.make(budget, plan, slate)?,
        }
        Ok(shared)
    }

    /// The cache of the pinned view, if this placement's slates are in one.
    fn cache<'a>(&self, asked: &Asked<'a>) -> Option<&'a ResultCache> {
        let bytes = self.limits.result_cache_bytes;
        let kept = asked.placement.cache && !asked.placement.needs.live;
        (bytes > 0 && kept).then(|| asked.view.cache(bytes))
    }
}

impl Asked<'_> {
    fn is_common(&self) -> bool {
        is_common(self.request)
            && self.remembered.is_none()
            && self.shown.is_empty()
            && !self.request.validate_only
    }

    fn made(&self, slate: &Slate) -> Made {
        Made { epoch: self.view.live.epoch(), at: Instant::now(), digest: self.digest(slate) }
    }

    /// Of what stages read of a slate's items, as it is now.
    fn digest(&self, slate: &Slate) -> u64 {
        let attributes = self.view.live.attributes();
        let columns = self.placement.needs.attributes.iter().filter_map(|at| attributes.column_at(*at));
        let cells =
            columns.flat_map(|column| slate.items.iter().map(|entry| column.number(entry.item.row())));
        cells.fold(0, |digest, cell| (digest ^ cell.to_bits()).wrapping_mul(MIX).rotate_left(29))
    }

    /// Whether a slate that was made from another state of events may be shown: nothing in it may be gone since or have
    /// changed in what it is ordered by, and what came since must not wait for long.
    fn holds(&self, slate: &Slate, made: Made) -> bool {
        let live = &self.view.live;
        if made.epoch == live.epoch() {
            return true;
        }
        // A short slate would take whatever came since.
        slate.items.len() >= self.size
            && made.epoch >= live.fresh_from()
            && made.at.elapsed() < self.max_age
            && slate.items.iter().all(|entry| live.is_listed(entry.item))
            && self.pass(slate)
            && made.digest == self.digest(slate)
    }

    /// Whether the items pass the placement's filters, and the request's own, as they are now.
    fn pass(&self, slate: &Slate) -> bool {
        let live = &self.view.live;
        let items = || slate.items.iter().map(|entry| entry.item);
        for (expression, _) in &self.placement.needs.filters {
            if live.filter(expression).is_some_and(|allowed| !items().all(|item| allowed.contains(item))) {
                return false;
            }
        }
        let Some(own) = self.request.filter.as_deref().filter(|text| !text.trim().is_empty()) else {
            return true;
        };
        // For some dozen items and not for the catalogue: it is cheaper than to make the slate.
        let predicate = Predicate::compile(own, live.attributes(), &self.request.filter_params);
        predicate.is_ok_and(|predicate| items().all(|item| predicate.holds(item.row())))
    }

    fn looked_up(&self, lookup: Lookup) {
        if let Some(counts) = self.counts {
            counts.looked_up(lookup);
        }
    }

    fn key(&self) -> Option<Key> {
        let step = self.placement.needs.clock.zip(self.time).map(|(clock, time)| time.step(clock));
        Key::of(self.request, self.size, step)
    }

    fn reuse(&self) -> Reuse {
        // Before the clock: state that may change at any time outweighs a step that is known.
        if self.placement.needs.live || self.is_remembered.get() {
            return Reuse::Never;
        }
        match self.placement.needs.clock.zip(self.time) {
            Some((clock, time)) => Reuse::Step { number: time.step(clock), left: time.left_of(clock) },
            None => Reuse::View,
        }
    }

    /// Chooses how to answer. For [`Plan::Cached`] the slate that it needs is in `common` then.
    fn plan(&self, cache: Option<&ResultCache>, common: &mut Slate) -> (TimeBudget, Plan) {
        let Some(due) = self.deadline.due() else { return (TimeBudget::Full, Plan::Full) };
        let budget = self.placement.latency.budget(due, &self.placement.pipeline);
        let plan = match budget {
            TimeBudget::Full | TimeBudget::Trial => Plan::Full,
            TimeBudget::NoRerank => Plan::NoRerank,
            TimeBudget::NoRetrieval if self.has_common(cache, common) => Plan::Cached,
            TimeBudget::NoRetrieval => Plan::Popular,
        };
        (budget, plan)
    }

    /// Whether the slate is known that anybody would get, on whose first page this subject's can be built.
    fn has_common(&self, cache: Option<&ResultCache>, common: &mut Slate) -> bool {
        // Of a later page, what this subject has seen of the pages before it would have to be left out of those as
        // well.
        let Some(cache) = cache.filter(|_| self.request.offset == 0) else { return false };
        self.key().is_some_and(|key| cache.find(key.bytes(), common, |_, _| true))
    }
}
