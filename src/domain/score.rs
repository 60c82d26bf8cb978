//! The one order of scores: total, with NaN and infinities last and ties broken by item.

use super::ItemIdx;

/// A score and its item packed so that plain integer order is the order of recommendations (greater is better).
///
/// Finite scores sort ascending; NaN and both infinities sink below every finite score; among equal scores the
/// lower item number wins.
pub type Key = u64;

/// Packs a score with its item.
#[inline]
pub fn key(score: f32, item: ItemIdx) -> Key {
    (u64::from(sortable(score)) << 32) | u64::from(!item.0)
}

/// The item of a key.
#[inline]
pub fn item(key: Key) -> ItemIdx {
    ItemIdx(!(key as u32))
}

/// The score of a key; `f32::NEG_INFINITY` for a score that was not finite.
#[inline]
pub fn value(key: Key) -> f32 {
    match (key >> 32) as u32 {
        0 => f32::NEG_INFINITY,
        bits if bits & 0x8000_0000 != 0 => f32::from_bits(bits & 0x7fff_ffff),
        bits => f32::from_bits(!bits),
    }
}

/// Keeps the best `k` keys, best first.
pub fn keep_top(keys: &mut Vec<Key>, k: usize) {
    // Selecting before sorting: of ten thousand keys some twelve are wanted.
    if k == 0 {
        keys.clear();
    } else if keys.len() > k {
        keys.select_nth_unstable_by(k - 1, |a, b| b.cmp(a));
        keys.truncate(k);
    }
    keys.sort_unstable_by(|a, b| b.cmp(a));
}

#[inline]
fn sortable(score: f32) -> u32 {
    // A model may give any NaN, of either sign, and processors do not agree on which: all of them are the worst score.
    if !score.is_finite() {
        return 0;
    }
    let bits = (score + 0.0).to_bits(); // -0.0 + 0.0 = 0.0: the two zeros are one score
    if bits & 0x8000_0000 == 0 { bits | 0x8000_0000 } else { !bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_total_and_non_finite_scores_sink() {
        let scores = [f32::NAN, 1.0, f32::INFINITY, -2.0, 0.0, -0.0, f32::NEG_INFINITY, f32::MIN, f32::MAX];
        let mut keys: Vec<_> = scores.iter().enumerate().map(|(i, s)| key(*s, ItemIdx(i as u32))).collect();
        keep_top(&mut keys, 9);
        let order: Vec<_> = keys.iter().map(|k| item(*k).0).collect();
        assert_eq!(order, [8, 1, 4, 5, 3, 7, 0, 2, 6]);
        assert_eq!(value(key(-2.5, ItemIdx(3))), -2.5);
    }

    #[test]
    fn keep_top_equals_a_full_sort() {
        let mut random = fastrand::Rng::with_seed(7);
        for k in [0, 1, 5, 50, 99, 100, 200] {
            let mut keys: Vec<_> =
                (0..100).map(|i| key((random.u32(0..20) as f32) - 10.0, ItemIdx(i))).collect();
            let mut expected = keys.clone();
            expected.sort_unstable_by(|a, b| b.cmp(a));
            expected.truncate(k);
            keep_top(&mut keys, k);
            assert_eq!(keys, expected);
        }
    }
}
