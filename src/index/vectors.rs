//! Dense vectors and exact top-k search.

use crate::domain::{ItemIdx, ItemMask, score};

/// How two vectors are compared; greater is more alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

    /// The rows that have a vector.
    pub fn present(&self) -> impl Iterator<Item = (usize, &[f32])> {
        (0..self.rows()).filter_map(|row| self.row(row).map(|vector| (row, vector)))
    }

    /// Leaves the best `k` admitted rows for `query` in `keys`, best first. Exact: looks at every row.
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
            let alike = match self.metric {
                Metric::InnerProduct | Metric::Cosine => dot(query, vector),
                Metric::L2 => -distance(query, vector),
            };
            keys.push(score::key(alike, item));
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

/// Dot product in eight lanes, so that the compiler can vectorise it; the order of summation is fixed.
#[inline]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    lanes(a, b, |x, y| x * y)
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    lanes(a, b, |x, y| (x - y) * (x - y))
}

#[inline]
fn lanes(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0f32; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a8.remainder().iter().zip(b8.remainder()).map(|(x, y)| term(*x, *y)).sum();
    for (x, y) in a8.zip(b8) {
        for lane in 0..8 {
            sums[lane] += term(x[lane], y[lane]);
        }
    }
    ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7])) + rest
}

fn normalise(vector: &mut [f32]) {
    let length = dot(vector, vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
}
