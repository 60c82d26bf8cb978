//! Trees, 64 rows in a register, up to 512 at a time; the values of up to 64 leaves are looked up in registers.

use std::arch::x86_64::*;

use super::scalar::add_values;
use super::{Lanes, Size, Span, Step, Trees};

macro_rules! kernel {
    ($name:ident, $blocks:ident, $add:ident, $value:ty, $lookup:ident, $lanes:literal) => {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")]
        pub(super) fn $name(
            trees: &Trees<$value>,
            spans: &[Span],
            mut ranks: &[Lanes],
            mut sums: &mut [$value],
        ) {
            while !sums.is_empty() {
                let blocks = match sums.len() / Lanes::ROWS {
                    8.. => 8,
                    4..8 => 4,
                    2..4 => 2,
                    _ => 1,
                };
                let (ours, others) = ranks.split_at(blocks * trees.columns);
                let (first, rest) = sums.split_at_mut(blocks * Lanes::ROWS);
                match blocks {
                    8 => $blocks::<1, 8>(trees, spans, ours, first),
                    4 => $blocks::<2, 4>(trees, spans, ours, first),
                    2 => $blocks::<4, 2>(trees, spans, ours, first),
                    _ => $blocks::<4, 1>(trees, spans, ours, first),
                }
                (ranks, sums) = (others, rest);
            }
        }

        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")]
        fn $blocks<const TREES: usize, const BLOCKS: usize>(
            trees: &Trees<$value>,
            mut spans: &[Span],
            ranks: &[Lanes],
            sums: &mut [$value],
        ) {
            while let [span, rest @ ..] = spans {
                if span.size == Size::Forks {
                    for (block, sums) in sums.chunks_exact_mut(Lanes::ROWS).enumerate() {
                        trees.walk_block(span, &ranks[block * trees.columns..], sums);
                    }
                    spans = rest;
                    continue;
                }
                // With few blocks, several trees at once keep the processor as busy as many blocks do.
                if let Some((several, rest)) = spans.split_first_chunk::<TREES>()
                    && several.iter().all(|span| span.size == Size::Steps)
                {
                    let leaves = find::<TREES, BLOCKS>(
                        several.each_ref().map(|s| trees.steps_of(s)),
                        trees.columns,
                        ranks,
                    );
                    for (span, leaves) in several.iter().zip(&leaves) {
                        $add(&trees.values[span.values.clone()], leaves, sums);
                    }
                    spans = rest;
                } else {
                    let [leaves] = find::<1, BLOCKS>([trees.steps_of(span)], trees.columns, ranks);
                    $add(&trees.values[span.values.clone()], &leaves, sums);
                    spans = rest;
                }
            }
        }

        /// Adds the values at `leaves`.
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")]
        fn $add<const BLOCKS: usize>(values: &[$value], leaves: &[__m512i; BLOCKS], sums: &mut [$value]) {
            match values.len() {
                16 => $lookup::<{ 16 / $lanes }, BLOCKS>(values, leaves, sums),
                32 => $lookup::<{ 32 / $lanes }, BLOCKS>(values, leaves, sums),
                64 => $lookup::<{ 64 / $lanes }, BLOCKS>(values, leaves, sums),
                _ => {
                    for (leaf, sums) in leaves.iter().zip(sums.chunks_exact_mut(Lanes::ROWS)) {
                        add_values(values, &stored(*leaf), sums);
                    }
                }
            }
        }
    };
}

kernel!(add_f32, blocks_f32, values_f32, f32, lookup_f32, 16);
kernel!(add_f64, blocks_f64, values_f64, f64, lookup_f64, 8);

/// By tree, the leaf of every row of the blocks. The steps' columns are less than `columns`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")]
fn find<const TREES: usize, const BLOCKS: usize>(
    trees: [&[Step]; TREES],
    columns: usize,
    ranks: &[Lanes],
) -> [[__m512i; BLOCKS]; TREES] {
    assert!(ranks.len() >= BLOCKS * columns);
    let take = |leaves: &mut [__m512i; BLOCKS], step: &Step| {
        let from = _mm512_set1_epi8(step.from as i8);
        let to = _mm512_set1_epi8(step.to as i8);
        let threshold = _mm512_set1_epi8(step.threshold);
        debug_assert!((step.column as usize) < columns);
        for (block, leaf) in leaves.iter_mut().enumerate() {
            // SAFETY: columns are checked when a tree is pushed, so this is one of the BLOCKS · columns lanes, which
            // are aligned to 64.
            let rank = unsafe {
                _mm512_load_si512(ranks.as_ptr().add(block * columns + step.column as usize).cast())
            };
            let here = _mm512_cmpeq_epi8_mask(*leaf, from);
            let right = _mm512_mask_cmpgt_epi8_mask(here, rank, threshold);
            *leaf = _mm512_mask_mov_epi8(*leaf, right, to);
        }
    };
    let mut leaves = [[_mm512_setzero_si512(); BLOCKS]; TREES];
    let shared = trees.iter().map(|steps| steps.len()).min().unwrap_or(0);
    let trees = trees.map(|steps| steps.split_at(shared));
    for at in 0..shared {
        for (leaves, (steps, _)) in leaves.iter_mut().zip(&trees) {
            take(leaves, &steps[at]);
        }
    }
    for (leaves, (_, rest)) in leaves.iter_mut().zip(&trees) {
        rest.iter().for_each(|step| take(leaves, step));
    }
    leaves
}

