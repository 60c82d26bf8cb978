//! The third room: what must not be shown.

mod attribute;
mod exclude;
mod request;

use super::{Context, FilterFactory};
use crate::domain::CandidateSet;

pub use attribute::AttributeFilter;
pub use exclude::{ExcludeFilter, Exclusion};
pub use request::RequestFilter;

/// The kinds that recipes may list under `filters`; `filter` and `exclude` have keys of their own.
pub(super) fn kinds() -> [(&'static str, FilterFactory); 1] {
    [("attribute", AttributeFilter::make)]
}

/// Drops what a source added although the mask does not admit it.
fn keep_admitted(ctx: &Context<'_>, set: &mut CandidateSet) {
    set.retain_items(|item| ctx.mask.admits(item));
}
