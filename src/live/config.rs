//! The section `[live]`: what events may change, and how much memory that takes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::recent::RecentOptions;
use super::states::LOG_BYTES;
use crate::setting::{As, SettingError, Size, Time, duration_within, number_within, size_within};

/// Bytes of a reserved row, roughly: its id, and some words of its columns and sets.
const RESERVE_ROW_BYTES: u64 = 256;

/// How events become live state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Time between two epochs, at least: the longest that an event waits for one. Raising it takes less CPU where many
    /// events come.
    #[serde(with = "As::<Time>")]
    pub publish_interval: Duration,
    /// Rows for items that the snapshot does not know yet.
    pub reserve_items: usize,
    /// Upper bound on what events have said of items; an event beyond it is a dead letter.
    #[serde(with = "As::<Size>")]
    pub states_memory: u64,
    /// The longest that a cached HTTP answer may be reused once there are events.
    #[serde(with = "As::<Time>")]
    pub max_http_age: Duration,
    /// What sessions, visitors and users did.
    #[serde(flatten)]
    pub recent: RecentOptions,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            publish_interval: Duration::from_millis(20),
            reserve_items: 10_000,
            states_memory: 256 << 20,
            max_http_age: Duration::from_secs(5),
            recent: RecentOptions::default(),
        }
    }
}

impl Config {
    /// The most bytes that live state may come to take. It is address space at first: pages are taken as they are
    /// written.
    pub fn most_bytes(&self) -> u64 {
        let RecentOptions { sessions_memory, users_memory, .. } = self.recent;
        let reserve = self.reserve_items as u64 * RESERVE_ROW_BYTES;
        [self.states_memory, sessions_memory, users_memory, reserve]
            .into_iter()
            .fold(LOG_BYTES, u64::saturating_add)
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), SettingError> {
        let (millisecond, second) = (Duration::from_millis(1), Duration::from_secs(1));
        duration_within("publish_interval", self.publish_interval, millisecond..=second)?;
        number_within("reserve_items", self.reserve_items, 0..=10_000_000)?;
        size_within("states_memory", self.states_memory, 1 << 20..=1 << 40)?;
        duration_within("max_http_age", self.max_http_age, Duration::ZERO..=Duration::from_secs(86_400))?;
        self.recent.check()
    }
}