/// Adds the values at `leaves` from a table of REGISTERS · 8 values.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")]
fn lookup_f64<const REGISTERS: usize, const BLOCKS: usize>(
    values: &[f64],
    leaves: &[__m512i; BLOCKS],
    sums: &mut [f64],
) {
    let mut table = [_mm512_setzero_pd(); REGISTERS];
    for (register, numbers) in table.iter_mut().zip(values.as_chunks::<8>().0) {
        // SAFETY: a chunk has 8 numbers.
        *register = unsafe { _mm512_loadu_pd(numbers.as_ptr()) };
    }
    let (bit4, bit5) = (_mm512_set1_epi64(16), _mm512_set1_epi64(32));
    for (leaf, sums) in leaves.iter().zip(sums.chunks_exact_mut(Lanes::ROWS)) {
        let bytes = stored(*leaf);
        for (bytes, sums) in bytes.0.as_chunks::<8>().0.iter().zip(sums.as_chunks_mut::<8>().0) {
            // SAFETY: a chunk has 8 bytes.
            let place = _mm512_cvtepu8_epi64(unsafe { _mm_loadl_epi64(bytes.as_ptr().cast()) });
            let mut value = _mm512_permutex2var_pd(table[0], place, table[1]);
            if REGISTERS > 2 {
                let odd = _mm512_test_epi64_mask(place, bit4);
                let upper = _mm512_permutex2var_pd(table[2], place, table[3]);
                value = _mm512_mask_mov_pd(value, odd, upper);
                if REGISTERS > 4 {
                    let second = _mm512_test_epi64_mask(place, bit5);
                    let low = _mm512_permutex2var_pd(table[4], place, table[5]);
                    let high = _mm512_permutex2var_pd(table[6], place, table[7]);
                    value = _mm512_mask_mov_pd(value, second, _mm512_mask_mov_pd(low, odd, high));
                }
            }
            // SAFETY: a chunk has 8 numbers.
            unsafe {
                let sum = _mm512_add_pd(_mm512_loadu_pd(sums.as_ptr()), value);
                _mm512_storeu_pd(sums.as_mut_ptr(), sum);
            }
        }
    }
}

/// Adds the values at `leaves` from a table of REGISTERS · 16 values.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")]
fn lookup_f32<const REGISTERS: usize, const BLOCKS: usize>(
    values: &[f32],
    leaves: &[__m512i; BLOCKS],
    sums: &mut [f32],
) {
    let mut table = [_mm512_setzero_ps(); REGISTERS];
    for (register, numbers) in table.iter_mut().zip(values.as_chunks::<16>().0) {
        // SAFETY: a chunk has 16 numbers.
        *register = unsafe { _mm512_loadu_ps(numbers.as_ptr()) };
    }
    let bit5 = _mm512_set1_epi32(32);
    for (leaf, sums) in leaves.iter().zip(sums.chunks_exact_mut(Lanes::ROWS)) {
        let bytes = stored(*leaf);
        for (bytes, sums) in bytes.0.as_chunks::<16>().0.iter().zip(sums.as_chunks_mut::<16>().0) {
            // SAFETY: a chunk has 16 bytes.
            let place = _mm512_cvtepu8_epi32(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) });
            let value = match REGISTERS {
                1 => _mm512_permutexvar_ps(place, table[0]),
                2 => _mm512_permutex2var_ps(table[0], place, table[1]),
                _ => {
                    let low = _mm512_permutex2var_ps(table[0], place, table[1]);
                    let high = _mm512_permutex2var_ps(table[2], place, table[3]);
                    _mm512_mask_mov_ps(low, _mm512_test_epi32_mask(place, bit5), high)
                }
            };
            // SAFETY: a chunk has 16 numbers.
            unsafe {
                let sum = _mm512_add_ps(_mm512_loadu_ps(sums.as_ptr()), value);
                _mm512_storeu_ps(sums.as_mut_ptr(), sum);
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn stored(leaf: __m512i) -> Lanes {
    let mut lanes = Lanes::all(0);
    // SAFETY: 64 bytes, aligned to 64.
    unsafe { _mm512_store_si512(lanes.0.as_mut_ptr().cast(), leaf) };
    lanes
}
