//! The section `[limits]`: what a request may lower and never raise.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::setting::{As, NoneOr, SettingError, Size, Time, duration_within, number_within, size_within};

/// Server-side limits that a request may lower and never raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Upper bound on the items of a page.
    pub max_page_size: usize,
    /// Upper bound on the items before a page.
    pub max_offset: usize,
    /// Upper bound on the time for one answer; `None`: as long as the placement allows.
    #[serde(with = "As::<NoneOr<Time>>")]
    pub max_latency: Option<Duration>,
    /// Whether the placements' own `max_latency_ms` counts; evaluation turns it off, and waits for users' features as
    /// long as it takes.
    #[serde(skip)]
    pub placement_deadlines: bool,
    /// The longest time to wait for a user's features that are not in memory.
    #[serde(with = "As::<Time>")]
    pub user_features_wait: Duration,
    /// Bytes for the finished slates of each snapshot; 0 keeps none. Raising it trades memory for CPU.
    #[serde(rename = "result_cache", with = "As::<Size>")]
    pub result_cache_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_page_size: 100,
            max_offset: 1000,
            max_latency: None,
            placement_deadlines: true,
            user_features_wait: Duration::from_millis(20),
            result_cache_bytes: 8 << 20,
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
        if let Some(longest) = self.max_latency {
            duration_within("max_latency", longest, Duration::from_millis(1)..=Duration::from_secs(3600))?;
        }
        duration_within(
            "user_features_wait",
            self.user_features_wait,
            Duration::ZERO..=Duration::from_secs(1),
        )?;
        // Off or large enough to be of use: a few bytes would be a misunderstood unit.
        if self.result_cache_bytes != 0 {
            size_within("result_cache", self.result_cache_bytes, 64 << 10..=1 << 40)?;
        }
        Ok(())
    }
}
