//! Filters: what must not be shown.

mod attribute;
mod exclude;
mod request;

use super::Stages;

pub use attribute::AttributeFilter;
pub use exclude::{ExcludeFilter, Exclusion};
pub use request::RequestFilter;

/// The kinds that recipes may list under `filters`; `filter` and `exclude` have keys of their own.
pub(super) fn add_kinds(stages: Stages) -> Stages {
    stages.filter("attribute", AttributeFilter::make)
}
