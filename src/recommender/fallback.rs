//! The fallback ladder: while anything is servable, a slate is neither empty nor short.

use std::ops::Range;
use std::sync::Arc;

use super::Placement;
use super::answer::Memory;
use super::resolve::Resolved;
use crate::domain::{Cause, Degradation, DegradationLevel, Request, Slate, SlateItem, score};
use crate::pipeline::{Context, Deadline, Scratch};
use crate::snapshot::Snapshot;

/// Where the kinds of items of a filled-up slate begin.
pub(super) struct Filled {
    /// Items from here on come from the ladder.
    ladder: usize,
    /// Items from here on were excluded softly.
    relaxed: usize,
}

/// Fills `slate` from the placement's rungs, in order, under the same mask, to the end of the page and one more item. If that
/// does not fill the page, the soft exclusions (session, history) are lifted and the rungs asked again.
pub(super) fn fill(
    placement: &Placement,
    request: &Request,
    resolved: &Resolved<'_>,
    snapshot: &Snapshot,
    page: &Range<usize>,
    memory: &mut Memory,
    slate: &mut Slate,
) -> Filled {
    let ladder = slate.items.len();
    if ladder <= page.end {
        climb(placement, request, resolved, snapshot, page.end + 1, memory, slate);
    }
    let relaxed = slate.items.len();
    if relaxed < page.end && memory.scratch.mask.relax() {
        climb(placement, request, resolved, snapshot, page.end, memory, slate);
    }
    Filled { ladder, relaxed }
}

impl Filled {
    /// Says in the slate's degradation what of the page is not the recipe's own; `items` is the
    /// ranking's length, `missing` whether the request named ids that are not known.
    pub(super) fn note(
        &self,
        page: &Range<usize>,
        items: usize,
        resolved: &Resolved<'_>,
        request: &Request,
        missing: bool,
        degradation: &mut Degradation,
    ) {
        let end = page.end.min(items);
        let own = self.ladder.min(end).saturating_sub(page.start);
        let filled = end.saturating_sub(self.ladder.max(page.start));
        if filled == 0 && (own > 0 || page.start > 0) {
            return; // the rungs had nothing to add: a short answer, not a lesser one
        }
        let level = level(own, filled);
        if !degradation.causes.iter().any(|cause| cause.is_deadline()) {
            note_causes(resolved, request, missing, level, degradation);
        }
        degradation.level = degradation.level.max(level);
        if end > self.relaxed {
            degradation.note(level, Cause::ExclusionsRelaxed);
        }
        if end < page.end {
            degradation.note(level, Cause::Filtered);
        }
    }
}

fn climb(
    placement: &Placement,
    request: &Request,
    resolved: &Resolved<'_>,
    snapshot: &Snapshot,
    size: usize,
    memory: &mut Memory,
    slate: &mut Slate,
) {
    let Memory { scratch: Scratch { set, mask, .. }, found, .. } = memory;
    // Rungs are cheap lists and the last resort: they are asked even when the time is up.
    let ctx = Context { request, query: &resolved.query, snapshot, mask, deadline: Deadline::NEVER };
    for rung in &placement.fallback {
        if slate.items.len() >= size {
            return;
        }
        set.reset(snapshot.items().len(), 1);
        slate.items.iter().for_each(|item| set.push(item.item, 0.0));
        let retrieved = rung.inner.retrieve(&ctx, set);
        let filtered = placement.pipeline.filter(&ctx, set);
        let kept = slate.items.iter().filter(|item| set.contains(item.item)).count();
        if let Err(error) = retrieved.and(filtered) {
            slate.degradation.note(DegradationLevel::Partial, Cause::StageFailed);
            slate.degradation.skipped_stages.push(Arc::clone(&rung.label));
            tracing::debug!(stage = %rung.label, %error, "rung failed");
        }
        let new = set.items().iter().zip(set.retrieved(0)).skip(kept);
        let admitted = new.filter(|(item, _)| mask.admits(**item));
        found.clear();
        found.extend(admitted.map(|(item, score)| score::key(*score, *item)));
        score::keep_top(found, size - slate.items.len());
        slate.items.extend(found.iter().map(|key| SlateItem {
            item: score::item(*key),
            score: 0.0, // below everything that the recipe scored, whatever the rung's own scale
            source: rung.label.clone(),
        }));
    }
}

/// Notes why nothing came of the recipe, from what the request had to offer; `missing`: it named ids that are not known.
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
