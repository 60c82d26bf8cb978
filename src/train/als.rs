//! Implicit-feedback matrix factorisation by alternating least squares.
//!
//! Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008. Each half-step is the same
//! small solve as the fold-in at serving time, so the two agree.

use rayon::prelude::*;

use super::interactions::Interactions;
use crate::index::{FoldIn, FoldInParams, Metric, Vectors};

/// How the factors are learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlsOptions {
    /// Numbers in a vector. Wider ones fit more, and cost memory and time at every request.
    pub width: usize,
    /// Rounds; each solves all items, then all users.
    pub rounds: usize,
    /// Confidence of one interaction above none, and the ridge term.
    pub params: FoldInParams,
    /// Seed of the first item vectors.
    pub seed: u64,
}

/// Item vectors and row (user or session) vectors.
#[derive(Debug, Clone)]
pub struct Factors {
    /// One vector an item; items without interactions have none.
    pub items: Vectors,
    /// One vector a row of the interactions.
    pub rows: Vectors,
}

/// Learns the factors; `on_round` is called after each round. `None` only for a width of 0.
pub fn als(data: &Interactions, options: &AlsOptions, mut on_round: impl FnMut(usize)) -> Option<Factors> {
    let columns = data.by_item();
    let width = options.width;
    let mut random = fastrand::Rng::with_seed(options.seed);
    // Small and centred: the first solve for the rows then begins near zero, and the width does not change its
    // scale.
    let start: Vec<f32> =
        (0..data.items * width).map(|_| (random.f32() - 0.5) / (width as f32).sqrt()).collect();
    let present = columns.iter().map(|column| !column.is_empty()).collect();
    let mut items = Vectors::new(width, Metric::InnerProduct, start, present)?;
    // The rows end up solved against the final items, as a fold-in at a request is.
    let mut rows = solve(&items, &data.rows, options.params)?;
    for round in 0..options.rounds {
        items = solve(&rows, &columns, options.params)?;
        rows = solve(&items, &data.rows, options.params)?;
        on_round(round);
    }
    Some(Factors { items, rows })
}

/// The best vector for each list of (row of `fixed`, strength), all else equal.
fn solve(fixed: &Vectors, lists: &[Vec<(u32, f32)>], params: FoldInParams) -> Option<Vectors> {
    let fold_in = FoldIn::new(fixed, params);
    let solved: Vec<Vec<f32>> = lists
        .par_iter()
        .map(|list| {
            let mut vector = Vec::new();
            let list: Vec<(u32, f32)> = list.iter().map(|(row, n)| (*row, strength(*n))).collect();
            fold_in.vector(fixed, &list, &mut vector);
            vector
        })
        .collect();
    let present = solved.iter().map(|vector| !vector.is_empty()).collect();
    let mut values = vec![0f32; lists.len() * fixed.width()];
    // A row without interactions has no vector at all, rather than one of zeros that would score every item alike.
    for (row, vector) in values.chunks_exact_mut(fixed.width()).zip(&solved) {
        row[..vector.len()].copy_from_slice(vector);
    }
    Vectors::new(fixed.width(), Metric::InnerProduct, values, present)
}

/// Repeats count, but ever less: ten views are not ten times the interest of one.
fn strength(times: f32) -> f32 {
    (1.0 + times).log2()
}
