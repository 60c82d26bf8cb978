//! Cells that are more than a number: lists of texts, and the texts that came after their column was made.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::domain::CHUNK;
use crate::feature::Texts;

/// The lists of [`CHUNK`] rows: each ends where the next one starts.
#[derive(Debug, Clone)]
pub(super) struct ListChunk {
    offsets: Vec<u32>,
    codes: Vec<u32>,
}

impl Default for ListChunk {
    fn default() -> Self {
        Self { offsets: vec![0], codes: Vec::new() }
    }
}

impl ListChunk {
    /// The rows it has.
    pub(super) fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The texts of all rows together.
    pub(super) fn values(&self) -> usize {
        self.codes.len()
    }

    /// Whether no row can be added.
    pub(super) fn is_full(&self) -> bool {
        self.rows() >= CHUNK
    }

    /// Adds a row.
    pub(super) fn push(&mut self, codes: impl IntoIterator<Item = u32>) {
        self.codes.extend(codes);
        self.offsets.push(self.codes.len() as u32);
    }

    /// The list of a row; empty where there is none.
    pub(super) fn row(&self, row: usize) -> &[u32] {
        let range = self.offsets.get(row).zip(self.offsets.get(row + 1));
        range.and_then(|(from, to)| self.codes.get(*from as usize..*to as usize)).unwrap_or_default()
    }

    /// Changes the list of a row that there is. O(codes of the chunk), some hundred rows.
    pub(super) fn set(&mut self, row: usize, codes: &[u32]) {
        let mut changed = Self::default();
        for other in 0..self.rows() {
            let codes = if other == row { codes } else { self.row(other) };
            changed.push(codes.iter().copied());
        }
        *self = changed;
    }

    /// The memory that is not needed any more.
    pub(super) fn shrink(&mut self) {
        self.offsets.shrink_to_fit();
        self.codes.shrink_to_fit();
    }

    pub(super) fn resident_bytes(&self) -> usize {
        (self.offsets.capacity() + self.codes.capacity()) * size_of::<u32>() + size_of::<Self>()
    }
}

/// Texts with codes, in the order in which they came. Cheap to clone: a text is held once, and the list in runs that
/// clones share.
#[derive(Debug, Clone, Default)]
pub(super) struct NewTexts {
    /// Each at least twice as long as the next, so that there are few: to add a text copies as many of them as it
    /// replaces, O(log n) for each text that is ever added.
    runs: Vec<Arc<Run>>,
    len: usize,
    bytes: usize,
}

/// Texts that came one after the other.
#[derive(Debug, Default)]
struct Run {
    /// The place of the first.
    first: usize,
    texts: Vec<Arc<str>>,
    places: HashMap<Arc<str>, u32>,
}

impl NewTexts {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The text of this place.
    pub(super) fn get(&self, place: usize) -> Option<&str> {
        let at = self.runs.partition_point(|run| run.first <= place).checked_sub(1)?;
        let run = self.runs.get(at)?;
        run.texts.get(place - run.first).map(|text| &**text)
    }

    /// The place of a text.
    pub(super) fn place(&self, text: &str) -> Option<usize> {
        self.runs.iter().find_map(|run| run.places.get(text)).map(|place| *place as usize)
    }

    /// Adds a text that is not there and returns its place.
    pub(super) fn add(&mut self, text: &Arc<str>) -> usize {
        let place = self.len;
        self.len += 1;
        self.bytes += text.len() + size_of::<Arc<str>>() * 4;
        let mut run = Run { first: place, texts: vec![Arc::clone(text)], places: HashMap::new() };
        while let Some(last) = self.runs.pop_if(|last| last.texts.len() <= run.texts.len()) {
            let mut texts = last.texts.clone();
            texts.append(&mut run.texts);
            run = Run { first: last.first, texts, places: HashMap::new() };
        }
        // Only now: the runs that were swallowed need none.
        let numbered = run.texts.iter().enumerate();
        run.places = numbered.map(|(at, text)| (Arc::clone(text), (run.first + at) as u32)).collect();
        self.runs.push(Arc::new(run));
        place
    }

    /// The bytes they occupy.
    pub(super) fn resident_bytes(&self) -> usize {
        self.bytes
    }
}

/// The code of a text: that of the column as it was made, or the one that it got since.
pub(super) fn code_of(texts: &Texts, new_texts: &NewTexts, text: &str) -> Option<u32> {
    let new = || new_texts.place(text).map(|place| (texts.len() + place) as u32);
    texts.code(text).or_else(new)
}

/// The text of a code.
pub(super) fn text_of<'a>(texts: &'a Texts, new_texts: &'a NewTexts, code: u32) -> Option<&'a str> {
    let code = code as usize;
    if code < texts.len() { texts.get(code) } else { new_texts.get(code - texts.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_came_later_is_found_by_its_place_and_in_every_clone_from_then_on() {
        let mut texts = NewTexts::default();
        let mut clones = Vec::new();
        let names: Vec<Arc<str>> = (0..300).map(|n| format!("text {n}").into()).collect();
        for (place, name) in names.iter().enumerate() {
            assert_eq!(texts.add(name), place);
            clones.push(texts.clone());
            assert!(texts.runs.len() <= 10);
        }
        for (at, clone) in clones.iter().enumerate() {
            for (place, name) in names.iter().enumerate() {
                let known = (place <= at).then_some(place);
                assert_eq!(clone.place(name), known);
                assert_eq!(clone.get(place), known.map(|_| &**name));
            }
        }
    }

    #[test]
    fn a_list_that_changes_leaves_the_others_as_they_are() {
        let mut chunk = ListChunk::default();
        for row in 0..5u32 {
            chunk.push(0..row);
        }
        chunk.set(2, &[9, 9, 9]);
        chunk.set(4, &[]);
        let lists: Vec<&[u32]> = (0..6).map(|row| chunk.row(row)).collect();
        assert_eq!(lists, [&[][..], &[0], &[9, 9, 9], &[0, 1, 2], &[], &[]]);
    }
}
