//! Ids and their dense numbers, both ways: one arena of text and one array of tagged numbers.

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;
use thiserror::Error;

use crate::machine;

/// The most ids a table holds.
// Numbers and one more fit into the words of the hash table, in which 0 is a free slot.
const MAX_IDS: usize = u32::MAX as usize - 1;

/// Text ids numbered from 0.
///
/// The texts lie end to end. Where all are equally long, their places follow from their numbers; otherwise each has its
/// end noted. A slot of the hash table is one 32-bit word: the number, and in the bits that numbers do not need a piece
/// of the hash, so that a look-up reads one slot and one text, hardly ever a wrong one. 1 million ids of 9 bytes take
/// 14.4 MB.
#[derive(Debug, Clone)]
pub struct IdTable {
    texts: String,
    count: usize,
    places: Places,
    slots: Slots,
    hasher: DefaultHashBuilder,
}

/// Why an id was not added to a table.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdError {
    /// It is there already.
    #[error("\"{id}\" occurs a second time (first in row {row})")]
    Repeated {
        /// The id.
        id: String,
        /// Its place among the ids, from 1.
        row: u64,
    },
    /// The texts of all ids would not fit.
    #[error("ids exceed 4 GiB")]
    TooMuchText,
    /// There would be too many ids.
    #[error("more than {MAX_IDS} ids")]
    TooMany,
}

/// Where each text is.
#[derive(Debug, Clone)]
enum Places {
    /// All have this length.
    Equal(usize),
    /// Each ends here.
    Ends(Vec<u32>),
}

impl Default for IdTable {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl IdTable {
    /// An empty table with capacity for `ids` ids.
    pub fn with_capacity(ids: usize) -> Self {
        Self {
            texts: String::new(),
            count: 0,
            places: Places::Equal(0),
            slots: Slots::for_ids(ids),
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Adds an id and returns its number.
    ///
    /// # Errors
    /// An id that was added before, or one too many.
    pub fn insert(&mut self, id: &str) -> Result<u32, IdError> {
        let hash = self.hasher.hash_one(id);
        if let Some(first) = self.find(hash, id) {
            return Err(IdError::Repeated { id: id.to_owned(), row: u64::from(first) + 1 });
        }
        let end = u32::try_from(self.texts.len() + id.len()).map_err(|_| IdError::TooMuchText)?;
        if self.count >= MAX_IDS {
            return Err(IdError::TooMany);
        }
        if !self.slots.has_capacity_for(self.count + 1) {
            self.grow();
        }
        let number = self.count as u32;
        self.note_place(id.len(), end);
        self.texts.push_str(id);
        self.count += 1;
        self.slots.put(hash, number);
        Ok(number)
    }

    /// The number of an id.
    #[inline]
    pub fn number(&self, id: &str) -> Option<u32> {
        self.find(self.hasher.hash_one(id), id)
    }

    /// The id of a number; empty for a number that was not given.
    #[inline]
    pub fn text(&self, number: u32) -> &str {
        let at = number as usize;
        let range = match &self.places {
            Places::Equal(_) if at >= self.count => return "",
            Places::Equal(length) => at * length..(at + 1) * length,
            Places::Ends(ends) => {
                let start =
                    at.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |end| *end as usize);
                match ends.get(at) {
                    Some(end) => start..*end as usize,
                    None => return "",
                }
            }
        };
        self.texts.get(range).unwrap_or("")
    }

    /// How many ids there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Gives back the memory that was kept for more ids.
    pub fn shrink(&mut self) {
        self.texts.shrink_to_fit();
        if let Places::Ends(ends) = &mut self.places {
            ends.shrink_to_fit();
        }
    }

    /// The bytes the table occupies.
    pub fn resident_bytes(&self) -> usize {
        let places = match &self.places {
            Places::Equal(_) => 0,
            Places::Ends(ends) => ends.capacity() * size_of::<u32>(),
        };
        self.texts.capacity() + places + self.slots.words.capacity() * size_of::<u32>()
    }

    /// The bytes that `ids` ids of `bytes` bytes together will occupy, all equally long or not.
    pub fn predict_bytes(ids: usize, bytes: usize, equal: bool) -> usize {
        let places = if equal { 0 } else { ids * size_of::<u32>() };
        bytes + places + Slots::count(ids) * size_of::<u32>()
    }

    #[inline]
    fn find(&self, hash: u64, id: &str) -> Option<u32> {
        self.slots.candidates(hash).find(|number| self.text(*number) == id)
    }

    fn note_place(&mut self, length: usize, end: u32) {
        match &mut self.places {
            Places::Ends(ends) => ends.push(end),
            Places::Equal(known) if self.count == 0 || *known == length => *known = length,
            Places::Equal(known) => {
                // Until here all ids were equally long, and the ends are those multiples. Ids of one length
                // never come here.
                let mut ends = machine::large_vec((self.count + 1).max(self.slots.capacity()));
                ends.extend((1..=self.count).map(|place| (place * *known) as u32));
                ends.push(end);
                self.places = Places::Ends(ends);
            }
        }
    }

    fn grow(&mut self) {
        self.slots = Slots::for_ids((self.count * 2).clamp(16, MAX_IDS));
        for number in 0..self.count as u32 {
            // Hashed anew, as the slots keep only a piece of the hash.
            let hash = self.hasher.hash_one(self.text(number));
            self.slots.put(hash, number);
        }
    }
}

/// Open addressing with linear probing, at most three quarters full. A word is `tag << bits | number + 1`; 0 is free.
#[derive(Debug, Clone)]
struct Slots {
    words: Vec<u32>,
    /// Bits of a word that hold the number.
    bits: u32,
}

impl Slots {
    fn count(ids: usize) -> usize {
        // At most three quarters full: with linear probing a miss then looks at about eight slots, half of them in one
        // cache line.
        ids + ids / 3 + 2
    }

