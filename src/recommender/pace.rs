//! How often epochs come: whether kept slates can be given up for each of them.

use std::time::{Duration, Instant};

/// Epochs in a burst, and in a minute on the whole, that each count as calm. Raising it shows more changes at once and
/// makes slates anew more often.
const CALM: f64 = 60.0;

/// A leaking count of epochs: one a second leaks away.
#[derive(Debug, Default)]
pub(super) struct Pace {
    level: f64,
    counted: Option<Instant>,
}

impl Pace {
    /// Counts an epoch that begins now; whether they are so few that each may end all slates that are kept.
    pub(super) fn count(&mut self, now: Instant) -> bool {
        let since = self.counted.map_or(Duration::ZERO, |counted| now.saturating_duration_since(counted));
        self.counted = Some(now);
        // As far above as below: when a stream ends, it is calm a minute later, however long it was.
        self.level = ((self.level - since.as_secs_f64()).max(0.0) + 1.0).min(2.0 * CALM);
        self.level <= CALM
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_calm_a_stream_is_not_and_is_again_a_minute_after_its_end() {
        let mut pace = Pace::default();
        let start = Instant::now();
        assert!((0..60).all(|_| pace.count(start)));
        assert!((0..10_000).all(|n| !pace.count(start + Duration::from_millis(20 * n))));
        let end = start + Duration::from_secs(200);
        assert!(!pace.count(end + Duration::from_secs(55)));
        assert!((0..1000).all(|n| pace.count(end + Duration::from_secs(65 + n))));
    }
}
