//! EASE^R: a linear item-to-item model with a closed form.
//!
//! Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019: B = -P / diag(P) off the diagonal, where
//! P = (XᵀX + λI)⁻¹. Needs items² memory and items³ time, so it is for small catalogues.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, Axis, Slice};

use super::interactions::Interactions;

/// Rows and columns of the matrix that one step eliminates. Larger blocks leave more to the matrix product, which is
/// fast, and more to the elimination inside a block, which is not.
const BLOCK: usize = 64;

/// For each item the `keep` items whose scores it raises most, best first.
///
/// `regularization` is λ; larger values trust small counts less. Interactions count as 0 or 1.
pub fn ease(
    data: &Interactions,
    regularization: f64,
    keep: usize,
    mut on_progress: impl FnMut(f64),
) -> Vec<Vec<(u32, f32)>> {
    let n = data.items;
    // f64, although the data are ones: an inverse with a small λ loses too many digits in f32.
    let mut matrix = Array2::<f64>::eye(n) * regularization;
    for row in &data.rows {
        for (a, _) in row {
            for (b, _) in row {
                matrix[[*a as usize, *b as usize]] += 1.0;
            }
        }
    }
    invert(&mut matrix, &mut on_progress);
    let scale: Vec<f64> = (0..n).map(|to| -matrix[[to, to]]).collect();
    let rows = matrix.outer_iter().enumerate().map(|(from, cells)| {
        let weights = cells.iter().zip(&scale).map(|(cell, scale)| (cell / scale) as f32);
        // Negative weights exist (B is not a similarity), but a source of candidates can only propose.
        let others = weights.enumerate().filter(|(to, weight)| *to != from && *weight > 0.0);
        let mut row: Vec<(u32, f32)> = others.map(|(to, weight)| (to as u32, weight)).collect();
        row.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        row.truncate(keep);
        row
    });
    rows.collect()
}

/// Inverts a symmetric positive definite matrix in place: Gauss-Jordan by blocks, nearly all of it matrix products.
fn invert(matrix: &mut Array2<f64>, on_progress: &mut dyn FnMut(f64)) {
    let n = matrix.nrows();
    let (down, across) = (Axis(0), Axis(1));
    for start in (0..n).step_by(BLOCK) {
        let block = Slice::from(start..n.min(start + BLOCK));
        let mut rows = matrix.slice_axis(down, block).to_owned();
        let mut pivot = rows.slice_axis(across, block).to_owned();
        invert_small(&mut pivot);
        // The block's rows become pivot⁻¹ · rows with pivot⁻¹ itself in the block; every other row loses its
        // multiple of them.
        rows = pivot.dot(&rows);
        rows.slice_axis_mut(across, block).assign(&pivot);
        let mut multiples = matrix.slice_axis(across, block).to_owned();
        multiples.slice_axis_mut(down, block).fill(0.0);
        matrix.slice_axis_mut(across, block).fill(0.0);
        general_mat_mul(-1.0, &multiples, &rows, 1.0, matrix);
        matrix.slice_axis_mut(down, block).assign(&rows);
        on_progress(n.min(start + BLOCK) as f64 / n as f64);
    }
}

/// Plain Gauss-Jordan without pivoting, which a positive definite matrix does not need.
fn invert_small(matrix: &mut Array2<f64>) {
    let n = matrix.nrows();
    for k in 0..n {
        let pivot = 1.0 / matrix[[k, k]];
        matrix[[k, k]] = 1.0;
        matrix.row_mut(k).mapv_inplace(|cell| cell * pivot);
        let row = matrix.row(k).to_owned();
        for i in (0..n).filter(|i| *i != k) {
            let multiple = matrix[[i, k]];
            matrix[[i, k]] = 0.0;
            matrix.row_mut(i).scaled_add(-multiple, &row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_times_its_inverse_is_the_identity() {
        let mut random = fastrand::Rng::with_seed(9);
        for n in [1, 5, 64, 65, 150] {
            let half = Array2::from_shape_fn((n, n), |_| random.f64() - 0.5);
            let matrix = half.t().dot(&half) + Array2::<f64>::eye(n) * 0.7;
            let mut inverse = matrix.clone();
            invert(&mut inverse, &mut |_| {});
            let error = (matrix.dot(&inverse) - Array2::<f64>::eye(n)).mapv(f64::abs);
            assert!(error.iter().all(|cell| *cell < 1e-8), "n = {n}");
        }
    }
}
