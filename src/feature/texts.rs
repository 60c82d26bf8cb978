//! Distinct texts by code, in one arena.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Texts numbered from 0, end to end, and their codes in the order of the texts, so that a text is found by bisection.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    arena: Arena,
    sorted: Vec<u32>,
}

impl Texts {
    /// The text of a code.
    pub fn get(&self, code: usize) -> Option<&str> {
        self.arena.get(code)
    }

    /// The code of a text.
    pub fn code(&self, text: &str) -> Option<u32> {
        let text_of = |code: &u32| self.arena.get(*code as usize).unwrap_or_default();
        let at = self.sorted.binary_search_by(|code| text_of(code).cmp(text)).ok()?;
        self.sorted.get(at).copied()
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.arena.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The texts, by code.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|code| self.get(code))
    }

    /// The bytes they occupy.
    pub fn resident_bytes(&self) -> usize {
        let Arena { texts, ends } = &self.arena;
        texts.capacity() + ends.capacity() * size_of::<usize>() + self.sorted.capacity() * size_of::<u32>()
    }

    /// The bytes that `count` texts of `bytes` bytes together will occupy.
    pub fn predict_bytes(count: usize, bytes: usize) -> usize {
        bytes + count * (size_of::<usize>() + size_of::<u32>())
    }
}

#[derive(Debug, Clone, Default)]
struct Arena {
    texts: String,
    ends: Vec<usize>,
}

impl Arena {
    fn get(&self, code: usize) -> Option<&str> {
        let start = code.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before))?;
        self.texts.get(*start..*self.ends.get(code)?)
    }
}

/// Gives each distinct text a code.
#[derive(Debug, Default)]
pub(super) struct TextsBuilder {
    arena: Arena,
    codes: HashTable<u32>,
    hasher: DefaultHashBuilder,
    last: Option<u32>,
}

impl TextsBuilder {
    /// The code of a text, a new one if it was not there before.
    pub(super) fn code(&mut self, text: &str) -> u32 {
        let Self { arena, codes, hasher, last } = self;
        // Neighbouring rows often hold the same text.
        if let Some(code) = last.filter(|code| arena.get(*code as usize) == Some(text)) {
            return code;
        }
        // The table holds codes only, and compares with the arena: no text is stored twice.
        let hash = hasher.hash_one(text);
        let known = codes.find(hash, |code| arena.get(*code as usize) == Some(text)).copied();
        let code = known.unwrap_or_else(|| {
            let code = arena.ends.len() as u32;
            arena.texts.push_str(text);
            arena.ends.push(arena.texts.len());
            codes.insert_unique(hash, code, |code| {
                hasher.hash_one(arena.get(*code as usize).unwrap_or_default())
            });
            code
        });
        *last = Some(code);
        code
    }

    pub(super) fn finish(self) -> Texts {
        let mut arena = self.arena;
        arena.texts.shrink_to_fit();
        arena.ends.shrink_to_fit();
        // By text, for `code`: a hash table would answer faster and take more memory, and look-ups are a few
        // a request.
        let mut sorted: Vec<u32> = (0..arena.ends.len() as u32).collect();
        sorted.sort_unstable_by_key(|code| arena.get(*code as usize).unwrap_or_default());
        Texts { arena, sorted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_one_code_and_every_code_its_text() {
        let mut random = fastrand::Rng::with_seed(2);
        let mut builder = TextsBuilder::default();
        let words: Vec<String> = (0..5000).map(|_| format!("w{}", random.u32(0..700))).collect();
        let codes: Vec<u32> = words.iter().map(|word| builder.code(word)).collect();
        let texts = builder.finish();
        for (word, code) in words.iter().zip(codes) {
            assert_eq!((texts.get(code as usize), texts.code(word)), (Some(word.as_str()), Some(code)));
        }
        assert_eq!(texts.iter().count(), texts.len());
        assert_eq!((texts.code("absent"), texts.get(texts.len())), (None, None));
    }
}
