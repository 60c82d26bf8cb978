//! Scored item lists by row in compressed form: neighbours of an item, items of a user.

use super::Accumulator;

/// Rows of (item, score), each best first, in two flat columns.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    offsets: Vec<u32>,
    items: Vec<u32>,
    scores: Vec<f32>,
}

impl Lists {
    /// Builds the rows from (row, item, score) triples; each row is sorted by falling score, then item.
    ///
    /// Rows without entries are empty. Triples with `row >= rows` are ignored.
    pub fn from_triples(rows: usize, mut triples: Vec<(u32, u32, f32)>) -> Self {
        triples.retain(|(row, ..)| (*row as usize) < rows);
        triples.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.2.total_cmp(&a.2)).then(a.1.cmp(&b.1)));
        let mut offsets = vec![0u32; rows + 1];
        for (row, ..) in &triples {
            offsets[*row as usize + 1] += 1;
        }
        for row in 0..rows {
            offsets[row + 1] += offsets[row];
        }
        Self {
            offsets,
            items: triples.iter().map(|t| t.1).collect(),
            scores: triples.iter().map(|t| t.2).collect(),
        }
    }

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
        (self.offsets.len() + self.items.len() + self.scores.len()) * 4
    }
}
