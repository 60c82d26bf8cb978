//! How often a shard is asked for records.

use std::time::Duration;

use crate::connect::retry::jittered;

/// Pause while there is more: a shard may be asked five times a second, by all who read it together.
const BEHIND: Duration = Duration::from_millis(200);

/// The longest pause. Raising it gives others more room, and shows events later.
const LONGEST: Duration = Duration::from_secs(30);

/// How often a shard is asked: less often when it says that this was too often, and slowly more often again.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// Pause beside which others who read the shard seem to have room.
    room: Duration,
}

impl Pace {
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, room: Duration::ZERO }
    }

    /// It was asked too often.
    pub(super) fn throttled(&mut self) {
        self.room = (self.room.max(BEHIND) * 2).min(LONGEST);
    }

    /// It answered.
    pub(super) fn answered(&mut self) {
        self.room = self.room.mul_f64(0.9);
    }

    /// The pause before it is asked next.
    pub(super) fn pause(&self, is_behind: bool) -> Duration {
        let wanted = if is_behind { BEHIND } else { self.interval };
        if self.room > wanted { jittered(self.room) } else { wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_too_often_asks_less_often_and_finds_back() {
        let second = Duration::from_secs(1);
        let mut pace = Pace::new(second);
        assert_eq!((pace.pause(false), pace.pause(true)), (second, BEHIND));
        for _ in 0..20 {
            pace.throttled();
        }
        assert!((LONGEST / 2..=LONGEST).contains(&pace.pause(true)));
        let mut answers = 0;
        while pace.pause(false) != second {
            pace.answered();
            answers += 1;
        }
        assert!((10..100).contains(&answers), "{answers}");
    }
}
