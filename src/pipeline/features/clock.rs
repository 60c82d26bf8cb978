//! The time of day and week, for features, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// Which part of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClockPart {
    /// 0 to 23.
    Hour,
    /// Monday is 0, Sunday 6.
    DayOfWeek,
}

impl ClockPart {
    /// This part of the present.
    pub(super) fn now(self) -> f32 {
        self.at(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }

    /// This part of a time in seconds since 1970-01-01, a Thursday.
    fn at(self, seconds: u64) -> f32 {
        match self {
            ClockPart::Hour => (seconds % DAY / HOUR) as f32,
            ClockPart::DayOfWeek => ((seconds / DAY + 3) % 7) as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_days_are_those_of_the_calendar() {
        assert_eq!((ClockPart::Hour.at(0), ClockPart::DayOfWeek.at(0)), (0.0, 3.0));
        // 2026-11-22T23:59:59Z was a Sunday.
        let sunday = 1_795_391_999;
        assert_eq!((ClockPart::Hour.at(sunday), ClockPart::DayOfWeek.at(sunday)), (23.0, 6.0));
        assert_eq!((ClockPart::Hour.at(sunday + 1), ClockPart::DayOfWeek.at(sunday + 1)), (0.0, 0.0));
    }
}
