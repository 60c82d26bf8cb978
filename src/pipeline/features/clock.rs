//! The time of day and week, for features, in UTC.

use crate::domain::{ClockStep, Moment};

/// Which part of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClockPart {
    /// 0 to 23.
    Hour,
    /// Monday is 0, Sunday 6.
    DayOfWeek,
}

impl ClockPart {
    /// This part of a moment.
    pub(super) fn of(self, moment: Moment) -> f32 {
        match self {
            ClockPart::Hour => moment.hour() as f32,
            ClockPart::DayOfWeek => moment.day_of_week() as f32,
        }
    }

    /// How often it changes.
    pub(super) fn step(self) -> ClockStep {
        match self {
            ClockPart::Hour => ClockStep::Hour,
            ClockPart::DayOfWeek => ClockStep::Day,
        }
    }
}
