//! Latencies in an HDR histogram: microseconds, three significant digits, no upper limit.

use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};
use serde::{Deserialize, Serialize};

/// Counted latencies.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Histogram<u32>);

/// One point of a percentile curve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Quantile {
    /// Above 0, at most 1.
    pub(crate) quantile: f64,
    pub(crate) ms: f64,
}

/// A distribution in three figures; absent where nothing was counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Percentiles {
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) max_ms: Option<f64>,
}

impl Latencies {
    pub(crate) fn new() -> Result<Latencies, CreationError> {
        // Three digits: a percentile is off by a thousandth at most, which is less than two runs differ by.
        // It grows with the longest latency seen: a fixed range of minutes would cost each second of a soak 100 KiB.
        Histogram::new(3).map(Latencies)
    }

    /// An empty histogram of the same layout, which cannot fail.
    pub(crate) fn empty(&self) -> Latencies {
        Latencies(Histogram::new_from(&self.0))
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        let recorded = self.0.record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        debug_assert!(recorded.is_ok(), "a histogram that grows takes every value");
    }

    pub(crate) fn add(&mut self, other: &Latencies) {
        let added = self.0.add(&other.0);
        debug_assert!(added.is_ok(), "a histogram that grows takes every other");
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The `quantile` in milliseconds. `None` where nothing was counted: a server that never answers is not fast.
    pub(crate) fn ms(&self, quantile: f64) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.value_at_quantile(quantile) as f64 / 1000.0)
    }

    pub(crate) fn max_ms(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.max() as f64 / 1000.0)
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        Percentiles { p50_ms: self.ms(0.5), p99_ms: self.ms(0.99), max_ms: self.max_ms() }
    }

    /// Five points for each half of the answers that is left, as the tail is what matters.
    pub(crate) fn curve(&self) -> Vec<Quantile> {
        let ms = |value: u64| value as f64 / 1000.0;
        let points = self.0.iter_quantiles(5);
        points
            .map(|point| Quantile { quantile: point.quantile(), ms: ms(point.value_iterated_to()) })
            .collect()
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
        assert!(
            curve.windows(2).all(|pair| pair[0].quantile <= pair[1].quantile && pair[0].ms <= pair[1].ms)
        );
        assert!(curve.last().unwrap().quantile == 1.0 && curve.len() > 30, "{curve:?}");
        assert!(curve.iter().all(|point| (point.ms - 1000.0 * point.quantile).abs() < 110.0), "{curve:?}");

        let mut all = latencies.empty();
        all.record(Duration::from_secs(600));
        all.add(&latencies);
        assert!(all.count() == 1001 && all.max_ms().unwrap() >= 600_000.0);
    }
}
