//! When an answer is due.

use std::time::{Duration, Instant};

/// When an answer is due, if ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// Never.
    pub const NEVER: Self = Self(None);

    /// `budget` after `start`.
    pub fn at(start: Instant, budget: Duration) -> Self {
        Self(start.checked_add(budget))
    }

    /// The instant, if there is one.
    pub fn due(&self) -> Option<Instant> {
        self.0
    }

    /// Whether it has passed.
    pub fn has_passed(&self) -> bool {
        self.0.is_some_and(|due| Instant::now() >= due)
    }

    /// The same, so much later.
    pub fn later(self, by: Duration) -> Self {
        Self(self.0.and_then(|due| due.checked_add(by)))
    }
}

/// Looks at the clock now and then, for loops over rows.
///
/// Work is counted in rows looked at, or what takes as long. A loop over a few thousand of them ends whatever the
/// deadline says, and without asking for the time.
#[derive(Debug)]
pub struct DeadlineCheck {
    deadline: Deadline,
    left: usize,
    late: bool,
}

/// Rows between two looks at the clock, some ten microseconds of work. Raising it lets loops run on for longer after
/// their deadline; asking takes some ten nanoseconds.
const EVERY: usize = 4096;

impl DeadlineCheck {
    /// A check against this deadline.
    pub fn new(deadline: Deadline) -> Self {
        Self { deadline, left: EVERY, late: false }
    }

    /// Counts so much work; whether the deadline has passed.
    #[inline]
    pub fn is_late_after(&mut self, work: usize) -> bool {
        if self.left > work {
            self.left -= work;
            return false;
        }
        self.left = EVERY;
        self.late = self.deadline.has_passed();
        self.late
    }

    /// Whether the deadline had passed when the clock was last looked at.
    pub fn is_late(&self) -> bool {
        self.late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passed_deadline_is_noticed_after_a_few_thousand_rows_and_none_never_is() {
        let mut late = DeadlineCheck::new(Deadline::at(Instant::now(), Duration::ZERO));
        assert!((0..EVERY - 1).all(|_| !late.is_late_after(1)), "a small loop ends whatever the time");
        assert!(!late.is_late());
        assert!(late.is_late_after(1) && late.is_late());
        assert!(late.is_late_after(usize::MAX));
        let mut never = DeadlineCheck::new(Deadline::NEVER);
        assert!(!(0..100).any(|_| never.is_late_after(usize::MAX)));
        let due = Deadline::at(Instant::now(), Duration::from_secs(3600));
        assert!(due.later(Duration::from_secs(1)).due() > due.due());
        assert_eq!(Deadline::NEVER.later(Duration::from_secs(1)), Deadline::NEVER);
    }
}
