//! Dot products of quantised vectors: rows of `u8`, a query of `i8`, sums in `i32`, so that every level gives equal numbers.
//!
//! Sixteen rows are multiplied side by side and their lanes added up by one transposition, which leaves one sum a lane.

use super::level::{Kind, Level};

/// Rows that are summed up together.
const GROUP: usize = 16;

/// How a dot product becomes a score, and which scores count.
///
/// `score = ((dot - offset) · scale + slack) · row scale + row bias`, in `f32`, each step rounded.
#[derive(Debug, Clone, Copy)]
pub struct Admission {
    /// Taken off every dot product.
    pub offset: i32,
    /// The query's scale.
    pub scale: f32,
    /// Added before the row's scale is applied.
    pub slack: f32,
    /// The least score that passes.
    pub threshold: f32,
}

/// The dot products of `query` with the first `out.len()` rows; row `i` is `rows[i · stride..][..stride]`, `stride` the query's
/// length. Rows outside `rows` give 0.
pub fn byte_dots(level: Level, rows: &[u8], query: &[i8], out: &mut [i32]) {
    let stride = query.len();
    let there = rows.len().checked_div(stride).unwrap_or(0).min(out.len());
    out[there..].fill(0);
    let out = &mut out[..there];
    match level.kind() {
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 | Kind::Avx2 => {
            for (group, sums) in out.chunks_mut(GROUP).enumerate() {
                let first = group * GROUP;
                let last = first + sums.len() - 1;
                x86::group(level, rows, query, |lane| (first + lane).min(last), sums);
            }
        }
        _ => {
            for (row, sum) in rows.chunks_exact(stride.max(1)).zip(out) {
                *sum = scalar(row, query);
            }
        }
    }
}

/// The dot products of `query` with the rows at `positions`, as [`byte_dots`]; a position outside `rows` gives 0. The shorter of
/// `positions` and `out` counts.
pub fn byte_dots_at(level: Level, rows: &[u8], positions: &[u32], query: &[i8], out: &mut [i32]) {
    let stride = query.len();
    let Some(there) = rows.len().checked_div(stride).filter(|there| *there > 0) else {
        out.fill(0);
        return;
    };
    for (positions, sums) in positions.chunks(GROUP).zip(out.chunks_mut(GROUP)) {
        match level.kind() {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 | Kind::Avx2 => {
                let sums = &mut sums[..positions.len()];
                let row = |lane: usize| {
                    let position = positions[lane.min(positions.len() - 1)] as usize;
                    position.min(there - 1)
                };
                x86::group(level, rows, query, row, sums);
                for (sum, position) in sums.iter_mut().zip(positions) {
                    if *position as usize >= there {
                        *sum = 0;
                    }
                }
            }
            _ => {
                for (sum, position) in sums.iter_mut().zip(positions) {
                    let start = *position as usize * stride;
                    *sum = rows.get(start..start + stride).map_or(0, |row| scalar(row, query));
                }
            }
        }
    }
}

/// Calls `pass(row, score)` in order for every row whose score reaches the threshold. The shorter of `dots` and `scales` counts;
/// `biases`, where there are any, are at least as long.
#[inline]
pub fn pass_threshold(
    level: Level,
    dots: &[i32],
    scales: &[f32],
    biases: Option<&[f32]>,
    admission: &Admission,
    mut pass: impl FnMut(usize, f32),
) {
    let rows = dots.len().min(scales.len());
    let (dots, scales) = (&dots[..rows], &scales[..rows]);
    let biases = biases.filter(|biases| biases.len() >= rows).map(|biases| &biases[..rows]);
    let mut done = 0;
    #[cfg(target_arch = "x86_64")]
    if level.kind() == Kind::Avx512 {
        while done + GROUP <= rows {
            let mut scores = [0f32; GROUP];
            let group = done..done + GROUP;
            let biases = biases.map(|biases| &biases[group.clone()]);
            // SAFETY: the level says that the processor has AVX-512; all slices hold sixteen numbers.
            let mut passed = unsafe {
                x86::scores_avx512(&dots[group.clone()], &scales[group], biases, admission, &mut scores)
            };
            while passed != 0 {
                let lane = passed.trailing_zeros() as usize;
                pass(done + lane, scores[lane]);
                passed &= passed - 1;
            }
            done += GROUP;
        }
    }
    let _ = level;
    for row in done..rows {
        let bias = biases.map_or(0.0, |biases| biases[row]);
        let value = (dots[row].wrapping_sub(admission.offset) as f32 * admission.scale + admission.slack)
            * scales[row]
            + bias;
        if value >= admission.threshold {
            pass(row, value);
        }
    }
}

