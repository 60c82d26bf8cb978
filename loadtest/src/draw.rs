//! Seeded draws by weight.

use fastrand::Rng;

/// A choice among `0..n`, each with its weight: cumulative weights and a binary search.
#[derive(Debug, Clone)]
pub(crate) struct Weighted {
    cumulative: Vec<f64>,
}

impl Weighted {
    /// Weights are finite and not negative.
    pub(crate) fn new(weights: impl IntoIterator<Item = f64>) -> Weighted {
        let sums = weights.into_iter().scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Weighted { cumulative: sums.collect() }
    }

    /// The first of `n` most often, the one at rank r in proportion to 1 / r^`exponent` (Zipf).
    pub(crate) fn zipf(n: usize, exponent: f64) -> Weighted {
        Weighted::new((1..=n).map(|rank| (rank as f64).powf(-exponent)))
    }

    /// `None` where there is nothing to draw.
    pub(crate) fn draw(&self, rng: &mut Rng) -> Option<usize> {
        let total = self.cumulative.last().copied().filter(|total| *total > 0.0)?;
        let ticket = rng.f64() * total;
        let at = self.cumulative.partition_point(|sum| *sum <= ticket);
        Some(at.min(self.cumulative.len() - 1)) // the product may round up to the total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(weighted: &Weighted, n: usize) -> Vec<u32> {
        let mut rng = Rng::with_seed(7);
        let mut counts = vec![0; n];
        for _ in 0..100_000 {
            counts[weighted.draw(&mut rng).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn draws_follow_the_weights() {
        let counts = counts(&Weighted::new([1.0, 0.0, 3.0]), 3);
        assert!((24_000..26_000).contains(&counts[0]) && counts[1] == 0, "{counts:?}");
        assert_eq!(Weighted::new([0.0]).draw(&mut Rng::with_seed(7)), None);
        assert_eq!(Weighted::zipf(0, 1.0).draw(&mut Rng::with_seed(7)), None);
    }

    #[test]
    fn the_second_comes_half_as_often_as_the_first() {
        let counts = counts(&Weighted::zipf(1000, 1.0), 1000);
        let ratio = f64::from(counts[1]) / f64::from(counts[0]);
        assert!((0.45..0.55).contains(&ratio), "{counts:?}");
    }
}
