//! Sets of items as bits, in chunks that many versions share.

use super::bitmap::items_of_word;
use super::chunks::{CHUNK, Chunks, ChunksBuilder};
use super::{Bitmap, ItemIdx};

/// A set of items, one bit each, cheap to clone: an item that comes or goes copies 4 KiB and not the set.
#[derive(Debug, Clone, Default)]
pub struct ChunkedBitmap {
    words: Chunks<u64>,
    len: usize,
}

impl ChunkedBitmap {
    /// The set of every item for which `keep` holds.
    pub fn from_fn(len: usize, mut keep: impl FnMut(usize) -> bool) -> Self {
        let mut bits = ChunkedBits::with_capacity(len);
        for row in 0..len {
            bits.push(keep(row));
        }
        bits.finish()
    }

    /// The same set in chunks.
    pub fn of(set: &Bitmap) -> Self {
        Self { words: set.words().iter().copied().collect(), len: set.len() }
    }

    /// The items of the set, ascending.
    pub fn items(&self) -> impl Iterator<Item = ItemIdx> {
        let words = self.words.chunks().flatten().enumerate().filter(|(_, word)| **word != 0);
        words.flat_map(|(at, word)| items_of_word(at, *word))
    }

    /// How many items the set ranges over (not how many it holds).
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the set ranges over no item at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many items the set holds.
    pub fn count(&self) -> usize {
        self.words.chunks().flatten().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether `item` is in the set; false outside its range.
    #[inline]
    pub fn contains(&self, item: ItemIdx) -> bool {
        self.words.get(item.row() / 64).is_some_and(|word| word >> (item.row() % 64) & 1 == 1)
    }

    /// Adds or takes out `item`; nothing happens outside the range.
    pub fn set(&mut self, item: ItemIdx, member: bool) {
        if item.row() >= self.len || self.contains(item) == member {
            return; // a chunk that would stay as it is goes on being shared
        }
        let at = item.row() / 64;
        if let Some(word) = self.words.get(at).copied() {
            self.words.set(at, word ^ 1 << (item.row() % 64));
        }
    }

    /// Ranges over `len` items at least; those that are new are not in the set.
    pub fn extend_to(&mut self, len: usize) {
        self.words.extend_to(len.div_ceil(64), &0);
        self.len = self.len.max(len);
    }

    /// Writes the set into `out`, in its memory.
    pub fn copy_to(&self, out: &mut Bitmap) {
        out.refill(self.words.chunks(), self.len);
    }

    /// Takes from `out` what is not in this set.
    pub fn intersect_into(&self, out: &mut Bitmap) {
        out.intersect_words(self.words.chunks(), CHUNK);
    }

    /// The bytes this set occupies, however many others share its chunks.
    pub fn resident_bytes(&self) -> usize {
        self.words.resident_bytes()
    }
}

/// Bits that come one after the other.
#[derive(Debug, Default)]
pub struct ChunkedBits {
    words: ChunksBuilder<u64>,
    len: usize,
}

impl ChunkedBits {
    /// With capacity for `bits` bits.
    pub fn with_capacity(bits: usize) -> Self {
        Self { words: ChunksBuilder::with_capacity(bits.div_ceil(64)), len: 0 }
    }

    /// Adds a bit.
    pub fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(64) {
            self.words.push(0);
        }
        // There is a word by now; a bit without one would be lost.
        if let Some(word) = self.words.last_mut() {
            *word |= u64::from(bit) << (self.len % 64);
        }
        self.len += 1;
    }

    /// The finished set.
    pub fn finish(self) -> ChunkedBitmap {
        ChunkedBitmap { words: self.words.finish(), len: self.len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_in_chunks_holds_what_a_plain_one_holds() {
        let mut random = fastrand::Rng::with_seed(8);
        for len in [0, 1, 64, 65, 40_000] {
            let mut plain = Bitmap::from_fn(len, |row| row % 3 == 1);
            let first = ChunkedBitmap::from_fn(len, |row| row % 3 == 1);
            let mut set = first.clone();
            for _ in 0..200 {
                let item = ItemIdx(random.u32(0..len as u32 + 9));
                if random.bool() {
                    plain.insert(item);
                    set.set(item, true);
                } else {
                    plain.remove(item);
                    set.set(item, false);
                }
                assert_eq!(plain.contains(item), set.contains(item));
            }
            let mut copy = Bitmap::new(3);
            set.copy_to(&mut copy);
            assert_eq!((&copy, copy.count()), (&plain, set.count()));
            first.copy_to(&mut copy);
            assert_eq!(copy, Bitmap::from_fn(len, |row| row % 3 == 1), "the other version stays");
            set.intersect_into(&mut copy);
            plain.intersect(&Bitmap::from_fn(len, |row| row % 3 == 1));
            assert_eq!(copy, plain);
        }
    }

    #[test]
    fn a_set_grows_by_items_that_are_not_in_it() {
        let mut set = ChunkedBitmap::from_fn(70, |_| true);
        set.extend_to(40_000);
        assert_eq!((set.len(), set.count()), (40_000, 70));
        set.set(ItemIdx(39_999), true);
        assert!(set.contains(ItemIdx(39_999)) && !set.contains(ItemIdx(39_998)));
    }
}
