//! The fallback ladder: while anything is servable, a slate is neither empty nor short.

use super::resolve::Resolved;
use super::{Placement, causes, level};
use crate::domain::{Cause, DegradationLevel, Request, Slate, SlateItem, score};
use crate::pipeline::{Context, Deadline, Scratch};
use crate::snapshot::Snapshot;

/// Fills `slate` up to `size` items from the placement's rungs, in order, under the same mask. If that is not enough, the soft
/// exclusions (session, history) are lifted and the rungs asked again. Says so in the slate's degradation.
pub(super) fn fill(
    placement: &Placement,
    request: &Request,
    resolved: &Resolved<'_>,
    snapshot: &Snapshot,
    size: usize,
    scratch: &mut Scratch,
    slate: &mut Slate,
) {
    let own = slate.items.len();
    climb(placement, request, resolved, snapshot, size, scratch, slate);
    if slate.items.len() < size && scratch.mask.relax() {
        let before = slate.items.len();
        climb(placement, request, resolved, snapshot, size, scratch, slate);
        if slate.items.len() > before {
            slate.degradation.note(DegradationLevel::Backfilled, Cause::ExclusionsRelaxed);
        }
    }
    let filled = slate.items.len() - own;
    if filled == 0 && own > 0 {
        return; // the whole of what may be shown is there: a short answer, not a lesser one
    }
    let late = slate.degradation.causes.contains(&Cause::Deadline);
    let reasons = if late { Vec::new() } else { causes(resolved, request) };
    let level = level(own, filled);
    slate.degradation.level = slate.degradation.level.max(level);
    reasons.into_iter().for_each(|cause| slate.degradation.note(level, cause));
    if slate.items.len() < size {
        slate.degradation.note(level, Cause::Filtered);
    }
}

fn climb(
    placement: &Placement,
    request: &Request,
    resolved: &Resolved<'_>,
    snapshot: &Snapshot,
    size: usize,
    scratch: &mut Scratch,
    slate: &mut Slate,
) {
    let Scratch { set, mask } = scratch;
    // Rungs are cheap lists and the last resort: they are asked even when the time is up.
    let ctx = Context { request, query: &resolved.query, snapshot, mask, deadline: Deadline::NEVER };
    for rung in &placement.fallback {
        if slate.items.len() >= size {
            return;
        }
        set.reset(snapshot.items().len(), 1);
        slate.items.iter().for_each(|item| set.push(item.item, 0.0));
        let kept = set.len();
        if let Err(error) = rung.inner.retrieve(&ctx, set) {
            slate.degradation.note(DegradationLevel::Partial, Cause::StageFailed);
            slate.degradation.skipped_stages.push(rung.label.to_string());
            tracing::debug!(stage = %rung.label, %error, "rung failed");
        }
        let mut found: Vec<score::Key> = (kept..set.len())
            .filter(|row| mask.admits(set.items()[*row]))
            .map(|row| score::key(set.retrieved(0)[row], set.items()[row]))
            .collect();
        score::keep_top(&mut found, size - slate.items.len());
        slate.items.extend(found.into_iter().map(|key| SlateItem {
            item: score::item(key),
            score: 0.0, // below everything that the recipe scored, whatever the rung's own scale
            source: rung.label.clone(),
        }));
    }
}
