//! What the caller rules out: excluded ids, all but the candidate ids, and the request's own filter expression.

use super::keep_admitted;
use crate::domain::{CandidateSet, ItemMask};
use crate::pipeline::{Context, Filter, Query, StageError};
use crate::snapshot::Snapshot;

/// Always part of a pipeline; never relaxed.
#[derive(Debug, Default)]
pub struct RequestFilter;

impl Filter for RequestFilter {
    fn filter(&self, ctx: &Context<'_>, set: &mut CandidateSet) -> Result<(), StageError> {
        keep_admitted(ctx, set);
        Ok(())
    }

    fn prefilter(&self, query: &Query<'_>, _snapshot: &Snapshot, mask: &mut ItemMask) {
        query.excluded.iter().for_each(|item| mask.exclude(*item));
        if let Some(only) = &query.only {
            mask.allow_only_items(only);
        }
        if let Some(allowed) = &query.filter {
            mask.allow_only(allowed);
        }
    }
}
