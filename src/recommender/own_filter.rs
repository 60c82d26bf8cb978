//! The request's own filter expression: compiled, then applied.

use std::time::Duration;

use super::{RecommendError, View};
use crate::domain::{Deadline, Request};
use crate::feature::Predicate;
use crate::pipeline::Query;

/// How long after the deadline a filter may still be worked on. What has begun shortly before is finished, so that a
/// deadline of a millisecond or two does not refuse every filter over a large catalogue; raising it lets answers be
/// later.
const GRACE: Duration = Duration::from_millis(2);

/// A request's own filter, if it has one.
#[derive(Debug)]
pub(super) struct OwnFilter<'a>(Option<Predicate<'a>>);

impl<'a> OwnFilter<'a> {
    pub(super) fn of(request: &Request, view: &'a View) -> Result<Self, RecommendError> {
        let Some(text) = request.filter.as_deref().filter(|text| !text.trim().is_empty()) else {
            return Ok(Self(None));
        };
        Ok(Self(Some(Predicate::compile(text, view.live.attributes(), &request.filter_params)?)))
    }

    /// What applying it costs.
    pub(super) fn price(&self, request: &Request) -> u64 {
        let Some(predicate) = &self.0 else { return 0 };
        match request.candidate_item_ids.len() {
            0 => predicate.price(),
            // Only those are asked.
            candidates => predicate.price_of(candidates),
        }
    }

    /// Leaves in the query what may be shown by it.
    pub(super) fn apply(&self, query: &mut Query<'_>, deadline: Deadline) -> Result<(), RecommendError> {
        let Some(predicate) = &self.0 else { return Ok(()) };
        let deadline = deadline.later(GRACE);
        match &mut query.only {
            Some(only) => predicate.retain(only, deadline)?,
            None => query.filter = Some(predicate.select(deadline)?),
        }
        Ok(())
    }
}
