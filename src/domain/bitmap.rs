//! Sets of items as bits.

use super::ItemIdx;

/// A fixed-size set of items, one bit each.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Bitmap {
    words: Vec<u64>,
    len: usize,
}

// By hand for `clone_from`: the derived one takes new memory, and a mask copies a filter's bitmap for every request.
impl Clone for Bitmap {
    fn clone(&self) -> Self {
        Self { words: self.words.clone(), len: self.len }
    }

    fn clone_from(&mut self, source: &Self) {
        self.words.clone_from(&source.words);
        self.len = source.len;
    }
}

impl Bitmap {
    /// An empty set over `len` items.
    pub fn new(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)], len }
    }

    /// Empties the set and lets it range over `len` items.
    pub fn reset(&mut self, len: usize) {
        self.words.clear();
        self.words.resize(len.div_ceil(64), 0);
        self.len = len;
    }

    /// A set over `len` items, 64 to a word, the lowest bit first. Missing words are empty, bits beyond `len` are
    /// ignored.
    pub fn from_words(mut words: Vec<u64>, len: usize) -> Self {
        words.resize(len.div_ceil(64), 0);
        let mut set = Self { words, len };
        set.cut_last_word();
        set
    }

    /// The set of every item for which `keep` holds.
    pub fn from_fn(len: usize, mut keep: impl FnMut(usize) -> bool) -> Self {
        let mut set = Self::new(len);
        for row in (0..len).filter(|&row| keep(row)) {
            set.insert(ItemIdx(row as u32));
        }
        set
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
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// The set's bits: item `i` is bit `i % 64` of word `i / 64`.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The items of the set, ascending.
    pub fn items(&self) -> impl Iterator<Item = ItemIdx> {
        // Word by word: a sparse set over millions of items costs a look at each 64 of them.
        self.words.iter().enumerate().flat_map(|(at, word)| items_of_word(at, *word))
    }

    /// Whether `item` is in the set; false outside its range.
    #[inline]
    pub fn contains(&self, item: ItemIdx) -> bool {
        // An item out of range is answered, not a panic: stages of embedders come with numbers of their own.
        self.words.get(item.row() / 64).is_some_and(|w| w >> (item.row() % 64) & 1 == 1)
    }

    /// Adds `item`; true if it was not there before. Items out of range are ignored.
    #[inline]
    pub fn insert(&mut self, item: ItemIdx) -> bool {
        let bit = 1u64 << (item.row() % 64);
        match self.words.get_mut(item.row() / 64) {
            Some(word) if item.row() < self.len => {
                let fresh = *word & bit == 0;
                *word |= bit;
                fresh
            }
            _ => false,
        }
    }

    /// Takes `item` out.
    #[inline]
    pub fn remove(&mut self, item: ItemIdx) {
        if let Some(word) = self.words.get_mut(item.row() / 64) {
            *word &= !(1u64 << (item.row() % 64));
        }
    }

    /// Keeps what both sets hold. Both must range over the same items.
    pub fn intersect(&mut self, other: &Bitmap) {
        for (a, b) in self.words.iter_mut().zip(&other.words) {
            *a &= b;
        }
    }

    /// Adds what `other` holds, which ranges over no more items.
    pub fn unite(&mut self, other: &Bitmap) {
        for (a, b) in self.words.iter_mut().zip(&other.words) {
            *a |= b;
        }
    }

    /// Takes out what `other` holds.
    pub fn subtract(&mut self, other: &Bitmap) {
        for (a, b) in self.words.iter_mut().zip(&other.words) {
            *a &= !b;
        }
    }

    /// Becomes the set of all items that it does not hold.
    pub fn complement(&mut self) {
        for word in &mut self.words {
            *word = !*word;
        }
        self.cut_last_word();
    }

    /// Becomes the set over `len` items of these words, in its own memory.
    pub(super) fn refill<'a>(&mut self, words: impl Iterator<Item = &'a [u64]>, len: usize) {
        self.words.clear();
        // At once, or a first request over millions of items would take memory many times.
        self.words.reserve(len.div_ceil(64));
        for words in words {
            self.words.extend_from_slice(words);
        }
        self.len = len;
    }

    /// Keeps what a set of these words holds too, `chunk` words at a time.
    pub(super) fn intersect_words<'a>(&mut self, words: impl Iterator<Item = &'a [u64]>, chunk: usize) {
        for (own, other) in self.words.chunks_mut(chunk).zip(words) {
            for (a, b) in own.iter_mut().zip(other) {
                *a &= b;
            }
        }
    }

    /// Whole words are counted and listed: a bit beyond the end would be an item that does not exist.
    fn cut_last_word(&mut self) {
        if let (Some(last), rest @ 1..) = (self.words.last_mut(), self.len % 64) {
            *last &= (1 << rest) - 1;
        }
    }

    /// The bytes this set occupies.
    pub fn resident_bytes(&self) -> usize {
        self.words.capacity() * 8
    }
}

/// The items of the word at this place of a set, ascending.
pub(super) fn items_of_word(at: usize, word: u64) -> impl Iterator<Item = ItemIdx> {
    let mut left = word;
    std::iter::from_fn(move || {
        let bit = (left != 0).then(|| left.trailing_zeros())?;
        left &= left - 1;
        Some(ItemIdx(at as u32 * 64 + bit))
    })
}
