//! Latencies in an HDR histogram: microseconds, three significant digits, any length of time.

use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};

use crate::report::Quantile;

/// Latencies, counted.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Histogram<u32>);

impl Latencies {
    pub(crate) fn new() -> Result<Latencies, CreationError> {
        Histogram::new(3).map(Latencies) // grows with the longest latency seen: a second of it costs kilobytes
    }

    /// An empty one.
    pub(crate) fn fresh(&self) -> Latencies {
        Latencies(Histogram::new_from(&self.0))
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let recorded = self.0.record(micros);
        debug_assert!(recorded.is_ok(), "a growing histogram takes every value");
    }

    pub(crate) fn add(&mut self, other: &Latencies) {
        let added = self.0.add(&other.0);
        debug_assert!(added.is_ok(), "a growing histogram takes every other");
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The `quantile` in milliseconds; `None` of nothing, for nothing is not fast.
    pub(crate) fn ms(&self, quantile: f64) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.value_at_quantile(quantile) as f64 / 1000.0)
    }

    /// By the share of answers that were as fast: ten steps in each power of ten towards the slowest.
    pub(crate) fn curve(&self) -> Vec<Quantile> {
        let mut curve = Vec::new();
        let mut rest = 1.0; // the share of the slower ones
        while rest * self.count() as f64 >= 1.0 {
            curve.extend((0..9).filter_map(|step| {
                let quantile = 1.0 - rest * (1.0 - 0.1 * f64::from(step));
                Some(Quantile { quantile, ms: self.ms(quantile)? }).filter(|_| quantile > 0.0)
            }));
            rest *= 0.1;
        }
        curve.extend(self.max_ms().map(|ms| Quantile { quantile: 1.0, ms }));
        curve
    }

    pub(crate) fn max_ms(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.max() as f64 / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_keep_three_digits_from_microseconds_to_minutes() {
        let mut latencies = Latencies::new().unwrap();
        assert_eq!((latencies.ms(0.99), latencies.max_ms()), (None, None));
        for ms in 1..=1000 {
            latencies.record(Duration::from_millis(ms));
        }
        let near = |quantile, ms: f64| (latencies.ms(quantile).unwrap() - ms).abs() <= ms * 1e-3;
        assert!(near(0.5, 500.0) && near(0.99, 990.0) && near(1.0, 1000.0), "{latencies:?}");

        let curve = latencies.curve();
        assert!(curve.windows(2).all(|pair| pair[0].quantile < pair[1].quantile && pair[0].ms <= pair[1].ms));
        assert_eq!(curve.last().unwrap().quantile, 1.0);
        assert!(
            curve.iter().any(|point| (point.quantile - 0.99).abs() < 1e-9 && (point.ms - 990.0).abs() < 1.0)
        );

        let mut all = latencies.fresh();
        assert_eq!(all.curve(), []);
        assert_eq!(all.count(), 0);
        all.record(Duration::from_secs(600));
        all.add(&latencies);
        assert_eq!(all.count(), 1001);
        assert!(all.max_ms().unwrap() >= 600_000.0);
    }
}
