//! The candidate set: possible items as columns, from retrieval to the slate.

use std::sync::Arc;

use super::{ItemIdx, score};

/// The candidates of one request, one row each, held as columns.
///
/// A row has an item, one retrieval score per source (NaN where the source did not name the item), gathered features
/// and the final score. An item occurs once. The set is reused between requests: clearing keeps its memory.
#[derive(Debug, Default)]
pub struct CandidateSet {
    items: Vec<ItemIdx>,
    scores: Vec<f32>,
    retrieved: Vec<Vec<f32>>,
    features: Vec<Vec<f32>>,
    feature_names: Vec<Arc<str>>,
    // (generation, row) of each item of the catalogue. An entry of another generation is empty, so that a new request
    // begins without a pass over millions of entries.
    rows: Vec<(u32, u32)>,
    generation: u32,
    sources: usize,
    source: usize,
    order: Vec<score::Key>,
    spare: Vec<f32>,
    spare_items: Vec<ItemIdx>,
}

impl CandidateSet {
    /// Empties the set for a request with `sources` candidate sources over a catalogue of `items` items.
    pub fn reset(&mut self, items: usize, sources: usize) {
        self.items.clear();
        self.scores.clear();
        self.feature_names.clear();
        // Never fewer columns than before: the memory of a placement with many sources is there when it is asked again.
        self.retrieved.resize_with(self.retrieved.len().max(sources), Vec::new);
        self.retrieved.iter_mut().for_each(Vec::clear);
        self.sources = sources;
        self.source = 0;
        // Another catalogue, or four billion requests later, when an entry that was never touched would look like a new
        // one.
        if self.generation == u32::MAX || self.rows.len() != items {
            self.rows.clear();
            self.rows.resize(items, (0, 0));
            self.generation = 0;
        }
        self.generation += 1;
    }

    /// Says which source (by its position in the recipe) the following [`CandidateSet::push`] calls speak for.
    pub fn open_source(&mut self, source: usize) {
        self.source = source.min(self.sources.saturating_sub(1));
    }

    /// Adds an item found by the open source, or notes the source's score for an item already there.
    ///
    /// Items outside the catalogue are ignored.
    pub fn push(&mut self, item: ItemIdx, score: f32) {
        let Some(slot) = self.rows.get_mut(item.row()) else { return };
        if slot.0 != self.generation {
            *slot = (self.generation, self.items.len() as u32);
            self.items.push(item);
            self.scores.push(0.0);
            // NaN and not 0, which is something that a source may say.
            for column in self.retrieved.iter_mut().take(self.sources) {
                column.push(f32::NAN);
            }
        }
        let row = slot.1 as usize;
        if let Some(cell) = self.retrieved.get_mut(self.source).and_then(|column| column.get_mut(row)) {
            *cell = score;
        }
    }

    /// How many candidates there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no candidate.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The items, by row.
    pub fn items(&self) -> &[ItemIdx] {
        &self.items
    }

    /// The final scores, by row; zero before scoring.
    pub fn scores(&self) -> &[f32] {
        &self.scores
    }

    /// How many sources the set was reset for.
    pub fn sources(&self) -> usize {
        self.sources
    }

    /// The scores that one source gave, by row; NaN where it did not name the item.
    pub fn retrieved(&self, source: usize) -> &[f32] {
        self.retrieved.get(source).map_or(&[], Vec::as_slice)
    }

    /// Whether `item` is a candidate.
    pub fn contains(&self, item: ItemIdx) -> bool {
        self.rows.get(item.row()).is_some_and(|slot| slot.0 == self.generation)
    }

    /// A gathered feature, by row (NaN where the item has none), or `None` if it was not gathered.
    pub fn feature(&self, name: &str) -> Option<&[f32]> {
        // A placement gathers a handful of columns: comparing names takes less time than hashing one.
        let column = self.feature_names.iter().position(|known| **known == *name)?;
        self.features.get(column).map(Vec::as_slice)
    }

    /// Adds a feature column: `value` is called once a row, in row order. The name is shared, not copied.
    pub fn add_feature(&mut self, name: &Arc<str>, mut value: impl FnMut(ItemIdx) -> f32) {
        let column = self.feature_names.len();
        self.feature_names.push(Arc::clone(name));
        self.features.resize_with(self.features.len().max(column + 1), Vec::new);
        if let Some(cells) = self.features.get_mut(column) {
            cells.clear();
            cells.extend(self.items.iter().map(|item| value(*item)));
        }
    }

