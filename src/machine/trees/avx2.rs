//! Trees, 32 rows in a register, up to 256 at a time.

use std::arch::x86_64::*;

use super::scalar::add_values;
use super::{Lanes, Size, Span, Step, Trees};

macro_rules! kernel {
    ($name:ident, $blocks:ident, $value:ty) => {
        #[target_feature(enable = "avx2")]
        pub(super) fn $name(
            trees: &Trees<$value>,
            spans: &[Span],
            mut ranks: &[Lanes],
            mut sums: &mut [$value],
        ) {
            while !sums.is_empty() {
                let blocks = if sums.len() < 4 * Lanes::ROWS { 1 } else { 4 };
                let (ours, others) = ranks.split_at(blocks * trees.columns);
                let (first, rest) = sums.split_at_mut(blocks * Lanes::ROWS);
                match blocks {
                    1 => $blocks::<1>(trees, spans, ours, first),
                    _ => $blocks::<4>(trees, spans, ours, first),
                }
                (ranks, sums) = (others, rest);
            }
        }

        #[target_feature(enable = "avx2")]
        fn $blocks<const BLOCKS: usize>(
            trees: &Trees<$value>,
            spans: &[Span],
            ranks: &[Lanes],
            sums: &mut [$value],
        ) {
            for span in spans {
                let values = &trees.values[span.values.clone()];
                let blocks = sums.chunks_exact_mut(Lanes::ROWS);
                if span.size == Size::Steps {
                    let leaves = find::<BLOCKS>(trees.steps_of(span), trees.columns, ranks);
                    blocks.zip(&leaves).for_each(|(sums, leaves)| add_values(values, leaves, sums));
                } else {
                    for (block, sums) in blocks.enumerate() {
                        trees.walk_block(span, &ranks[block * trees.columns..], sums);
                    }
                }
            }
        }
    };
}

kernel!(add_f32, blocks_f32, f32);
kernel!(add_f64, blocks_f64, f64);

/// The leaf of every row of the blocks. The steps' columns are less than `columns`.
#[inline]
#[target_feature(enable = "avx2")]
fn find<const BLOCKS: usize>(steps: &[Step], columns: usize, ranks: &[Lanes]) -> [Lanes; BLOCKS] {
    assert!(ranks.len() >= BLOCKS * columns);
    let mut leaves = [[_mm256_setzero_si256(); 2]; BLOCKS];
    for step in steps {
        let from = _mm256_set1_epi8(step.from as i8);
        let to = _mm256_set1_epi8(step.to as i8);
        let threshold = _mm256_set1_epi8(step.threshold);
        debug_assert!((step.column as usize) < columns);
        for (block, halves) in leaves.iter_mut().enumerate() {
            for (half, leaf) in halves.iter_mut().enumerate() {
                // SAFETY: columns are checked when a tree is pushed, so this is one of the BLOCKS · columns lanes.
                let rank = unsafe {
                    let lanes = ranks.as_ptr().add(block * columns + step.column as usize);
                    _mm256_load_si256(lanes.cast::<__m256i>().add(half))
                };
                let here = _mm256_cmpeq_epi8(*leaf, from);
                let right = _mm256_and_si256(here, _mm256_cmpgt_epi8(rank, threshold));
                *leaf = _mm256_blendv_epi8(*leaf, to, right);
            }
        }
    }
    let mut found = [Lanes::all(0); BLOCKS];
    for (halves, lanes) in leaves.iter().zip(&mut found) {
        for (half, leaf) in halves.iter().enumerate() {
            // SAFETY: lanes are two halves of 32 bytes, aligned to 64.
            unsafe { _mm256_store_si256(lanes.0.as_mut_ptr().cast::<__m256i>().add(half), *leaf) };
        }
    }
    found
}
