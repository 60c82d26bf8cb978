//! A share with the interval that it is known within.

use serde::Serialize;

/// The normal distribution's quantile for 95 % of both sides.
const Z: f64 = 1.959_963_984_540_054;

/// A share of impressions, with its 95 % interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Rate {
    /// The share; 0 where there are no impressions.
    pub rate: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

impl Rate {
    /// `hits` of `of`. The interval is Wilson's ("Probable inference, the law of succession, and statistical
    /// inference", JASA 22, 1927): unlike the usual one it holds for rates near 0, which click rates are, and for few
    /// impressions (Brown, Cai, DasGupta, "Interval estimation for a binomial proportion", Statistical Science 16,
    /// 2001).
    pub fn new(hits: u64, of: u64) -> Self {
        if of == 0 {
            return Self { rate: 0.0, low: 0.0, high: 1.0 };
        }
        let (n, rate) = (of as f64, hits as f64 / of as f64);
        let width = 1.0 + Z * Z / n;
        let middle = (rate + Z * Z / (2.0 * n)) / width;
        let half = Z * (rate * (1.0 - rate) / n + Z * Z / (4.0 * n * n)).sqrt() / width;
        // At 0 and 1 the ends are exact, and rounding would miss them by a little.
        let low = if hits == 0 { 0.0 } else { middle - half };
        let high = if hits == of { 1.0 } else { middle + half };
        Self { rate, low, high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_the_published_one() {
        // Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, 1998,
        // table I, method 3.
        for (hits, of, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)]
        {
            let found = Rate::new(hits, of);
            assert!(
                (found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5,
                "{hits}/{of}: {found:?}"
            );
        }
        assert_eq!(Rate::new(0, 0), Rate { rate: 0.0, low: 0.0, high: 1.0 });
    }
}
