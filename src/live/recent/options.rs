//! How much is kept of what people did lately, and for how long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::TICK_MS;
use crate::setting::{As, SettingError, Size, Time, duration_within, size_within};

/// Memory and time for what people did lately. The memory is taken as a whole at the start and does not grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecentOptions {
    /// Bytes for what was done in the running sessions, about 230 a session; 0 keeps none. Where they are full, the
    /// session that has been quiet for longest gives way.
    #[serde(with = "As::<Size>")]
    pub sessions_memory: u64,
    /// How long an event counts for its session.
    #[serde(with = "As::<Time>")]
    pub session_ttl: Duration,
    /// Bytes for what users and visitors did, bought and were shown, about 560 a user and 230 a visitor; 0 keeps none.
    #[serde(with = "As::<Size>")]
    pub users_memory: u64,
    /// How long an event counts for its user or visitor.
    #[serde(with = "As::<Time>")]
    pub user_ttl: Duration,
    /// Whether only events with an express consent are kept; else all are but those whose consent was denied.
    pub consent_required: bool,
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

impl Default for RecentOptions {
    fn default() -> Self {
        Self {
            sessions_memory: 128 << 20,
            session_ttl: 30 * MINUTE,
            users_memory: 128 << 20,
            user_ttl: 30 * DAY,
            consent_required: false,
        }
    }
}

impl RecentOptions {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), SettingError> {
        for (key, bytes) in [("sessions_memory", self.sessions_memory), ("users_memory", self.users_memory)] {
            // Off or large enough to be of use: a few bytes would be a misunderstood unit.
            if bytes != 0 {
                size_within(key, bytes, 64 << 10..=1 << 40)?;
            }
        }
        // Shorter ones would end before a page is read.
        duration_within("session_ttl", self.session_ttl, MINUTE..=7 * DAY)?;
        duration_within("user_ttl", self.user_ttl, MINUTE..=400 * DAY)
    }
}

/// Whole ticks, rounded up.
pub(super) fn ticks(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis().div_ceil(u128::from(TICK_MS))).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_they_are_written() {
        let defaults: RecentOptions = toml::from_str("").unwrap();
        assert_eq!(defaults, RecentOptions::default());
        assert_eq!(defaults.check(), Ok(()));
        let text = toml::to_string(&defaults).unwrap();
        assert_eq!(toml::from_str::<RecentOptions>(&text).unwrap(), defaults);
        let text = "sessions_memory = \"64MiB\"\nsession_ttl = \"1h\"\nconsent_required = true";
        let options: RecentOptions = toml::from_str(text).unwrap();
        assert_eq!((options.sessions_memory, options.session_ttl), (64 << 20, 60 * MINUTE));
        assert!(options.consent_required);
    }

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        let refused = |options: RecentOptions| options.check().unwrap_err().key;
        let defaults = RecentOptions::default();
        assert_eq!(refused(RecentOptions { sessions_memory: 128, ..defaults }), "sessions_memory");
        assert_eq!(refused(RecentOptions { users_memory: u64::MAX, ..defaults }), "users_memory");
        assert_eq!(refused(RecentOptions { session_ttl: MINUTE / 2, ..defaults }), "session_ttl");
        assert_eq!(refused(RecentOptions { user_ttl: 401 * DAY, ..defaults }), "user_ttl");
        assert_eq!(RecentOptions { sessions_memory: 0, users_memory: 0, ..defaults }.check(), Ok(()));
    }

    #[test]
    fn a_begun_tick_counts() {
        let expected = [(0, 0), (1, 1), (249, 1), (250, 1), (251, 2), (1_800_000, 7200)];
        for (millis, whole) in expected {
            assert_eq!(ticks(Duration::from_millis(millis)), whole, "{millis} ms");
        }
    }
}
