//! Sets of items as bits, and the mask that retrieval consults.

use super::ItemIdx;

/// A fixed-size set of items, one bit each.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Bitmap {
    words: Vec<u64>,
    len: usize,
}

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

    /// A set over `len` items, 64 to a word, the lowest bit first. Missing words are empty, bits beyond `len` are ignored.
    pub fn from_words(mut words: Vec<u64>, len: usize) -> Self {
        words.resize(len.div_ceil(64), 0);
        if let (Some(last), rest @ 1..) = (words.last_mut(), len % 64) {
            *last &= (1 << rest) - 1;
        }
        Self { words, len }
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
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(ItemIdx(at as u32 * 64 + bit))
            })
        })
    }

    /// Whether `item` is in the set; false outside its range.
    #[inline]
    pub fn contains(&self, item: ItemIdx) -> bool {
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

    /// The bytes this set occupies.
    pub fn resident_bytes(&self) -> usize {
        self.words.capacity() * 8
    }
}

/// What may be recommended to one request: an optional whitelist and a short blacklist.
///
/// Reused between requests: [`ItemMask::reset`] undoes the last request in time proportional to what it excluded.
#[derive(Debug, Default)]
pub struct ItemMask {
    allowed: Option<Bitmap>,
    spare: Option<Bitmap>,
    listed: Option<Bitmap>,
    excluded: Bitmap,
    touched: Vec<ItemIdx>,
    soft: Vec<ItemIdx>,
}

impl ItemMask {
    /// Empties the mask and sizes it for a catalogue of `items` items.
    pub fn reset(&mut self, items: usize) {
        if self.excluded.len() == items {
            for item in self.touched.drain(..) {
                self.excluded.remove(item);
            }
        } else {
            self.excluded = Bitmap::new(items);
            self.touched.clear();
        }
        self.soft.clear();
        if let Some(used) = self.allowed.take() {
            self.spare = Some(used);
        }
    }

    /// Keeps only what `set` holds, on top of what was demanded before.
    pub fn allow_only(&mut self, set: &Bitmap) {
        match &mut self.allowed {
            Some(allowed) => allowed.intersect(set),
            None => {
                let mut copy = self.spare.take().unwrap_or_default();
                copy.clone_from(set);
                self.allowed = Some(copy);
            }
        }
    }

    /// Keeps only the listed items, on top of what was demanded before.
    pub fn allow_only_items(&mut self, items: &[ItemIdx]) {
        let mut set = self.listed.take().unwrap_or_default();
        set.reset(self.excluded.len());
        items.iter().for_each(|item| {
            set.insert(*item);
        });
        self.allow_only(&set);
        self.listed = Some(set);
    }

    /// Excludes one item for good, also where it was excluded softly before.
    pub fn exclude(&mut self, item: ItemIdx) {
        if self.excluded.insert(item) {
            self.touched.push(item);
        } else {
            self.soft.retain(|soft| *soft != item);
        }
    }

    /// Excludes one item unless the slate would otherwise stay short ([`ItemMask::relax`]).
    pub fn exclude_softly(&mut self, item: ItemIdx) {
        if self.excluded.insert(item) {
            self.touched.push(item);
            self.soft.push(item);
        }
    }

    /// Lets the softly excluded items in again; true if there were any.
    pub fn relax(&mut self) -> bool {
        for item in &self.soft {
            self.excluded.remove(*item);
        }
        let any = !self.soft.is_empty();
        self.soft.clear();
        any
    }

    /// The only items that may be recommended, less the excluded ones; `None`: all of the catalogue.
    pub fn allowed(&self) -> Option<&Bitmap> {
        self.allowed.as_ref()
    }

    /// Whether `item` may be recommended.
    #[inline]
    pub fn admits(&self, item: ItemIdx) -> bool {
        !self.excluded.contains(item) && self.allowed.as_ref().is_none_or(|set| set.contains(item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_excluded_for_good_stays_so_whatever_was_said_before_or_after() {
        let [soft, hard, both, other] = [ItemIdx(1), ItemIdx(2), ItemIdx(3), ItemIdx(4)];
        let mut mask = ItemMask::default();
        mask.reset(5);
        mask.exclude(hard);
        [soft, hard, both].into_iter().for_each(|item| mask.exclude_softly(item));
        mask.exclude(both);
        assert!(mask.admits(other) && ![soft, hard, both].iter().any(|item| mask.admits(*item)));
        assert!(mask.relax());
        assert!(mask.admits(soft) && !mask.admits(hard) && !mask.admits(both));
        mask.reset(5);
        assert!([soft, hard, both].iter().all(|item| mask.admits(*item)) && !mask.relax());
    }
}
