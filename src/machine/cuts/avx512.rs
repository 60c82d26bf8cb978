//! Ranks and sets, 16 numbers or 64 codes at a time, the cuts in registers.

use std::arch::x86_64::*;

use super::{BIAS, CodeSet, Cuts, Lanes, MEMBER, NOT_MEMBER};

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")]
pub(super) fn rank(cuts: &Cuts, blocks: &[[f32; Lanes::ROWS]], out: &mut [Lanes], stride: usize) {
    match cuts.heap.len() {
        256 => search::<8>(cuts, blocks, out, stride),
        128 => search::<7>(cuts, blocks, out, stride),
        64 => search::<6>(cuts, blocks, out, stride),
        32 => search::<5>(cuts, blocks, out, stride),
        _ => search::<4>(cuts, blocks, out, stride),
    }
}

/// For a heap of 2^LEVELS numbers. Level 4 of the tree is the 16 numbers from 16 on, one register; level 5 is two,
/// level 6 four, level 7 eight. A permutation looks at the low bits of a place only, so places need no offset.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")]
fn search<const LEVELS: u32>(cuts: &Cuts, blocks: &[[f32; Lanes::ROWS]], out: &mut [Lanes], stride: usize) {
    let (registers, _) = cuts.heap.as_chunks::<16>();
    let mut table = [_mm512_setzero_ps(); 16];
    for (register, numbers) in table.iter_mut().zip(registers) {
        // SAFETY: a chunk has 16 numbers.
        *register = unsafe { _mm512_loadu_ps(numbers.as_ptr()) };
    }
    let radius = _mm512_set1_ps(cuts.radius);
    let missing = _mm512_set1_epi32(cuts.missing as i32);
    let first = _mm512_set1_epi32((1 << LEVELS) + i32::from(BIAS));
    let one = _mm512_set1_epi32(1);
    let descend = |at: __m512i, value: __m512, cut: __m512| {
        let more = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(value, cut);
        let doubled = _mm512_add_epi32(at, at);
        _mm512_mask_add_epi32(doubled, more, doubled, one)
    };
    for (values, out) in blocks.iter().zip(out.iter_mut().step_by(stride)) {
        for (values, bytes) in values.as_chunks::<16>().0.iter().zip(out.0.as_chunks_mut::<16>().0) {
            // SAFETY: a chunk has 16 numbers.
            let value = unsafe { _mm512_loadu_ps(values.as_ptr()) };
            let mut at = one;
            for _ in 0..4 {
                at = descend(at, value, _mm512_permutexvar_ps(at, table[0]));
            }
            if LEVELS > 4 {
                at = descend(at, value, _mm512_permutexvar_ps(at, table[1]));
            }
            if LEVELS > 5 {
                at = descend(at, value, _mm512_permutex2var_ps(table[2], at, table[3]));
            }
            if LEVELS > 6 {
                let second = _mm512_test_epi32_mask(at, _mm512_set1_epi32(32));
                let low = _mm512_permutex2var_ps(table[4], at, table[5]);
                let high = _mm512_permutex2var_ps(table[6], at, table[7]);
                at = descend(at, value, _mm512_mask_mov_ps(low, second, high));
            }
            if LEVELS > 7 {
                let odd = _mm512_test_epi32_mask(at, _mm512_set1_epi32(32));
                let second = _mm512_test_epi32_mask(at, _mm512_set1_epi32(64));
                let low = _mm512_permutex2var_ps(table[8], at, table[9]);
                let low = _mm512_mask_mov_ps(low, odd, _mm512_permutex2var_ps(table[10], at, table[11]));
                let high = _mm512_permutex2var_ps(table[12], at, table[13]);
                let high = _mm512_mask_mov_ps(high, odd, _mm512_permutex2var_ps(table[14], at, table[15]));
                at = descend(at, value, _mm512_mask_mov_ps(low, second, high));
            }
            let gone = _mm512_cmp_ps_mask::<_CMP_NGT_UQ>(_mm512_abs_ps(value), radius);
            let below = _mm512_mask_mov_epi32(at, gone, missing);
            let narrow = _mm512_cvtepi32_epi8(_mm512_sub_epi32(below, first));
            // SAFETY: a chunk has 16 bytes.
            unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), narrow) };
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")]
pub(super) fn members(set: &CodeSet, codes: &[Lanes], out: &mut [Lanes], stride: usize) {
    // SAFETY: a set has 32 bytes.
    let set = _mm512_broadcast_i64x4(unsafe { _mm256_loadu_si256(set.as_ptr().cast()) });
    let bits = _mm512_set1_epi64(0x8040_2010_0804_0201_u64 as i64);
    let (places, seven) = (_mm512_set1_epi8(31), _mm512_set1_epi8(7));
    let (member, not_member) = (_mm512_set1_epi8(MEMBER as i8), _mm512_set1_epi8(NOT_MEMBER as i8));
    for (codes, out) in codes.iter().zip(out.iter_mut().step_by(stride)) {
        // SAFETY: 64 bytes, aligned to 64.
        let code = unsafe { _mm512_load_si512(codes.0.as_ptr().cast()) };
        let place = _mm512_and_si512(_mm512_srli_epi16::<3>(code), places);
        let byte = _mm512_permutexvar_epi8(place, set);
        let bit = _mm512_shuffle_epi8(bits, _mm512_and_si512(code, seven));
        let inside = _mm512_test_epi8_mask(byte, bit);
        let result = _mm512_mask_mov_epi8(not_member, inside, member);
        // SAFETY: 64 bytes, aligned to 64.
        unsafe { _mm512_store_si512(out.0.as_mut_ptr().cast(), result) };
    }
}
