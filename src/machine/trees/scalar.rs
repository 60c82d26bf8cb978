//! Trees, for every processor.

use super::{Lanes, Size, Span, Step, Trees, Value};

pub(super) fn add<V: Value>(trees: &Trees<V>, spans: &[Span], ranks: &[Lanes], sums: &mut [V]) {
    for (block, sums) in sums.chunks_exact_mut(Lanes::ROWS).enumerate() {
        let ranks = &ranks[block * trees.columns..(block + 1) * trees.columns];
        for span in spans {
            match span.size {
                Size::Steps => {
                    let leaves = find(trees.steps_of(span), ranks);
                    add_values(&trees.values[span.values.clone()], &leaves, sums);
                }
                Size::Forks => trees.walk_block(span, ranks, sums),
            }
        }
    }
}

/// Adds each row's value.
pub(super) fn add_values<V: Value>(values: &[V], leaves: &Lanes, sums: &mut [V]) {
    for (sum, leaf) in sums.iter_mut().zip(leaves.0) {
        *sum += values[usize::from(leaf)];
    }
}

fn find(steps: &[Step], ranks: &[Lanes]) -> Lanes {
    let mut leaves = Lanes::all(0);
    for step in steps {
        let ranks = &ranks[step.column as usize];
        for (leaf, rank) in leaves.0.iter_mut().zip(ranks.0) {
            // Without a branch, so that the compiler may use whatever vectors there are.
            let right = u8::from((*leaf == step.from) & (rank as i8 > step.threshold)).wrapping_neg();
            *leaf ^= (*leaf ^ step.to) & right;
        }
    }
    leaves
}