fn scalar(row: &[u8], query: &[i8]) -> i32 {
    row.iter().zip(query).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum()
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Admission, GROUP, Kind, Level};

    /// The sums of up to sixteen rows; `row(lane)` gives a row inside `rows` for every lane, used or not.
    #[inline(always)]
    pub(super) fn group(
        level: Level,
        rows: &[u8],
        query: &[i8],
        row: impl Fn(usize) -> usize,
        out: &mut [i32],
    ) {
        let stride = query.len();
        let mut starts = [rows.as_ptr(); GROUP];
        for (lane, start) in starts.iter_mut().enumerate() {
            *start = rows[row(lane) * stride..][..stride].as_ptr();
        }
        // SAFETY: every start is followed by `stride` bytes of `rows`, as was just checked; the level says what the
        // processor has.
        let sums = unsafe {
            match level.kind() {
                Kind::Avx512 => sixteen_avx512(&starts, query),
                _ => sixteen_avx2(&starts, query),
            }
        };
        out.copy_from_slice(&sums[..out.len()]);
    }

    /// # Safety
    /// Each of `rows` is followed by `query.len()` bytes.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    unsafe fn sixteen_avx512(rows: &[*const u8; GROUP], query: &[i8]) -> [i32; GROUP] {
        let mut sums = [_mm512_setzero_si512(); GROUP];
        let mut at = 0;
        while at < query.len() {
            let left = query.len() - at;
            let mask: __mmask64 = if left >= 64 { !0 } else { (1 << left) - 1 };
            // SAFETY: the mask keeps the reads inside the query and, by the caller's word, inside each row.
            unsafe {
                let y = _mm512_maskz_loadu_epi8(mask, query.as_ptr().add(at));
                for (sum, row) in sums.iter_mut().zip(rows) {
                    let x = _mm512_maskz_loadu_epi8(mask, row.add(at).cast());
                    *sum = _mm512_dpbusd_epi32(*sum, x, y);
                }
            }
            at += 64;
        }
        let add = |a, b| _mm512_add_epi32(a, b);
        let pairs = |i: usize| {
            let (a, b) = (sums[2 * i], sums[2 * i + 1]);
            add(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b))
        };
        let fours = |i: usize| {
            let (a, b) = (pairs(2 * i), pairs(2 * i + 1));
            add(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b))
        };
        let eights = |i: usize| {
            let (a, b) = (fours(2 * i), fours(2 * i + 1));
            add(_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xdd>(a, b))
        };
        let (a, b) = (eights(0), eights(1));
        let all = add(_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xdd>(a, b));
        let mut out = [0; GROUP];
        // SAFETY: the array holds sixteen numbers.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), all) };
        out
    }

    /// # Safety
    /// Each of `rows` is followed by `query.len()` bytes.
    #[target_feature(enable = "avx2")]
    unsafe fn sixteen_avx2(rows: &[*const u8; GROUP], query: &[i8]) -> [i32; GROUP] {
        let mut out = [0; GROUP];
        for (eight, out) in rows.chunks_exact(8).zip(out.chunks_exact_mut(8)) {
            let mut sums = [_mm256_setzero_si256(); 8];
            let mut at = 0;
            while at + 16 <= query.len() {
                // SAFETY: sixteen bytes from `at` lie inside the query and, by the caller's word, inside each row.
                unsafe {
                    let y = _mm256_cvtepi8_epi16(_mm_loadu_si128(query.as_ptr().add(at).cast()));
                    for (sum, row) in sums.iter_mut().zip(eight) {
                        let x = _mm256_cvtepu8_epi16(_mm_loadu_si128(row.add(at).cast()));
                        *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(x, y));
                    }
                }
                at += 16;
            }
            let pairs = |i: usize| _mm256_hadd_epi32(sums[2 * i], sums[2 * i + 1]);
            let fours = |i: usize| _mm256_hadd_epi32(pairs(2 * i), pairs(2 * i + 1));
            let (a, b) = (fours(0), fours(1));
            let low = _mm256_permute2x128_si256::<0x20>(a, b);
            let all = _mm256_add_epi32(low, _mm256_permute2x128_si256::<0x31>(a, b));
            // SAFETY: the slice holds eight numbers.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), all) };
            for (sum, row) in out.iter_mut().zip(eight) {
                for (rest, y) in query.iter().enumerate().skip(at) {
                    // SAFETY: `rest` is less than the query's length, which by the caller's word is the row's.
                    *sum += i32::from(unsafe { *row.add(rest) }) * i32::from(*y);
                }
            }
        }
        out
    }

    /// Leaves the scores of sixteen rows in `out`; the bits of those that reach the threshold.
    ///
    /// # Safety
    /// All slices hold sixteen numbers.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    pub(super) unsafe fn scores_avx512(
        dots: &[i32],
        scales: &[f32],
        biases: Option<&[f32]>,
        admission: &Admission,
        out: &mut [f32; GROUP],
    ) -> u16 {
        // SAFETY: by the caller's word all slices hold sixteen numbers.
        unsafe {
            let dots = _mm512_loadu_si512(dots.as_ptr().cast());
            let shifted = _mm512_cvtepi32_ps(_mm512_sub_epi32(dots, _mm512_set1_epi32(admission.offset)));
            let scaled = _mm512_mul_ps(shifted, _mm512_set1_ps(admission.scale));
            let slackened = _mm512_add_ps(scaled, _mm512_set1_ps(admission.slack));
            let mut scores = _mm512_mul_ps(slackened, _mm512_loadu_ps(scales.as_ptr()));
            if let Some(biases) = biases {
                scores = _mm512_add_ps(scores, _mm512_loadu_ps(biases.as_ptr()));
            }
            let passed = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(scores, _mm512_set1_ps(admission.threshold));
            if passed != 0 {
                _mm512_storeu_ps(out.as_mut_ptr(), scores);
            }
            passed
        }
    }
}

#[cfg(test)]
mod tests;
