//! A filter that tells unknown ids: these users are not looked for in any shard.

use super::fnv1a;

/// Bits of memory per id: with 10 of them about one unknown id in a hundred passes, each further bit takes off a third.
const BITS: usize = 10;
/// Bits set for each id; near the best number for [`BITS`], which is 0.69 of it.
const PROBES: u64 = 6;

/// A Bloom filter over text ids (Bloom, CACM 1970; two hashes for all probes: Kirsch and Mitzenmacher, ESA 2006).
#[derive(Debug)]
pub(in crate::snapshot) struct IdFilter {
    words: Vec<u64>,
}

impl IdFilter {
    /// An empty filter for `ids` ids.
    pub(in crate::snapshot) fn new(ids: usize) -> Self {
        Self { words: vec![0; ids.saturating_mul(BITS) / 64 + 1] }
    }

    /// Adds an id.
    pub(in crate::snapshot) fn insert(&mut self, id: &str) {
        for at in probes(id, self.words.len()) {
            if let Some(word) = self.words.get_mut(at / 64) {
                *word |= 1 << (at % 64);
            }
        }
    }

    /// False if the id was never added.
    pub(super) fn may_have(&self, id: &str) -> bool {
        let set = |at: usize| self.words.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1);
        probes(id, self.words.len()).all(set)
    }

    /// The bytes that a filter of `ids` ids will occupy.
    pub(in crate::snapshot) fn predict_bytes(ids: usize) -> usize {
        (ids.saturating_mul(BITS) / 64 + 1).saturating_mul(8)
    }

    pub(super) fn resident_bytes(&self) -> usize {
        self.words.capacity() * 8
    }
}

fn probes(id: &str, words: usize) -> impl Iterator<Item = usize> {
    let first = mixed(fnv1a(id.as_bytes()));
    // Odd, so that the probes do not meet again in tables whose size is a power of two.
    let step = mixed(first) | 1;
    let bits = words as u64 * 64;
    (0..PROBES).map(move |probe| (first.wrapping_add(step.wrapping_mul(probe)) % bits) as usize)
}

/// Spreads every bit of FNV over the whole word (the finaliser of SplitMix64).
fn mixed(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_passes_every_id_it_was_given_and_few_others() {
        let mut filter = IdFilter::new(10_000);
        (0..10_000).for_each(|id| filter.insert(&format!("u{id}")));
        assert!((0..10_000).all(|id| filter.may_have(&format!("u{id}"))));
        let passed = (0..10_000).filter(|id| filter.may_have(&format!("unknown {id}"))).count();
        assert!(passed < 200, "{passed} of 10000 unknown ids pass");
    }
}
