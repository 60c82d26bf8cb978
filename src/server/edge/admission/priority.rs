//! How many of each class are let in while there are too many: pure bookkeeping, told the time by its caller.

use std::time::{Duration, Instant};

use super::queue::CLASSES;

/// Shares are reckoned anew after so long.
const WINDOW: Duration = Duration::from_millis(50);
/// More are let in than were served lately, so that what is served can grow and the line has somebody to choose from.
const MARGIN: f64 = 1.1;
/// So many times more if nobody had to leave the line for another, as after a moment in which the server stood still.
const FASTER: f64 = 2.0;
const FEWEST: f64 = 4.0;
/// And not fewer than such a part of what was let in before: a moment at rest is no lack of room.
const AT_LEAST: f64 = 0.5;

/// What share of each class is let in: as many as were served lately and some more, the most important first.
///
/// After DAGOR, which sets the priorities that are admitted from what came and what was admitted in the window before: H. Zhou
/// et al., "Overload Control for Scaling WeChat Microservices", SoCC 2018, section 4.2. There a class is in or out; here the
/// last one that has room is let in by a share.
#[derive(Debug)]
pub(super) struct Shares {
    came: [u32; CLASSES],
    served: u32,
    /// Somebody had to leave the line.
    crowded: bool,
    /// For so many there is room in a window.
    room: f64,
    share: [f64; CLASSES],
    credit: [f64; CLASSES],
    began: Option<Instant>,
}

impl Shares {
    /// Everybody is let in.
    pub(super) fn new() -> Self {
        Self {
            came: [0; CLASSES],
            served: 0,
            crowded: false,
            room: 0.0,
            share: [1.0; CLASSES],
            credit: [0.0; CLASSES],
            began: None,
        }
    }

    /// One of this class came.
    pub(super) fn came(&mut self, class: usize, now: Instant) {
        let began = *self.began.get_or_insert(now);
        if now.saturating_duration_since(began) >= WINDOW {
            self.reckon();
            self.began = Some(now);
        }
        if let Some(came) = self.came.get_mut(class) {
            *came = came.saturating_add(1);
        }
    }

    /// One was served.
    pub(super) fn served(&mut self) {
        self.served = self.served.saturating_add(1);
    }

    /// One who was let in had to leave the line for another.
    pub(super) fn displaced(&mut self) {
        self.crowded = true;
    }

    /// Whether one of this class is let in, evenly among those of its class.
    pub(super) fn admits(&mut self, class: usize) -> bool {
        let (Some(credit), Some(share)) = (self.credit.get_mut(class), self.share.get(class)) else {
            return false;
        };
        *credit += share;
        let admits = *credit >= 1.0;
        if admits {
            *credit -= 1.0;
        }
        admits
    }

    fn reckon(&mut self) {
        let growth = if self.crowded { MARGIN } else { FASTER };
        self.room = (growth * f64::from(self.served) + FEWEST).max(AT_LEAST * self.room);
        let mut room = self.room;
        for (came, share) in self.came.iter().zip(&mut self.share) {
            let came = f64::from(*came);
            *share = if came <= room { 1.0 } else { room / came };
            room = (room - came).max(0.0);
        }
        (self.came, self.served, self.crowded) = ([0; CLASSES], 0, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: usize = 0;
    const SYNTHETIC: usize = 2;

    /// After a window with so many of each and so many served: of a hundred of each class, how many are let in.
    fn let_in(live: usize, synthetic: usize, served: usize) -> [usize; 2] {
        let mut shares = Shares::new();
        let now = Instant::now();
        (0..live).for_each(|_| shares.came(LIVE, now));
        (0..synthetic).for_each(|_| shares.came(SYNTHETIC, now));
        (0..served).for_each(|_| shares.served());
        shares.displaced();
        shares.came(LIVE, now + WINDOW);
        [LIVE, SYNTHETIC].map(|class| (0..100).filter(|_| shares.admits(class)).count())
    }

    #[test]
    fn the_most_important_come_first_and_no_more_than_can_be_served() {
        assert_eq!(let_in(100, 900, 1000), [100, 100], "all were served");
        let [live, synthetic] = let_in(100, 900, 300);
        assert_eq!(live, 100);
        assert!((22..=27).contains(&synthetic), "(1.1 * 300 + 4 - 100) / 900, and not {synthetic} %");
        let [live, synthetic] = let_in(900, 900, 300);
        assert!((36..=38).contains(&live), "334 / 900, and not {live} %");
        assert_eq!(synthetic, 0);
        assert!(let_in(40, 0, 0)[0] > 0, "nobody was served: some are tried");
    }

    #[test]
    fn what_a_moment_at_rest_took_away_is_soon_given_back() {
        let mut shares = Shares::new();
        let mut now = Instant::now();
        let mut windows = 0;
        // A thousand come in each window, all that are let in could be served, and none was when it began.
        while shares.share[LIVE] < 1.0 || windows == 0 {
            let let_in = (0..1000).filter(|_| windows > 0 && shares.admits(LIVE)).count();
            (0..1000).for_each(|_| shares.came(LIVE, now));
            (0..let_in).for_each(|_| shares.served());
            now += WINDOW;
            shares.came(LIVE, now);
            windows += 1;
        }
        assert!((5..=10).contains(&windows), "{windows}");
    }

    #[test]
    fn who_is_let_in_is_spread_evenly() {
        let mut shares = Shares { share: [0.25; CLASSES], ..Shares::new() };
        let admitted: Vec<_> = (0..12).map(|_| shares.admits(LIVE)).collect();
        assert_eq!(admitted.iter().filter(|admitted| **admitted).count(), 3);
        assert!(admitted.chunks(4).all(|four| four.iter().filter(|admitted| **admitted).count() == 1));
    }
}
