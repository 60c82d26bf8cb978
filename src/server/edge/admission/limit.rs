//! The adaptive concurrency limit: how many requests are in flight at once, found from how long they take.

use std::time::{Duration, Instant};

/// The limit is computed anew after at least this many requests, and at least this long; raising either makes it
/// steadier and slower to follow the load.
const SAMPLES: u32 = 32;
const WINDOW: Duration = Duration::from_millis(50);
/// The limit goes down once requests are in flight for more than this many times their own service time; raising it
/// trades latency for throughput. 2 leaves requests one neighbour to wait for.
const TOLERANCE: f64 = 2.0;
/// Waiting per request that is not held against the limit: the operating system's own scheduling.
const SLACK: Duration = Duration::from_micros(100);
/// A service time counts for at most this many times the mean in the next mean: more was not work but a thread that did
/// not run.
const OUTLIER: u32 = 4;
/// How far one window moves the limit towards the value that it found, 0 to 1.
const SMOOTHING: f64 = 0.3;

/// A limit after the gradient of Netflix's concurrency-limits (`Gradient2Limit`): it grows by its square root while
/// requests are in flight for about their service time, and shrinks by the ratio of the two once they wait for each
/// other.
///
/// The baseline is the service time itself, measured with every request. So a shift from light to heavy placements does
/// not look like a jam, as it would to a baseline of the fastest latencies seen.
#[derive(Debug)]
pub(super) struct AdaptiveLimit {
    limit: f64,
    min: f64,
    max: f64,
    /// Sums over this window: time in flight, service time, and service time without outliers.
    in_flight_time: Duration,
    service_time: Duration,
    typical_service_time: Duration,
    samples: u32,
    /// The most requests that were in flight in this window.
    peak_in_flight: usize,
    window_began: Option<Instant>,
    mean_service_time: Duration,
}

impl AdaptiveLimit {
    /// Between one more than `threads` and `max`, beginning with twice as many as threads.
    pub(super) fn new(threads: usize, max: usize) -> Self {
        let max = max.max(1) as f64;
        Self {
            // Some more than one for each thread, so that a thread finds the next request when it has answered one;
            // the limit is found within a second whatever it begins with.
            limit: (2.0 * threads as f64).max(4.0).min(max),
            min: (threads as f64 + 1.0).min(max),
            max,
            in_flight_time: Duration::ZERO,
            service_time: Duration::ZERO,
            typical_service_time: Duration::ZERO,
            samples: 0,
            peak_in_flight: 0,
            window_began: None,
            mean_service_time: Duration::from_micros(100),
        }
    }

    /// How many requests may be in flight now.
    pub(super) fn current(&self) -> usize {
        self.limit as usize
    }

    /// How many requests may ever be in flight.
    pub(super) fn max(&self) -> usize {
        self.max as usize
    }

    /// The mean service time of the last window, outliers cut down.
    pub(super) fn mean_service_time(&self) -> Duration {
        self.mean_service_time
    }

    /// Takes in one request: how long it was in flight, its service time, and how many were
    /// `in_flight` at its end.
    pub(super) fn record(
        &mut self,
        in_flight_time: Duration,
        service_time: Duration,
        in_flight: usize,
        now: Instant,
    ) {
        self.in_flight_time += in_flight_time;
        self.service_time += service_time;
        self.typical_service_time += service_time.min(OUTLIER * self.mean_service_time);
        self.samples += 1;
        self.peak_in_flight = self.peak_in_flight.max(in_flight);
        let began = *self.window_began.get_or_insert(now);
        if self.samples >= SAMPLES && now.saturating_duration_since(began) >= WINDOW {
            self.end_window(now);
        }
    }

    fn end_window(&mut self, now: Instant) {
        self.mean_service_time = (self.typical_service_time / self.samples).max(Duration::from_micros(1));
        let slack = SLACK.as_secs_f64() * f64::from(self.samples);
        let tolerated = TOLERANCE * self.service_time.as_secs_f64() + slack;
        // No lower than a half: one window of a stalled process must not close the server.
        let gradient = (tolerated / self.in_flight_time.as_secs_f64().max(f64::MIN_POSITIVE)).clamp(0.5, 1.0);
        // A limit that nobody came near says nothing about a higher one.
        if gradient < 1.0 || self.peak_in_flight as f64 >= self.limit / 2.0 {
            // The square root is headroom: without it, a limit that fits exactly could never find out that a higher
            // one fits too.
            let found = self.limit * gradient + self.limit.sqrt();
            self.limit = (self.limit + SMOOTHING * (found - self.limit)).clamp(self.min, self.max);
        }
        [self.in_flight_time, self.service_time, self.typical_service_time] = [Duration::ZERO; 3];
        self.samples = 0;
        self.peak_in_flight = 0;
        self.window_began = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Duration = Duration::from_micros(200);

    /// The limit after a while of full use, where `in_flight_time` says how long a request takes by how many are in
    /// flight.
    fn settled(limit: &mut AdaptiveLimit, in_flight_time: impl Fn(usize) -> Duration) -> usize {
        let mut now = limit.window_began.unwrap_or_else(Instant::now);
        for _ in 0..20_000 {
            let in_flight = limit.current();
            now += Duration::from_millis(2);
            limit.record(in_flight_time(in_flight), SERVICE, in_flight, now);
        }
        limit.current()
    }

    #[test]
    fn the_limit_grows_while_requests_do_not_wait_for_each_other_and_shrinks_once_they_do() {
        let mut limit = AdaptiveLimit::new(1, 500);
        assert_eq!(settled(&mut limit, |_| SERVICE), 500, "no request waits for another");
        // One thread: with n in flight, each waits for the others.
        let jammed = settled(&mut limit, |in_flight| SERVICE * in_flight as u32);
        assert!((2..=8).contains(&jammed), "{jammed}");
        let mut four = AdaptiveLimit::new(4, 500);
        let jammed = settled(&mut four, |in_flight| SERVICE * in_flight.div_ceil(4) as u32);
        assert!((5..=24).contains(&jammed), "{jammed}");
    }

    #[test]
    fn a_limit_that_is_not_used_stays() {
        let mut limit = AdaptiveLimit::new(2, 500);
        let before = limit.current();
        let mut now = Instant::now();
        for _ in 0..10_000 {
            now += Duration::from_millis(2);
            limit.record(SERVICE, SERVICE, 1, now);
        }
        assert_eq!(limit.current(), before);
        assert_eq!(limit.mean_service_time(), SERVICE);
    }

    #[test]
    fn the_limit_never_exceeds_what_is_configured() {
        let mut limit = AdaptiveLimit::new(8, 2);
        assert_eq!(limit.current(), 2);
        assert_eq!(settled(&mut limit, |_| SERVICE), 2);
        assert_eq!(AdaptiveLimit::new(8, 0).current(), 1, "at least one must be served");
    }
}
