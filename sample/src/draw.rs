//! Drawing from weights with integers only, so that a seed means the same shop on every platform.

use fastrand::Rng;

/// A weighted choice among `0..n`: cumulative weights and a binary search.
#[derive(Debug, Clone, Default)]
pub(super) struct Weighted {
    cumulative: Vec<u64>,
}

impl Weighted {
    /// Weights may be zero; their sum must fit in 64 bits.
    pub(super) fn new(weights: impl IntoIterator<Item = u64>) -> Weighted {
        let mut sum = 0;
        let cumulative = weights
            .into_iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        Weighted { cumulative }
    }

    /// `None` where every weight is zero.
    pub(super) fn draw(&self, rng: &mut Rng) -> Option<usize> {
        let total = self.cumulative.last().copied().filter(|&total| total > 0)?;
        let ticket = rng.u64(0..total);
        // The first sum above the ticket; a weight of 0 repeats the sum before it and is never first.
        Some(self.cumulative.partition_point(|&sum| sum <= ticket))
    }
}

/// Whether an event of probability `chance` / 100 happens.
pub(super) fn percent(rng: &mut Rng, chance: u32) -> bool {
    rng.u32(0..100) < chance
}

/// A uniform position in a list of `len`; 0 for an empty list.
pub(super) fn position(rng: &mut Rng, len: usize) -> usize {
    if len == 0 { 0 } else { rng.u64(0..len as u64) as usize }
}

/// One word of a list, or none of an empty one.
pub(super) fn word(rng: &mut Rng, list: &[&'static str]) -> Option<&'static str> {
    list.get(position(rng, list.len())).copied()
}

/// A Fisher–Yates shuffle, with draws that do not depend on the width of `usize`.
pub(super) fn shuffle<T>(rng: &mut Rng, list: &mut [T]) {
    for end in (1..list.len()).rev() {
        list.swap(end, position(rng, end + 1));
    }
}

/// Near enough a normal draw (mean 0, deviation 1): a sum of uniform ones.
pub(super) fn bell(rng: &mut Rng) -> f64 {
    let sum: u32 = (0..12).map(|_| rng.u32(0..=1000)).sum();
    (f64::from(sum) - 6000.0) / 1000.0
}

/// Near enough `e^x` for small `x`, by multiplications alone: a library's `exp` may differ in its last bit.
pub(super) fn exp(x: f64) -> f64 {
    let mut power = 1.0 + x / 1024.0;
    for _ in 0..10 {
        power *= power;
    }
    power
}

/// The parts of the work with a generator of their own, so that a change in one leaves the draws of the others as they
/// were.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Products,
    Users,
    Activity,
    Partners,
    Restocks,
    Day(u32),
}

/// A generator of its own for one part of the work.
pub(super) fn part(seed: u64, part: Part) -> Rng {
    let part = match part {
        Part::Products => 0,
        Part::Users => 1,
        Part::Activity => 2,
        Part::Partners => 3,
        Part::Restocks => 4,
        Part::Day(day) => 100 + u64::from(day),
    };
    // SplitMix64's step, so that neighbouring parts do not resemble each other.
    let mut mixed = seed.wrapping_add(part.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    Rng::with_seed(mixed ^ (mixed >> 31))
}
