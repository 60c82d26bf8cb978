//! The time: read once for a request, so that everything in one answer agrees on it, and as events have it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// A time in whole seconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

/// How often an answer changes with the clock alone, the coarser first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ClockStep {
    /// With the day of the week, at midnight UTC.
    Day,
    /// With the hour of the day.
    Hour,
}

/// The system's time in milliseconds since 1970-01-01 UTC, as the times of events are; one before 1970 counts as 1970.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Moment {
    /// The moment of a system time; one before 1970 counts as 1970.
    pub fn of(time: SystemTime) -> Self {
        // A machine whose clock was never set answers all the same.
        Self(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }

    /// Whole seconds since 1970-01-01 UTC.
    pub fn as_secs(self) -> u64 {
        self.0
    }

    /// The hour of the day in UTC, 0 to 23.
    pub fn hour(self) -> u32 {
        (self.0 % DAY / HOUR) as u32
    }

    /// The day of the week in UTC: Monday is 0, Sunday 6.
    pub fn day_of_week(self) -> u32 {
        // 1970-01-01 was a Thursday.
        ((self.0 / DAY + 3) % 7) as u32
    }

    /// The number of the step that this moment is in: the same for two moments whose answers are the same.
    pub fn step(self, step: ClockStep) -> u64 {
        self.0 / step.seconds()
    }

    /// The whole seconds that are sure to be left of this step; 0 in its last.
    pub fn left_of(self, step: ClockStep) -> Duration {
        // The moment is a second long, and its end counts: a client that adds this to the present must not get beyond.
        Duration::from_secs(step.seconds() - 1 - self.0 % step.seconds())
    }
}

impl ClockStep {
    fn seconds(self) -> u64 {
        match self {
            ClockStep::Day => DAY,
            ClockStep::Hour => HOUR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::of(UNIX_EPOCH + Duration::from_secs(seconds))
    }

    #[test]
    fn hours_and_days_are_those_of_the_calendar() {
        assert_eq!((at(0).hour(), at(0).day_of_week()), (0, 3));
        // 2026-11-22T23:59:59Z was a Sunday.
        let sunday = 1_795_391_999;
        assert_eq!((at(sunday).hour(), at(sunday).day_of_week()), (23, 6));
        assert_eq!((at(sunday + 1).hour(), at(sunday + 1).day_of_week()), (0, 0));
    }

    #[test]
    fn a_step_is_as_long_as_what_it_stands_for_stays_the_same() {
        let noon = at(1_795_348_800);
        assert_eq!(noon.left_of(ClockStep::Hour), Duration::from_secs(3599));
        assert_eq!(noon.left_of(ClockStep::Day), Duration::from_secs(12 * 3600 - 1));
        let last = at(1_795_348_800 + 3599);
        assert_eq!(last.left_of(ClockStep::Hour), Duration::ZERO);
        assert_eq!(last.step(ClockStep::Hour), noon.step(ClockStep::Hour));
        assert_ne!(at(1_795_348_800 + 3600).step(ClockStep::Hour), noon.step(ClockStep::Hour));
        assert_eq!(at(1_795_348_800 + 3600).step(ClockStep::Day), noon.step(ClockStep::Day));
    }
}