    /// Keeps the rows for which `keep(row)` holds, in their order.
    pub fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        order.extend((0..self.items.len()).filter(|row| keep(*row)).map(|row| row as u64));
        self.arrange(&order);
        self.order = order;
    }

    /// Keeps the candidates whose item satisfies `keep`, in their order.
    pub fn retain_items(&mut self, mut keep: impl FnMut(ItemIdx) -> bool) {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        let kept = self.items.iter().enumerate().filter(|(_, item)| keep(**item));
        order.extend(kept.map(|(row, _)| row as u64));
        // Sources leave out what may not be shown, so that nearly always all are kept and nothing is to be moved.
        if order.len() < self.items.len() {
            self.arrange(&order);
        }
        self.order = order;
    }

    /// Brings the rows into the order of `rows`, dropping those not named. Each row may be named once.
    pub fn reorder(&mut self, rows: &[usize]) {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        order.extend(rows.iter().filter(|row| **row < self.items.len()).map(|row| *row as u64));
        self.arrange(&order);
        self.order = order;
    }

    /// Lets `scorer` fill the score column, then sorts the rows by it, best first ([`score::key`]).
    pub fn score_and_sort<E>(
        &mut self,
        scorer: impl FnOnce(&CandidateSet, &mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut scores = std::mem::take(&mut self.scores);
        let outcome = scorer(self, &mut scores);
        self.scores = scores;
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        order.extend(self.items.iter().zip(&self.scores).map(|(item, value)| score::key(*value, *item)));
        order.sort_unstable_by(|a, b| b.cmp(a));
        // Keys of 8 bytes are sorted and not the rows, which have a cell in every column; the item leads back to its
        // row.
        for cell in &mut order {
            let item = score::item(*cell);
            *cell = self.rows.get(item.row()).map_or(0, |slot| u64::from(slot.1));
        }
        self.arrange(&order);
        self.order = order;
        outcome
    }

    fn arrange(&mut self, order: &[u64]) {
        for item in &self.items {
            if let Some(slot) = self.rows.get_mut(item.row()) {
                slot.0 = 0; // no generation: what is dropped is no candidate any more
            }
        }
        self.spare_items.clear();
        self.spare_items.extend(order.iter().map(|row| self.items[*row as usize]));
        std::mem::swap(&mut self.items, &mut self.spare_items);
        for (row, item) in self.items.iter().enumerate() {
            if let Some(slot) = self.rows.get_mut(item.row()) {
                *slot = (self.generation, row as u32);
            }
        }
        // Column by column through one spare: the columns swap memory instead of taking more.
        let columns = self.retrieved.iter_mut().take(self.sources);
        let features = self.features.iter_mut().take(self.feature_names.len());
        for column in columns.chain(features).chain(std::iter::once(&mut self.scores)) {
            self.spare.clear();
            self.spare.extend(order.iter().map(|row| column[*row as usize]));
            std::mem::swap(column, &mut self.spare);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stay_together_through_sorting_and_dropping() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut set = CandidateSet::default();
        for _ in 0..20 {
            set.reset(500, 2);
            for source in 0..2 {
                set.open_source(source);
                for _ in 0..80 {
                    let item = random.u32(0..500);
                    set.push(ItemIdx(item), item as f32 + source as f32);
                }
            }
            set.add_feature(&"twice".into(), |item| item.0 as f32 * 2.0);
            let before = set.len();
            let scored: Result<(), ()> = set.score_and_sort(|set, scores| {
                scores.iter_mut().zip(set.items()).for_each(|(s, i)| *s = (i.0 % 7) as f32);
                Ok(())
            });
            assert!(scored.is_ok() && set.len() == before);
            set.retain(|row| row % 3 != 0);
            for (row, item) in set.items().iter().enumerate() {
                assert!(set.contains(*item));
                assert_eq!(set.scores()[row], (item.0 % 7) as f32);
                assert_eq!(set.feature("twice").unwrap()[row], item.0 as f32 * 2.0);
                for source in 0..2 {
                    let cell = set.retrieved(source)[row];
                    assert!(cell.is_nan() || cell == item.0 as f32 + source as f32);
                }
            }
            assert!(set.scores().windows(2).all(|pair| pair[0] >= pair[1]));
        }
    }
}
