//! The fallback chain: while anything may be shown, a slate is neither empty nor short.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::Placement;
use super::catalog_order::CatalogOrder;
use super::memory::Memory;
use super::resolve::Resolved;
use crate::domain::{Cause, DeadlineCheck, Degradation, DegradationLevel, Request, Slate, SlateItem, score};
use crate::pipeline::{Context, Scratch, StageError};

/// Where the kinds of items of a filled-up slate begin.
pub(super) struct Filled {
    /// Items from here on come from the fallback chain.
    own: usize,
    /// Items from here on were excluded softly.
    relaxed: usize,
}

/// How long after the deadline a fallback may go on that has looked at some thousand items in vain. Raising it fills
/// slates whose filter admits next to nothing, and makes them later.
const GRACE: Duration = Duration::from_millis(1);

/// Fills `slate` to the end of the page and one more item: from the placement's fallback sources, in order, then from
/// whatever the mask admits. If that does not fill the page, the soft exclusions (session, history) are lifted and all
/// of them are asked again.
pub(super) fn fill(
    placement: &Placement,
    order: &CatalogOrder,
    ctx: &Context<'_>,
    page: &Range<usize>,
    memory: &mut Memory,
    slate: &mut Slate,
) -> Filled {
    // Fallback sources are cheap lists and the last resort: they are asked even when the time is up. Where a mask
    // admits next to nothing they are long all the same.
    let ctx = Context { deadline: ctx.deadline.later(GRACE), ..*ctx };
    let own = slate.items.len();
    if own <= page.end {
        ask(placement, order, &ctx, page.end + 1, memory, slate);
    }
    let relaxed = slate.items.len();
    // Only for the page itself: to know whether there is another one is no reason to show again what was seen.
    if relaxed < page.end && memory.scratch.mask.relax() {
        ask(placement, order, &ctx, page.end, memory, slate);
    }
    Filled { own, relaxed }
}

impl Filled {
    /// Says in the slate's degradation what of the page is not the recipe's own. The slate has all items up to the
    /// page's end, and one more if there is one.
    pub(super) fn note(
        &self,
        page: &Range<usize>,
        resolved: &Resolved<'_>,
        request: &Request,
        order: &CatalogOrder,
        slate: &mut Slate,
    ) {
        let end = page.end.min(slate.items.len());
        let own = self.own.min(end).saturating_sub(page.start);
        let filled = end.saturating_sub(self.own.max(page.start));
        if filled == 0 && (own > 0 || page.start > 0) {
            return; // nothing else may be shown: a short answer, not a lesser one
        }
        let Slate { items, degradation, missing_item_ids, .. } = slate;
        let level = level(own, filled);
        // Where there was no time, nothing is known of what the recipe would have found.
        if !degradation.causes.iter().any(|cause| cause.is_deadline()) {
            note_causes(resolved, request, !missing_item_ids.is_empty(), level, degradation);
        }
        degradation.level = degradation.level.max(level);
        let shown = items.get(self.own.max(page.start)..end).unwrap_or_default();
        if shown.iter().any(|item| Arc::ptr_eq(&item.source, &order.label)) {
            degradation.note(level, Cause::CatalogOrder);
        }
        if end > self.relaxed {
            degradation.note(level, Cause::ExclusionsRelaxed);
        }
        if end < page.end {
            degradation.note(level, Cause::Filtered);
        }
    }
}

fn ask(
    placement: &Placement,
    order: &CatalogOrder,
    ctx: &Context<'_>,
    size: usize,
    memory: &mut Memory,
    slate: &mut Slate,
) {
    let Memory { scratch: Scratch { set, mask, .. }, found, .. } = memory;
    // 0 is below everything that the recipe scored, whatever a fallback's own scale.
    let item = |item, source: &Arc<str>| SlateItem { item, score: 0.0, source: Arc::clone(source) };
    for fallback in &placement.fallback {
        if slate.items.len() >= size {
            return;
        }
        set.reset(ctx.live.rows(), 1);
        // What the slate has comes first in the set, so that what is new in it comes after.
        let known = slate.items.len();
        for item in &slate.items {
            set.push(item.item, 0.0);
        }
        if let Err(error) = fallback.stage.retrieve(ctx, mask, set) {
            let cause = if error == StageError::Deadline { Cause::Deadline } else { Cause::StageFailed };
            slate.degradation.note(DegradationLevel::Partial, cause);
            slate.degradation.skipped_stages.push(Arc::clone(&fallback.label));
            tracing::debug!(stage = %fallback.label, %error, "fallback failed");
        }
        // A fallback is no more trusted to look at the mask than a source is.
        let new = set.items().iter().zip(set.retrieved(0)).skip(known);
        let admitted = new.filter(|(item, _)| mask.admits(**item));
        found.clear();
        found.extend(admitted.map(|(item, score)| score::key(*score, *item)));
        score::keep_top(found, size - slate.items.len());
        slate.items.extend(found.iter().map(|key| item(score::item(*key), &fallback.label)));
    }
    // Not one of the sources above: those say how many they give, and this gives what is missing and looks no further.
    if slate.items.len() < size {
        set.reset(ctx.live.rows(), 1);
        for item in &slate.items {
            set.push(item.item, 0.0);
        }
        let (missing, mut check) = (size - slate.items.len(), DeadlineCheck::new(ctx.deadline));
        order.first(
            mask,
            ctx.live.arrivals().map(|(item, _)| item),
            |item| set.contains(item),
            missing,
            &mut check,
            |new| slate.items.push(item(new, &order.label)),
        );
        if check.is_late() {
            slate.degradation.note(DegradationLevel::Partial, Cause::Deadline);
        }
    }
}

/// Notes why nothing came of the recipe, from what the request had to offer; `missing`: it named ids that are not
/// known.
fn note_causes(
    resolved: &Resolved<'_>,
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
    // An item that is known and led nowhere is no signal's fault: the recipe had too few candidates.
    match (named, known) {
        (true, false) if missing => degradation.note(level, Cause::UnknownItems),
        (true, false) => degradation.note(level, Cause::NoSignal),
        (false, _) if resolved.query.user.is_none() => degradation.note(level, Cause::NoSignal),
        _ if resolved.unknown_user => {}
        _ => degradation.note(level, Cause::FewCandidates),
    }
}

/// The level of an answer of which `own` items come from the recipe and `filled` from the fallback chain.
fn level(own: usize, filled: usize) -> DegradationLevel {
    match (own, filled) {
        (0, 0) => DegradationLevel::Empty,
        (0, _) => DegradationLevel::Fallback,
        (_, 0) => DegradationLevel::None,
        _ => DegradationLevel::Backfilled,
    }
}
