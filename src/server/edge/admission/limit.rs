//! How many requests are worked for at once, found from how long they take inside.

use std::time::{Duration, Instant};

/// A new limit is reckoned from at least so many requests, over at least so long.
const SAMPLES: u32 = 32;
const WINDOW: Duration = Duration::from_millis(50);
/// How much longer than its own work a request may take inside before the limit goes down.
const TOLERANCE: f64 = 2.0;
/// Waiting that counts as none: the system's own hitches.
const SLACK: Duration = Duration::from_micros(100);
/// No more of one request's work counts than so many times the mean: then it was not let run.
const ODD: u32 = 4;
/// How far one window moves the limit towards what it found.
const STEP: f64 = 0.3;

/// A limit after the gradient of Netflix's concurrency-limits (`Gradient2Limit`): it grows by its square root while requests
/// take about as long inside as their work needs, and shrinks by the ratio of the two once they wait for each other.
///
/// The work itself is the baseline, measured with every request. So a shift from light to heavy placements does not look like
/// a jam, as it would to a baseline of the fastest requests seen.
#[derive(Debug)]
pub(super) struct AdaptiveLimit {
    limit: f64,
    fewest: f64,
    most: f64,
    inside: Duration,
    worked: Duration,
    /// Of that, what counts for the mean.
    likely: Duration,
    samples: u32,
    /// The most requests inside in this window.
    fullest: usize,
    began: Option<Instant>,
    mean_work: Duration,
}

impl AdaptiveLimit {
    /// Between one more than `threads` and `most`, beginning with twice as many as threads.
    pub(super) fn new(threads: usize, most: usize) -> Self {
        let most = most.max(1) as f64;
        Self {
            limit: (2.0 * threads as f64).max(4.0).min(most),
            fewest: (threads as f64 + 1.0).min(most),
            most,
            inside: Duration::ZERO,
            worked: Duration::ZERO,
            likely: Duration::ZERO,
            samples: 0,
            fullest: 0,
            began: None,
            mean_work: Duration::from_micros(100),
        }
    }

    /// How many may be inside now.
    pub(super) fn allowed(&self) -> usize {
        self.limit as usize
    }

    /// How many may ever be inside.
    pub(super) fn most(&self) -> usize {
        self.most as usize
    }

    /// What the work for one request took in the last window, without the system's own hitches.
    pub(super) fn mean_work(&self) -> Duration {
        self.mean_work
    }

    /// One request that was `inside` for so long, worked for during `worked` of it, with `present` requests inside at its end.
    pub(super) fn record(&mut self, inside: Duration, worked: Duration, present: usize, now: Instant) {
        self.inside += inside;
        self.worked += worked;
        self.likely += worked.min(ODD * self.mean_work);
        self.samples += 1;
        self.fullest = self.fullest.max(present);
        let began = *self.began.get_or_insert(now);
        if self.samples < SAMPLES || now.saturating_duration_since(began) < WINDOW {
            return;
        }
        self.mean_work = (self.likely / self.samples).max(Duration::from_micros(1));
        let needed = TOLERANCE * self.worked.as_secs_f64() + SLACK.as_secs_f64() * f64::from(self.samples);
        let gradient = (needed / self.inside.as_secs_f64().max(f64::MIN_POSITIVE)).clamp(0.5, 1.0);
        // A limit that nobody came near says nothing about a higher one.
        if gradient < 1.0 || self.fullest as f64 >= self.limit / 2.0 {
            let found = self.limit * gradient + self.limit.sqrt();
            self.limit = (self.limit + STEP * (found - self.limit)).clamp(self.fewest, self.most);
        }
        [self.inside, self.worked, self.likely] = [Duration::ZERO; 3];
        (self.samples, self.fullest, self.began) = (0, 0, Some(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Duration = Duration::from_micros(200);

    /// The limit after a while in which the limit was always used in full, and `inside` said how long a request takes.
    fn settled(limit: &mut AdaptiveLimit, inside: impl Fn(usize) -> Duration) -> usize {
        let mut now = limit.began.unwrap_or_else(Instant::now);
        for _ in 0..20_000 {
            let present = limit.allowed();
            now += Duration::from_millis(2);
            limit.record(inside(present), WORK, present, now);
        }
        limit.allowed()
    }

    #[test]
    fn work_that_is_only_waited_for_lets_the_limit_grow_and_a_jam_shrinks_it() {
        let mut limit = AdaptiveLimit::new(1, 500);
        assert_eq!(settled(&mut limit, |_| WORK), 500, "nobody waits for anybody");
        // One thread: with n inside, each waits for the others.
        let jammed = settled(&mut limit, |present| WORK * present as u32);
        assert!((2..=8).contains(&jammed), "{jammed}");
        let mut four = AdaptiveLimit::new(4, 500);
        let jammed = settled(&mut four, |present| WORK * present.div_ceil(4) as u32);
        assert!((5..=24).contains(&jammed), "{jammed}");
    }

    #[test]
    fn a_limit_that_is_not_used_stays() {
        let mut limit = AdaptiveLimit::new(2, 500);
        let before = limit.allowed();
        let mut now = Instant::now();
        for _ in 0..10_000 {
            now += Duration::from_millis(2);
            limit.record(WORK, WORK, 1, now);
        }
        assert_eq!(limit.allowed(), before);
        assert_eq!(limit.mean_work(), WORK);
    }

    #[test]
    fn the_limit_never_exceeds_what_is_configured() {
        let mut limit = AdaptiveLimit::new(8, 2);
        assert_eq!(limit.allowed(), 2);
        assert_eq!(settled(&mut limit, |_| WORK), 2);
        assert_eq!(AdaptiveLimit::new(8, 0).allowed(), 1, "somebody must be served");
    }
}
