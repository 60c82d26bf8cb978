//! What the caller rules out: excluded ids, all but the candidate ids, and the request's own filter expression.

use crate::domain::ItemMask;
use crate::pipeline::{Context, Filter, Stage, StageError};

/// Always part of a pipeline; never relaxed.
#[derive(Debug, Default)]
pub struct RequestFilter;

impl Stage for RequestFilter {
    fn label(&self) -> &str {
        "request"
    }
}

impl Filter for RequestFilter {
    fn prefilter(&self, ctx: &Context<'_>, mask: &mut ItemMask) -> Result<(), StageError> {
        // For good: what the caller rules out does not come back when a slate stays short.
        for item in &ctx.query.excluded {
            mask.exclude(*item);
        }
        if let Some(only) = &ctx.query.only {
            mask.allow_only_items(only);
        }
        if let Some(allowed) = &ctx.query.filter {
            mask.allow_only(allowed);
        }
        Ok(())
    }
}
