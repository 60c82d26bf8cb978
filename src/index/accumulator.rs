//! Sums scores per item without hashing: a dense column and the list of what was touched.

use crate::domain::{ItemIdx, ItemMask, score};

/// Scores per item for one query. Reused: [`Accumulator::start`] undoes the last query in time proportional to it.
#[derive(Debug, Default)]
pub struct Accumulator {
    sums: Vec<f32>,
    touched: Vec<u32>,
    keys: Vec<score::Key>,
}

impl Accumulator {
    /// Empties the accumulator and sizes it for `items` items.
    pub fn start(&mut self, items: usize) {
        for item in self.touched.drain(..) {
            if let Some(sum) = self.sums.get_mut(item as usize) {
                *sum = 0.0;
            }
        }
        if self.sums.len() != items {
            self.sums.clear();
            self.sums.resize(items, 0.0);
        }
    }

    /// Adds to an item's sum. Items out of range are ignored.
    #[inline]
    pub fn add(&mut self, item: u32, score: f32) {
        if let Some(sum) = self.sums.get_mut(item as usize) {
            // A sum that comes back to zero is noted twice. That is rare, and `top` takes it out again.
            if *sum == 0.0 {
                self.touched.push(item);
            }
            *sum += score;
        }
    }

    /// The best `k` admitted items with a positive or negative sum, best first.
    pub fn top(&mut self, k: usize, mask: &ItemMask) -> &[score::Key] {
        // In the order of items, so that memory is read forwards.
        self.touched.sort_unstable();
        // A sum may have come back to zero and been touched again.
        self.touched.dedup();
        self.keys.clear();
        for item in &self.touched {
            let item = ItemIdx(*item);
            if self.sums[item.row()] != 0.0 && mask.admits(item) {
                self.keys.push(score::key(self.sums[item.row()], item));
            }
        }
        score::keep_top(&mut self.keys, k);
        &self.keys
    }
}
