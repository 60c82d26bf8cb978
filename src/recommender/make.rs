//! One slate made, by the recipe or what a plan leaves of it, and filled up by the fallback chain.

use std::cell::RefCell;
use std::mem::take;

use super::answer::Asked;
use super::latency::TimeBudget;
use super::memory::Memory;
use super::own_filter::OwnFilter;
use super::price::Price;
use super::resolve::{self, Resolved};
use super::{Plan, RecommendError, fallback};
use crate::domain::{Cause, DegradationLevel, ItemMask, Slate};
use crate::pipeline::Context;

// A thread answers one request at a time; what the largest of them needed is there for the next.
thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

impl Asked<'_> {
    /// Makes the slate; for [`Plan::Cached`] out of what it holds.
    pub(super) fn make(
        &self,
        budget: TimeBudget,
        plan: Plan,
        slate: &mut Slate,
    ) -> Result<(), RecommendError> {
        // Taken, not borrowed: a stage may ask another recommender on the same thread.
        let mut memory = MEMORY.take();
        if plan == Plan::Cached {
            std::mem::swap(&mut memory.common, slate);
            slate.clear();
        }
        let made = self.make_with(budget, plan, &mut memory, slate);
        MEMORY.set(memory);
        // A refused request leaves nothing behind, not even the ids that were looked up before the refusal.
        if made.is_err() {
            slate.clear();
        }
        made
    }

    fn make_with(
        &self,
        budget: TimeBudget,
        plan: Plan,
        memory: &mut Memory,
        slate: &mut Slate,
    ) -> Result<(), RecommendError> {
        let (request, placement) = (self.request, self.placement);
        // What may be refused comes first: the memory of the last query is not lost with a refusal.
        let filter = OwnFilter::of(request, self.view)?;
        Price::of(request, placement, self.view, &filter).check(self.max_price, None)?;
        // Written into the slate at once: ids that are missing need no list of their own.
        let (spare, missing) = (&mut memory.spare, &mut slate.missing_item_ids);
        let mut resolved =
            resolve::resolve(request, self.view, placement, self.remembered, self.shown, spare, missing)?;
        self.is_remembered.set(resolved.is_remembered);
        placement.warn(request, &mut slate.warnings);
        let late;
        (resolved.query.user_rows, late) = self.users.now();
        let mut outcome = Ok(());
        if !request.validate_only {
            outcome = filter.apply(&mut resolved.query, self.deadline);
            if outcome.is_ok() {
                self.run(budget, plan, late, &resolved, memory, slate);
            }
        }
        memory.spare.keep(resolved.query);
        outcome
    }

    fn run(
        &self,
        budget: TimeBudget,
        plan: Plan,
        late: bool,
        resolved: &Resolved<'_>,
        memory: &mut Memory,
        slate: &mut Slate,
    ) {
        let (request, placement) = (self.request, self.placement);
        if let Some(counts) = self.counts {
            counts.planned(plan);
        }
        let page = request.offset..request.offset + self.size;
        let wanted = page.end + 1; // one more, to know whether there is another page
        let ctx = Context {
            request,
            query: &resolved.query,
            snapshot: &self.view.snapshot,
            live: &self.view.live,
            time: self.time,
            deadline: self.deadline,
        };
        // The runner writes into the answer's own memory.
        let outcome = &mut memory.scratch.outcome;
        (outcome.degradation, outcome.trace) = (take(&mut slate.degradation), take(&mut slate.trace));
        placement.pipeline.run(&ctx, plan.depth(), wanted, &mut memory.scratch);
        let outcome = &mut memory.scratch.outcome;
        (slate.degradation, slate.trace) = (take(&mut outcome.degradation), take(&mut outcome.trace));
        let spans = outcome.spans;
        if let Some(cause) = plan.cause() {
            slate.degradation.note(DegradationLevel::Partial, cause);
        }
        if late {
            slate.degradation.note(DegradationLevel::Partial, Cause::UserFeaturesLate);
        }
        // At once: an answer takes memory for its items one time and not each time that it doubles.
        slate.items.reserve(wanted);
        if plan == Plan::Cached {
            take_over(&memory.common, &memory.scratch.mask, slate);
        } else {
            placement.slate_items(&memory.scratch.set, wanted, &mut slate.items);
        }
        let order = &self.view.catalog_order;
        let filled = fallback::fill(placement, order, &ctx, &page, memory, slate);
        // After the fallbacks, whose time a plan has to leave.
        if self.deadline.due().is_some() {
            placement.latency.learn(budget, &spans);
        }
        filled.note(&page, resolved, request, order, slate);
        slate.more = slate.items.len() > page.end;
        // Pages are cut from the whole ranking, so that they join without gap or overlap.
        slate.items.truncate(page.end);
        slate.items.drain(..page.start.min(slate.items.len()));
    }
}

/// Fills the slate with what this subject may see of the one that anybody gets.
fn take_over(common: &Slate, mask: &ItemMask, slate: &mut Slate) {
    slate.items.extend(common.items.iter().filter(|item| mask.admits(item.item)).cloned());
}