    fn for_ids(ids: usize) -> Self {
        let count = Self::count(ids.min(MAX_IDS));
        Self { words: machine::large_zeroed(count), bits: (count as u64).ilog2() + 1 }
    }

    /// How many ids fit.
    fn capacity(&self) -> usize {
        self.words.len() / 4 * 3
    }

    fn has_capacity_for(&self, ids: usize) -> bool {
        ids + ids / 3 < self.words.len()
    }

    /// Where the search for a hash begins: its high half, scaled to the number of slots.
    #[inline]
    fn start(&self, hash: u64) -> usize {
        // A multiplication instead of a remainder: it needs no power of two, which would waste up to half of the table.
        ((u128::from(hash) * self.words.len() as u128) >> 64) as usize
    }

    #[inline]
    fn tag(&self, hash: u64) -> u64 {
        (hash & u64::from(u32::MAX)) >> self.bits << self.bits
    }

    fn put(&mut self, hash: u64, number: u32) {
        let word = (self.tag(hash) | (u64::from(number) + 1)) as u32;
        let mut at = self.start(hash);
        while let Some(slot) = self.words.get_mut(at) {
            if *slot == 0 {
                *slot = word;
                return;
            }
            at = if at + 1 < self.words.len() { at + 1 } else { 0 };
        }
    }

    /// The numbers whose ids may have this hash.
    #[inline]
    fn candidates(&self, hash: u64) -> impl Iterator<Item = u32> {
        let (tag, low) = (self.tag(hash) as u32, ((1u64 << self.bits) - 1) as u32);
        let start = self.start(hash);
        let (before, after) = self.words.split_at(start.min(self.words.len()));
        let chain = after.iter().chain(before).take_while(|word| **word != 0);
        chain.filter(move |word| **word & !low == tag).map(move |word| (word & low).wrapping_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ids: &[String], mut table: IdTable) {
        for (number, id) in ids.iter().enumerate() {
            assert_eq!(table.insert(id), Ok(number as u32));
        }
        table.shrink();
        for (number, id) in ids.iter().enumerate() {
            assert_eq!((table.number(id), table.text(number as u32)), (Some(number as u32), id.as_str()));
            assert_eq!(table.number(&format!("{id}?")), None);
        }
        assert!(
            ids.is_empty() || table.insert(&ids[0]).is_err_and(|error| error.to_string().contains("row 1"))
        );
        assert_eq!((table.len(), table.text(ids.len() as u32)), (ids.len(), ""));
        let bytes = ids.iter().map(String::len).sum();
        let equal = ids.windows(2).all(|pair| pair[0].len() == pair[1].len());
        assert!(table.resident_bytes() >= bytes);
        if !ids.is_empty() && table.slots.words.len() == Slots::count(ids.len()) {
            let (found, said) = (table.resident_bytes(), IdTable::predict_bytes(ids.len(), bytes, equal));
            assert!(found.abs_diff(said) * 10 <= found, "{found} bytes, predicted {said}");
        }
    }

    #[test]
    fn every_id_is_found_by_its_text_and_by_its_number() {
        let mut random = fastrand::Rng::with_seed(9);
        for count in [0, 1, 2, 15, 16, 17, 1000, 20_000] {
            let equal: Vec<String> = (0..count).map(|n| format!("P{n:07}")).collect();
            let mixed: Vec<String> =
                (0..count).map(|n| format!("{n}{}", "é".repeat(random.usize(0..9)))).collect();
            for ids in [equal, mixed] {
                // Grown from nothing.
                check(&ids, IdTable::default());
                check(&ids, IdTable::with_capacity(ids.len()));
            }
        }
    }
}
