//! A vector on the spot for a user the model has never seen.
//!
//! Implicit-feedback ALS with the item factors held fixed is one small linear system per user: Hu, Koren, Volinsky,
//! "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008, equation 4.

use std::cell::RefCell;

use rayon::prelude::*;

use super::{Metric, Vectors};
use crate::machine::dot;

/// Rows that one thread sums up at a time.
const PART: usize = 1 << 14;

/// The widest system that is solved per request: its cost grows with the cube. Wider vectors are averaged.
const MAX_SOLVED: usize = 256;

thread_local! {
    static SYSTEM: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// What the fold-in must know of the training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FoldInParams {
    /// Confidence of one interaction above none: c = 1 + alpha.
    pub alpha: f32,
    /// Ridge term added to the diagonal.
    pub regularization: f32,
}

/// The part of the system that does not depend on the user, computed at load.
#[derive(Debug, Clone)]
pub struct FoldIn {
    width: usize,
    params: FoldInParams,
    gram: Vec<f32>,
}

impl FoldIn {
    /// Sums up the item vectors, in parallel: O(items · width²).
    pub fn new(items: &Vectors, params: FoldInParams) -> Self {
        let width = items.width();
        // By parts of fixed size, added up in their order: the sum does not depend on the number of threads.
        // In f64: a million products of f32 would lose the small ones.
        let part = |start: usize| {
            let mut sums = vec![0f64; width * width];
            for vector in (start..items.rows().min(start + PART)).filter_map(|row| items.row(row)) {
                for (i, x) in vector.iter().enumerate() {
                    for (sum, y) in sums[i * width..=i * width + i].iter_mut().zip(vector) {
                        *sum += f64::from(x * y);
                    }
                }
            }
            sums
        };
        // Where the mean is taken instead, there is no system.
        // Cosine and L2 have no such system: what they compare is a direction or a point, for which a mean is a fair
        // guess.
        let solved = items.metric() == Metric::InnerProduct && width <= MAX_SOLVED;
        let (width, rows) = if solved { (width, items.rows()) } else { (0, 0) };
        let starts: Vec<usize> = (0..rows).step_by(PART).collect();
        let mut sums = vec![0f64; width * width];
        for parts in starts.chunks(8) {
            for part in parts.par_iter().map(|start| part(*start)).collect::<Vec<_>>() {
                sums.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
            }
        }
        let mut gram = vec![0f32; width * width];
        for i in 0..width {
            for j in 0..=i {
                gram[i * width + j] = sums[i * width + j] as f32;
                gram[j * width + i] = sums[i * width + j] as f32;
            }
            gram[i * width + i] += params.regularization;
        }
        Self { width: items.width(), params, gram }
    }

    /// The vector of a user who interacted with `items` (row, weight in 0..=1), left in `vector`.
    ///
    /// Under cosine or L2, or wider than 256 numbers, it is the weighted mean of the items' vectors. False, and
    /// `vector` empty, if no item has one.
    pub fn vector(&self, vectors: &Vectors, items: &[(u32, f32)], vector: &mut Vec<f32>) -> bool {
        vector.clear();
        vector.resize(self.width, 0.0);
        SYSTEM.with_borrow_mut(|system| {
            system.clear();
            if vectors.metric() == Metric::InnerProduct && self.width <= MAX_SOLVED {
                // A copy each time, as solving overwrites it. Up to 256 numbers wide it stays in the second-level
                // cache.
                system.extend_from_slice(&self.gram);
            }
            self.solve(vectors, items, system, vector)
        })
    }

    /// Fills and solves the system that starts from the items' gram matrix, or averages if it is empty.
    fn solve(
        &self,
        vectors: &Vectors,
        items: &[(u32, f32)],
        system: &mut [f32],
        vector: &mut Vec<f32>,
    ) -> bool {
        let known = || items.iter().filter_map(|(row, w)| vectors.row(*row as usize).map(|v| (v, *w)));
        let mut total = 0.0;
        for (item, weight) in known() {
            total += weight;
            let confidence = self.params.alpha * weight;
            let pull = if system.is_empty() { weight } else { 1.0 + confidence };
            vector.iter_mut().zip(item).for_each(|(sum, x)| *sum += pull * x);
            for (row, x) in system.chunks_exact_mut(self.width).zip(item) {
                row.iter_mut().zip(item).for_each(|(cell, y)| *cell += confidence * x * y);
            }
        }
        let found = total > 0.0;
        if system.is_empty() {
            vector.iter_mut().for_each(|x| *x /= total.max(f32::MIN_POSITIVE));
        } else if found {
            solve_spd(system, vector);
        }
        // A system that is close to singular gives infinities, and a NaN in the query would rank items at random.
        let sound = found && vector.iter().all(|x| x.is_finite());
        if !sound {
            vector.clear();
        }
        sound
    }

    /// The bytes held.
    pub fn resident_bytes(&self) -> usize {
        self.gram.len() * 4
    }
}

/// Solves `matrix · x = vector` for a symmetric positive definite matrix (row-major, both are overwritten; `vector`
/// becomes x) by Cholesky decomposition. A pivot that is not positive is treated as 1, so the result is always
/// finite-sized.
pub fn solve_spd(matrix: &mut [f32], vector: &mut [f32]) {
    let n = vector.len();
    for i in 0..n {
        for j in 0..=i {
            let sum = matrix[i * n + j] - dot(&matrix[i * n..i * n + j], &matrix[j * n..j * n + j]);
            matrix[i * n + j] = if i != j {
                sum / matrix[j * n + j]
            } else if sum > 0.0 {
                sum.sqrt()
            } else {
                1.0
            };
        }
    }
    for i in 0..n {
        let sum = vector[i] - dot(&matrix[i * n..i * n + i], &vector[..i]);
        vector[i] = sum / matrix[i * n + i];
    }
    for i in (0..n).rev() {
        vector[i] /= matrix[i * n + i];
        let x = vector[i];
        for (sum, cell) in vector[..i].iter_mut().zip(&matrix[i * n..i * n + i]) {
            *sum -= cell * x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_solution_satisfies_the_system() {
        let mut random = fastrand::Rng::with_seed(5);
        for n in [1, 3, 8, 17, 64] {
            let rows: Vec<f32> = (0..2 * n * n).map(|_| random.f32() - 0.5).collect();
            let mut matrix = vec![0f32; n * n];
            for i in 0..n {
                for j in 0..n {
                    matrix[i * n + j] = (0..2 * n).map(|k| rows[k * n + i] * rows[k * n + j]).sum::<f32>();
                }
                matrix[i * n + i] += 0.5;
            }
            let expected: Vec<f32> = (0..n).map(|_| random.f32()).collect();
            let mut x: Vec<f32> = (0..n).map(|i| dot(&matrix[i * n..(i + 1) * n], &expected)).collect();
            solve_spd(&mut matrix.clone(), &mut x);
            assert!(x.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-2), "{n}: {x:?} {expected:?}");
        }
    }
}
