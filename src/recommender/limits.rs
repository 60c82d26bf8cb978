//! The section `[limits]`: what a request may ask for, and how long its answer may take.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Placement, RecommendError, Recommender};
use crate::domain::{Deadline, Request};
use crate::setting::{As, NoneOr, SettingError, Size, Time, duration_within, number_within, size_within};
use crate::snapshot::Snapshot;

/// Server-side limits that a request may lower and never raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Upper bound on the items of a page; raising it lets one request make a larger answer.
    pub max_page_size: usize,
    /// Upper bound on the items of a ranking before a page; raising it lets one request fill, filter and skip more of
    /// them.
    pub max_offset: usize,
    /// Upper bound on what one request may cost, all slots of a page together, in units of
    /// [`Price`](super::Price); raising it lets one request take more CPU.
    pub max_price: u64,
    /// Upper bound on the time for one answer; `None`: as long as the placement allows.
    #[serde(with = "As::<NoneOr<Time>>")]
    pub max_latency: Option<Duration>,
    /// Whether the placements' own `max_latency_ms` counts; evaluation turns it off, and waits for users' features as
    /// long as it takes.
    #[serde(skip)]
    pub placement_deadlines: bool,
    /// The longest time to wait for a user's features that are not in memory; raising it makes slow answers of degraded
    /// ones.
    #[serde(with = "As::<Time>")]
    pub user_features_wait: Duration,
    /// Bytes for the finished slates of each view; 0 keeps none. Raising it trades memory for CPU.
    #[serde(rename = "result_cache", with = "As::<Size>")]
    pub result_cache_bytes: u64,
    /// The longest that a slate is kept while events change items that are not in it. Raising it saves CPU under a
    /// stream of events, and lets an item that would be in the slate now wait for longer.
    #[serde(with = "As::<Time>")]
    pub max_slate_age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_page_size: 100,
            max_offset: 1000,
            max_price: 10_000_000,
            max_latency: None,
            placement_deadlines: true,
            user_features_wait: Duration::from_millis(20),
            result_cache_bytes: 8 << 20,
            max_slate_age: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), SettingError> {
        // The API's own caps: a server may stay below them.
        number_within("max_page_size", self.max_page_size, 1..=100)?;
        number_within("max_offset", self.max_offset, 0..=1000)?;
        number_within("max_price", self.max_price, 1_000_000..=1_000_000_000_000)?;
        if let Some(longest) = self.max_latency {
            duration_within("max_latency", longest, Duration::from_millis(1)..=Duration::from_secs(3600))?;
        }
        duration_within(
            "user_features_wait",
            self.user_features_wait,
            Duration::ZERO..=Duration::from_secs(1),
        )?;
        // Off or large enough to be of use: a few bytes would be a misunderstood unit.
        duration_within("max_slate_age", self.max_slate_age, Duration::ZERO..=Duration::from_secs(3600))?;
        if self.result_cache_bytes != 0 {
            size_within("result_cache", self.result_cache_bytes, 64 << 10..=1 << 40)?;
        }
        Ok(())
    }
}

impl Recommender {
    pub(super) fn page_size(
        &self,
        request: &Request,
        placement: &Placement,
    ) -> Result<usize, RecommendError> {
        let most = self.limits.max_page_size;
        // The placement's own size is lowered where the server allows less; a request's is refused, since somebody
        // chose it.
        let size = request.page_size.unwrap_or(placement.page_size.min(most));
        if size == 0 || size > most {
            let reason = format!(
                "is {size}, expected 1 to {most}; leave it out for this placement's own size of {}",
                placement.page_size
            );
            return Err(RecommendError::Invalid { field: "page_size".to_owned(), reason });
        }
        // A page costs as much as all before it, since the ranking is made from its beginning.
        if request.offset > self.limits.max_offset {
            let reason =
                format!("pages {} items deep, over the limit of {}", request.offset, self.limits.max_offset);
            return Err(RecommendError::Invalid { field: "page_token".to_owned(), reason });
        }
        Ok(size)
    }

    pub(super) fn budget(&self, request: &Request, placement: &Placement) -> Option<Duration> {
        let own = placement.max_latency.filter(|_| self.limits.placement_deadlines);
        [request.budget, own, self.limits.max_latency].into_iter().flatten().min()
    }

    pub(super) fn deadline(&self, request: &Request, placement: &Placement, started: Instant) -> Deadline {
        let budget = self.budget(request, placement);
        budget.map_or(Deadline::NEVER, |budget| Deadline::at(started, budget))
    }
}

/// Refuses attributes that the catalogue does not have, before any work is done.
pub(super) fn check_fields(request: &Request, snapshot: &Snapshot) -> Result<(), RecommendError> {
    let catalog = snapshot.catalog();
    let unknown = |name: &&String| *name != "*" && catalog.column(name).is_none();
    match request.item_fields.iter().enumerate().find(|(_, name)| unknown(name)) {
        None => Ok(()),
        Some((at, name)) => {
            let hint = catalog.nearest(name).map(|name| format!("; did you mean \"{name}\"?"));
            // Cut: what a caller sends is not sent back at any length.
            let (name, hint) = (name.chars().take(64).collect::<String>(), hint.unwrap_or_default());
            let reason = format!("the catalogue has no attribute \"{name}\"{hint}");
            Err(RecommendError::Invalid { field: format!("item_fields[{at}]"), reason })
        }
    }
}
