//! Dense vectors, and the indexes that find the best of them.

mod calibrate;
mod codes;
mod index;
mod partitions;
mod top;

use crate::domain::{ItemIdx, ItemMask, score};
use crate::machine;

pub use index::{IndexKind, IndexParams, VectorIndex, VectorScratch, Work};

/// How two vectors are compared; greater is more alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Metric {
    /// Dot product.
    #[default]
    InnerProduct,
    /// Dot product of the vectors scaled to length one.
    Cosine,
    /// Negative squared Euclidean distance.
    L2,
}

impl Metric {
    /// Reads the name used in manifests: `inner_product`, `cosine` or `l2`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "inner_product" => Some(Metric::InnerProduct),
            "cosine" => Some(Metric::Cosine),
            "l2" => Some(Metric::L2),
            _ => None,
        }
    }

    /// How alike two vectors are; greater is more alike.
    #[inline]
    pub fn alike(self, a: &[f32], b: &[f32]) -> f32 {
        match self {
            Metric::InnerProduct | Metric::Cosine => machine::dot(a, b),
            Metric::L2 => -machine::squared_distance(a, b),
        }
    }
}

/// One vector of `width` numbers per item or user; some may have none.
#[derive(Debug, Clone)]
pub struct Vectors {
    width: usize,
    metric: Metric,
    values: Vec<f32>,
    present: Vec<bool>,
}

impl Vectors {
    /// `values` holds `present.len()` rows of `width` numbers; rows that are not present are ignored.
    ///
    /// Cosine vectors are scaled to length one here, once. `None` if the lengths do not fit or `width` is 0.
    pub fn new(width: usize, metric: Metric, mut values: Vec<f32>, present: Vec<bool>) -> Option<Self> {
        if width == 0 || values.len() != present.len() * width {
            return None;
        }
        if metric == Metric::Cosine {
            // Once here instead of a division in every comparison.
            values.chunks_exact_mut(width).for_each(normalise);
        }
        Some(Self { width, metric, values, present })
    }

    /// Numbers in each vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How vectors are compared.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// How many rows there are, with and without a vector.
    pub fn rows(&self) -> usize {
        self.present.len()
    }

    /// The vector of a row, if it has one.
    pub fn row(&self, row: usize) -> Option<&[f32]> {
        match self.present.get(row) {
            Some(true) => self.values.get(row * self.width..(row + 1) * self.width),
            _ => None,
        }
    }

    /// Asks the processor for a row that will be read soon.
    #[inline]
    pub fn prefetch(&self, row: usize) {
        for line in (0..self.width).step_by(16) {
            machine::prefetch(&self.values, row * self.width + line);
        }
    }

    /// The rows that have a vector.
    pub fn present(&self) -> impl Iterator<Item = (usize, &[f32])> {
        (0..self.rows()).filter_map(|row| self.row(row).map(|vector| (row, vector)))
    }

    /// Leaves the best `k` admitted rows for `query` in `keys`, best first. Looks at every row: the obvious twin of
    /// [`VectorIndex::search`].
    ///
    /// A query of another width finds nothing.
    pub fn search(&self, query: &[f32], k: usize, mask: &ItemMask, keys: &mut Vec<score::Key>) {
        keys.clear();
        if query.len() != self.width {
            return;
        }
        for (row, vector) in self.present() {
            let item = ItemIdx(row as u32);
            if !mask.admits(item) {
                continue;
            }
            keys.push(score::key(self.metric.alike(query, vector), item));
            if keys.len() >= 2 * k.max(512) {
                score::keep_top(keys, k);
            }
        }
        score::keep_top(keys, k);
    }

    /// The bytes the vectors occupy.
    pub fn resident_bytes(&self) -> usize {
        self.values.len() * 4 + self.present.len()
    }
}

fn normalise(vector: &mut [f32]) {
    let length = machine::dot(vector, vector).sqrt();
    // A vector of zeros stays one: it is as unlike everything as can be.
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
}
