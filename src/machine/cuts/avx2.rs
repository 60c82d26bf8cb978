//! Ranks and sets, 8 numbers or 32 codes at a time.

use std::arch::x86_64::*;

use super::{CodeSet, Cuts, Lanes, MEMBER, NOT_MEMBER};

#[target_feature(enable = "avx2")]
pub(super) fn rank(cuts: &Cuts, blocks: &[[f32; Lanes::ROWS]], out: &mut [Lanes], stride: usize) {
    let absolute = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fff_ffff));
    let radius = _mm256_set1_ps(cuts.radius);
    let missing = _mm256_set1_epi32(cuts.missing as i32);
    let levels = cuts.heap.len().trailing_zeros();
    // SAFETY: a heap has at least 16 numbers.
    let top = unsafe { _mm256_loadu_ps(cuts.heap.as_ptr()) };
    for (values, out) in blocks.iter().zip(out.iter_mut().step_by(stride)) {
        for (values, bytes) in values.as_chunks::<8>().0.iter().zip(out.0.as_chunks_mut::<8>().0) {
            // SAFETY: a chunk has 8 numbers.
            let value = unsafe { _mm256_loadu_ps(values.as_ptr()) };
            let mut at = _mm256_set1_epi32(1);
            for level in 0..levels {
                let cut = if level < 3 {
                    _mm256_permutevar8x32_ps(top, at)
                } else {
                    // SAFETY: at this level `at` is at least 2^level and less than 2^(level + 1), so inside the heap of
                    // 2^levels numbers; it starts at 1 and doubles with or without adding 1.
                    unsafe { _mm256_i32gather_ps::<4>(cuts.heap.as_ptr(), at) }
                };
                let more = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_GT_OQ>(value, cut));
                at = _mm256_sub_epi32(_mm256_add_epi32(at, at), more); // "more" is −1 where it is true
            }
            let gone = _mm256_cmp_ps::<_CMP_NGT_UQ>(_mm256_and_ps(value, absolute), radius);
            let below = _mm256_blendv_epi8(at, missing, _mm256_castps_si256(gone));
            let mut lanes = [0u32; 8];
            // SAFETY: there are 8 places.
            unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), below) };
            for (lane, byte) in lanes.iter().zip(bytes) {
                *byte = cuts.byte(*lane);
            }
        }
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn members(set: &CodeSet, codes: &[Lanes], out: &mut [Lanes], stride: usize) {
    // SAFETY: a set has 32 bytes.
    let (low, high) =
        unsafe { (_mm_loadu_si128(set.as_ptr().cast()), _mm_loadu_si128(set.as_ptr().add(16).cast())) };
    let (low, high) = (_mm256_broadcastsi128_si256(low), _mm256_broadcastsi128_si256(high));
    let bits = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64 as i64);
    let (fifteen, seven) = (_mm256_set1_epi8(15), _mm256_set1_epi8(7));
    let (member, not_member) = (_mm256_set1_epi8(MEMBER as i8), _mm256_set1_epi8(NOT_MEMBER as i8));
    for (codes, out) in codes.iter().zip(out.iter_mut().step_by(stride)) {
        for (codes, out) in codes.0.as_chunks::<32>().0.iter().zip(out.0.as_chunks_mut::<32>().0) {
            // SAFETY: a chunk has 32 bytes.
            let code = unsafe { _mm256_loadu_si256(codes.as_ptr().cast()) };
            let place = _mm256_and_si256(_mm256_srli_epi16::<3>(code), fifteen);
            let lower = _mm256_shuffle_epi8(low, place);
            let higher = _mm256_shuffle_epi8(high, place);
            let byte = _mm256_blendv_epi8(lower, higher, code); // by the highest bit of the code
            let bit = _mm256_shuffle_epi8(bits, _mm256_and_si256(code, seven));
            let inside = _mm256_cmpeq_epi8(_mm256_and_si256(byte, bit), bit);
            let result = _mm256_blendv_epi8(not_member, member, inside);
            // SAFETY: a chunk has 32 bytes.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), result) };
        }
    }
}
