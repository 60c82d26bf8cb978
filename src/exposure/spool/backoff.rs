//! How long to wait before a sink that failed is asked again.

use std::time::Duration;

/// Waits that double, each with jitter: replicas that lost a sink at the same time do not come back at the same time.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits from about `first` up to `most`.
    pub(super) fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, failures: 0 }
    }

    /// The next wait: between a half and the whole of what it is without jitter.
    pub(super) fn next(&mut self) -> Duration {
        let whole = self.first.saturating_mul(1 << self.failures.min(20)).min(self.most);
        self.failures = self.failures.saturating_add(1);
        whole.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// The sink has taken something: the next wait is a short one again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_start_anew() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        for whole in [100, 200, 400, 800, 1000, 1000] {
            let wait = backoff.next();
            let range = Duration::from_millis(whole / 2)..=Duration::from_millis(whole);
            assert!(range.contains(&wait), "{wait:?} is not in {range:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(100));
    }
}
