//! Which item is how popular, and which items belong together: all by arithmetic, without a table per item.

use fastrand::Rng;

/// Numbers in each vector.
pub(super) const WIDTH: usize = 64;

/// How large a trained shop to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaleSpec {
    /// Items in the catalogue, each with a vector and neighbours: 100 to 100 million.
    pub items: usize,
    /// Past sessions, about five clicks each.
    pub sessions: usize,
    /// Users with a vector.
    pub users: usize,
    /// Users in the table of user features; 0 leaves the table out.
    pub user_features: usize,
    /// Another seed makes another shop.
    pub seed: u64,
    /// The newest session, milliseconds since 1970.
    pub until_ms: i64,
}

/// Where the next click of a session goes, in a hundred: to the same cluster, to the next one; the rest goes anywhere.
const STAY: u32 = 74;
const BESIDE: u32 = 16;

/// The plan of a shop. Rank `r` is the `r`-th most popular item; it belongs to cluster `r % clusters`.
#[derive(Debug)]
pub(super) struct Shape {
    items: usize,
    clusters: usize,
    /// Odd or at least without a common factor with `items`: spreads ranks over item numbers.
    stride: usize,
    centres: Vec<f32>,
}

impl Shape {
    pub(super) fn new(spec: &ScaleSpec) -> Self {
        let items = spec.items.max(1);
        // Twice the square root: 100,000 items make 632 clusters of 158. At 4000 clusters the centres take a
        // megabyte, which stays in a processor's cache.
        let clusters = ((items as f64).sqrt() as usize * 2).clamp(1, 4000).min(items);
        // The golden ratio spreads consecutive ranks evenly over the item numbers.
        let mut stride = (items as f64 * 0.618_034) as usize | 1;
        while common(stride, items) != 1 {
            stride += 2;
        }
        let mut random = Rng::with_seed(spec.seed ^ 0x5EED_C1A5);
        let mut centres: Vec<f32> = (0..clusters * WIDTH).map(|_| normal(&mut random)).collect();
        for centre in centres.chunks_exact_mut(WIDTH) {
            let length = centre.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            for x in centre {
                *x /= length;
            }
        }
        Self { items, clusters, stride, centres }
    }

    /// How many clusters there are.
    pub(super) fn clusters(&self) -> usize {
        self.clusters
    }

    /// The item of a rank.
    pub(super) fn item(&self, rank: usize) -> usize {
        (rank as u64 * self.stride as u64 % self.items as u64) as usize
    }

    /// A rank drawn by Zipf's law (exponent 1) from the whole shop.
    pub(super) fn any(&self, random: &mut Rng) -> usize {
        zipf(random, self.items)
    }

    /// A rank drawn by Zipf's law from one cluster.
    pub(super) fn within(&self, cluster: usize, random: &mut Rng) -> usize {
        let members = (self.items - cluster).div_ceil(self.clusters);
        zipf(random, members) * self.clusters + cluster
    }

    /// Where a click leads that looks from `rank`.
    pub(super) fn onward(&self, rank: usize, random: &mut Rng) -> usize {
        let cluster = rank % self.clusters;
        match random.u32(0..100) {
            draw if draw < STAY => self.within(cluster, random),
            draw if draw < STAY + BESIDE => self.within((cluster + 1) % self.clusters, random),
            _ => self.any(random),
        }
    }

    /// Writes a vector near the middle of a cluster, with a log-normal length.
    pub(super) fn vector(&self, cluster: usize, random: &mut Rng, out: &mut [f32; WIDTH]) {
        let length = (0.45 * normal(random)).exp();
        let centre = self.centres.chunks_exact(WIDTH).nth(cluster).unwrap_or(&[0.0; WIDTH]);
        for (x, middle) in out.iter_mut().zip(centre) {
            // The noise is as long as the centre: 64 draws of deviation 0.1 have length 0.8.
            *x = length * (middle + 0.1 * normal(random));
        }
    }
}

/// From 0 to `n - 1`, the `k`-th with a weight near `1 / (k + 1)`.
fn zipf(random: &mut Rng, n: usize) -> usize {
    let rank = (random.f64() * ((n + 1) as f64).ln()).exp() as usize;
    rank.clamp(1, n) - 1
}

/// Near enough a normal draw: the sum of four uniform ones out of one random number.
pub(super) fn normal(random: &mut Rng) -> f32 {
    let bits = random.u64(..);
    let sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48);
    // Mean 2 · 65535, deviation 65536 / √3.
    (sum as f32 - 131_070.0) / 37_837.0
}

fn common(mut a: usize, mut b: usize) -> usize {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_is_one_item_and_few_items_get_most_clicks() {
        let spec = ScaleSpec { items: 1000, sessions: 0, users: 0, user_features: 0, seed: 3, until_ms: 0 };
        let shape = Shape::new(&spec);
        let mut items: Vec<usize> = (0..1000).map(|rank| shape.item(rank)).collect();
        items.sort_unstable();
        assert!(items.iter().copied().eq(0..1000));
        let mut random = Rng::with_seed(1);
        let draws: Vec<usize> = (0..10_000).map(|_| shape.any(&mut random)).collect();
        assert!(draws.iter().all(|rank| *rank < 1000));
        let top = draws.iter().filter(|rank| **rank < 10).count();
        assert!((2500..4500).contains(&top), "{top} of 10000 clicks on the ten best");
        for cluster in 0..shape.clusters() {
            let rank = shape.within(cluster, &mut random);
            assert!(rank < 1000 && rank % shape.clusters() == cluster);
        }
    }
}
