//! Ids and their dense numbers, both ways, in one arena.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Text ids numbered from 0. The texts lie end to end; the hash table holds numbers only.
#[derive(Debug, Clone)]
pub struct IdTable {
    texts: String,
    ends: Vec<u32>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Default for IdTable {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl IdTable {
    /// An empty table with room for `ids` ids.
    pub fn with_capacity(ids: usize) -> Self {
        Self {
            texts: String::new(),
            ends: Vec::with_capacity(ids),
            numbers: HashTable::with_capacity(ids),
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Adds an id and returns its number, or the reason why not: seen before, or no room (4 GiB of text, 2³² ids).
    pub fn insert(&mut self, id: &str) -> Result<u32, String> {
        let hash = self.hasher.hash_one(id);
        if let Some(first) = self.numbers.find(hash, |number| self.text(*number) == id) {
            return Err(format!("\"{id}\" occurs a second time (first in row {})", first + 1));
        }
        let number = self.ends.len() as u32;
        let end = u32::try_from(self.texts.len() + id.len()).map_err(|_| "ids exceed 4 GiB".to_owned())?;
        self.texts.push_str(id);
        self.ends.push(end);
        let Self { texts, ends, numbers, hasher } = self;
        numbers.insert_unique(hash, number, |n| hasher.hash_one(slice(texts, ends, *n)));
        Ok(number)
    }

    /// The number of an id.
    pub fn number(&self, id: &str) -> Option<u32> {
        self.numbers.find(self.hasher.hash_one(id), |number| self.text(*number) == id).copied()
    }

    /// The id of a number; empty for a number that was not given.
    pub fn text(&self, number: u32) -> &str {
        slice(&self.texts, &self.ends, number)
    }

    /// How many ids there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes the table occupies.
    pub fn resident_bytes(&self) -> usize {
        self.texts.len() + self.ends.len() * 4 + self.numbers.capacity() * 5
    }
}

fn slice<'a>(texts: &'a str, ends: &[u32], number: u32) -> &'a str {
    let at = number as usize;
    let start = at.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |end| *end as usize);
    ends.get(at).and_then(|end| texts.get(start..*end as usize)).unwrap_or("")
}
