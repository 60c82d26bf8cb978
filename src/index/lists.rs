//! Scored item lists by row in compressed form: neighbours of an item, items of a user.

use super::Accumulator;
use crate::machine::large_zeroed;

/// Rows of (item, score), each best first, in two flat columns.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    offsets: Vec<u32>,
    items: Vec<u32>,
    scores: Vec<f32>,
}

/// [`Lists`] of rows whose lengths are known, filled in place, so that nothing is held twice.
#[derive(Debug)]
pub struct ListsBuilder {
    lists: Lists,
    filled: Vec<u32>,
}

impl ListsBuilder {
    /// A builder of rows of these lengths; `None` if they have 2³² entries or more together.
    pub fn new(lengths: &[u32]) -> Option<Self> {
        let mut offsets = Vec::with_capacity(lengths.len() + 1);
        offsets.push(0u32);
        let mut end = 0u32;
        for length in lengths {
            end = end.checked_add(*length)?;
            offsets.push(end);
        }
        // Zeroed pages come from the system untouched, and are filled as rows are.
        let (items, scores) = (large_zeroed(end as usize), large_zeroed(end as usize));
        Some(Self { lists: Lists { offsets, items, scores }, filled: vec![0; lengths.len()] })
    }

    /// A row's items and scores, to be written.
    pub fn row(&mut self, row: usize) -> (&mut [u32], &mut [f32]) {
        let Lists { offsets, items, scores } = &mut self.lists;
        let range = match (offsets.get(row), offsets.get(row + 1)) {
            (Some(start), Some(end)) => *start as usize..*end as usize,
            _ => 0..0,
        };
        (items.get_mut(range.clone()).unwrap_or_default(), scores.get_mut(range).unwrap_or_default())
    }

    /// The next place of a row: each call gives another one, until [`ListsBuilder::rewind`].
    pub fn next(&mut self, row: usize) -> Option<(&mut u32, &mut f32)> {
        let filled = self.filled.get_mut(row)?;
        let at = *filled as usize;
        *filled += 1;
        let (items, scores) = self.row(row);
        Some((items.get_mut(at)?, scores.get_mut(at)?))
    }

    /// Starts every row anew.
    pub fn rewind(&mut self) {
        self.filled.fill(0);
    }

    /// The first row that names an item twice, and the item.
    pub fn repeated(&self) -> Option<(usize, u32)> {
        let mut seen: Vec<u32> = Vec::new();
        (0..self.filled.len()).find_map(|row| {
            seen.clear();
            seen.extend_from_slice(self.lists.row(row).0);
            seen.sort_unstable();
            seen.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| (row, pair[0]))
        })
    }

    /// The finished lists, each row by falling score, then item.
    pub fn finish(mut self) -> Lists {
        let mut keys: Vec<(f32, u32)> = Vec::new();
        for row in 0..self.filled.len() {
            let (items, scores) = self.row(row);
            keys.clear();
            keys.extend(scores.iter().copied().zip(items.iter().copied()));
            // A total order: equal scores come by item, so that the lists are the same on every machine.
            keys.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            for ((score, item), key) in scores.iter_mut().zip(items).zip(&keys) {
                (*score, *item) = *key;
            }
        }
        self.lists
    }
}

impl Lists {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// How many entries all rows have together.
    pub fn entries(&self) -> usize {
        self.items.len()
    }

    /// The items and scores of a row, best first; empty for a row that does not exist.
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        match (self.offsets.get(row), self.offsets.get(row + 1)) {
            (Some(start), Some(end)) => {
                let range = *start as usize..*end as usize;
                (&self.items[range.clone()], &self.scores[range])
            }
            _ => (&[], &[]),
        }
    }

    /// Adds the entries of several weighted rows to the accumulator, at most `per_row` of each.
    pub fn merge(&self, rows: &[(u32, f32)], per_row: usize, sums: &mut Accumulator) {
        for (row, weight) in rows {
            let (items, scores) = self.row(*row as usize);
            for (item, score) in items.iter().zip(scores).take(per_row) {
                sums.add(*item, score * weight);
            }
        }
    }

    /// The bytes the lists occupy.
    pub fn resident_bytes(&self) -> usize {
        (self.offsets.capacity() + self.items.capacity() + self.scores.capacity()) * 4
    }

    /// The bytes that `rows` rows of `entries` entries together will occupy.
    pub fn predict_bytes(rows: usize, entries: usize) -> usize {
        (rows + 1 + 2 * entries) * 4
    }
}
