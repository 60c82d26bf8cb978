//! Logs that an overload has begun and that it is over, for whoever is called at night.

use std::time::{Duration, Instant};

use crate::server::edge::class::CLASSES;

/// How often it is checked whether there is an overload; not longer than the shortest one lasts.
const INTERVAL: Duration = Duration::from_millis(100);
/// An overload is over after this long without one; raising it makes fewer log lines out of an overload that comes and
/// goes. Two lines in this time are the most that is logged.
const CALM: Duration = Duration::from_secs(5);

/// What is the case at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) overloaded: bool,
    pub(super) in_flight: usize,
    pub(super) limit: usize,
    pub(super) queued: usize,
    /// Requests refused so far, by priority of the class.
    pub(super) refused: [u64; CLASSES],
}

/// Logs overloads. Never completes.
pub(super) async fn watch(load: impl Fn() -> Load) {
    let mut log = OverloadLog::default();
    let mut refused_before = load().refused;
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        let Load { overloaded, in_flight, limit, queued, refused } = load();
        match log.observe(overloaded, Instant::now()) {
            // Two lines for an overload and not one for each refusal: a flood must not become a flood of log lines,
            // which take CPU from answers.
            Some(Change::Began) => {
                tracing::warn!(
                    in_flight,
                    limit,
                    queued,
                    "overloaded: more requests arrive than can be answered"
                );
            }
            Some(Change::Ended(lasted)) => {
                let [live, shadow, synthetic] =
                    std::array::from_fn(|class| refused[class].saturating_sub(refused_before[class]));
                tracing::warn!(
                    lasted_ms = lasted.as_millis() as u64,
                    refused_live = live,
                    refused_shadow = shadow,
                    refused_synthetic = synthetic,
                    "the overload is over"
                );
            }
            None => {}
        }
        // The baseline is the last moment of calm, so that the first refusals of an overload, which were noticed a
        // little later, are in the sum.
        if log.current.is_none() {
            refused_before = refused;
        }
    }
}

/// Follows whether the server is overloaded: pure bookkeeping, told the time by its caller.
#[derive(Debug, Default)]
pub(super) struct OverloadLog {
    current: Option<Overload>,
}

#[derive(Debug)]
struct Overload {
    began: Instant,
    last_seen: Instant,
}

/// What there is to log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    Began,
    /// The overload is over, and lasted this long.
    Ended(Duration),
}

impl OverloadLog {
    /// Takes in what is the case now.
    pub(super) fn observe(&mut self, overloaded: bool, now: Instant) -> Option<Change> {
        match &mut self.current {
            None if overloaded => {
                self.current = Some(Overload { began: now, last_seen: now });
                Some(Change::Began)
            }
            Some(overload) if overloaded => {
                overload.last_seen = now;
                None
            }
            Some(overload) if now.saturating_duration_since(overload.last_seen) >= CALM => {
                let lasted = overload.last_seen.saturating_duration_since(overload.began);
                self.current = None;
                Some(Change::Ended(lasted))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overload_that_comes_and_goes_is_logged_once() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut log = OverloadLog::default();
        assert_eq!(log.observe(false, at(0)), None);
        assert_eq!(log.observe(true, at(1)), Some(Change::Began));
        for second in 2..20 {
            assert_eq!(log.observe(second % 3 == 0, at(second)), None);
        }
        assert_eq!(log.observe(false, at(22)), None);
        assert_eq!(log.observe(false, at(23)), Some(Change::Ended(Duration::from_secs(17))));
        assert_eq!(log.observe(false, at(60)), None);
        assert_eq!(log.observe(true, at(61)), Some(Change::Began));
    }
}
