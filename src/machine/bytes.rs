//! Dot products of quantised vectors: rows of `u8`, a query of `i8`, sums in `i32`, so that every level gives equal
//! numbers.
//!
//! Four rows are multiplied side by side and their lanes added up by one transposition, which leaves one sum a lane.

use super::cpu::{Kind, Level};

/// Scores that are held against the threshold together.
const GROUP: usize = 16;

/// How a dot product becomes a score, and which scores count.
///
/// `score = ((dot - offset) · scale + slack) · row scale + row bias`, in `f32`, each step rounded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Admission {
    /// Taken off every dot product.
    pub offset: i32,
    /// The query's scale.
    pub scale: f32,
    /// Added before the row's scale is applied.
    pub slack: f32,
    /// The least score that passes.
    pub threshold: f32,
}

/// The dot products of `query` with the first `out.len()` rows; row `i` is `rows[i · stride..][..stride]`, `stride`
/// the query's length. Rows outside `rows` give 0.
pub(crate) fn byte_dots(level: Level, rows: &[u8], query: &[i8], out: &mut [i32]) {
    let stride = query.len();
    let there = rows.len().checked_div(stride).unwrap_or(0).min(out.len());
    out[there..].fill(0);
    let out = &mut out[..there];
    match level.kind() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `rows` holds `there` rows; the level says that the processor has AVX-512.
        Kind::Avx512 => unsafe { x86::dots_avx512(rows, query, |row| row, out) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `rows` holds `there` rows; the level says that the processor has AVX2.
        Kind::Avx2 => unsafe { x86::dots_avx2(rows, query, |row| row, out) },
        _ => rows.chunks_exact(stride.max(1)).zip(out).for_each(|(row, sum)| *sum = scalar(row, query)),
    }
}

/// The dot products of `query` with the rows at `positions`, as [`byte_dots`]; a position outside `rows` gives 0. The
/// shorter of `positions` and `out` counts.
pub(crate) fn byte_dots_at(level: Level, rows: &[u8], positions: &[u32], query: &[i8], out: &mut [i32]) {
    let stride = query.len();
    let there = rows.len().checked_div(stride).unwrap_or(0);
    let count = positions.len().min(out.len());
    let (positions, out) = (&positions[..count], &mut out[..count]);
    let Some(last) = there.checked_sub(1) else { return out.fill(0) };
    // A position outside is read as the last row, and its sum taken back.
    let inside = |at: usize| (positions[at] as usize).min(last);
    match level.kind() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every row that `inside` gives lies in `rows`; the level says that the processor has AVX-512.
        Kind::Avx512 => unsafe { x86::dots_avx512(rows, query, inside, out) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every row that `inside` gives lies in `rows`; the level says that the processor has AVX2.
        Kind::Avx2 => unsafe { x86::dots_avx2(rows, query, inside, out) },
        _ => {
            for (at, sum) in out.iter_mut().enumerate() {
                *sum = scalar(&rows[inside(at) * stride..][..stride], query);
            }
        }
    }
    for (sum, position) in out.iter_mut().zip(positions) {
        if *position as usize > last {
            *sum = 0;
        }
    }
}

/// Calls `pass(row, score)` in order for every row whose score reaches the threshold. The shortest of `dots`, `scales`
/// and, where there are any, `biases` counts.
#[inline]
pub(crate) fn pass_threshold(
    level: Level,
    dots: &[i32],
    scales: &[f32],
    biases: Option<&[f32]>,
    admission: &Admission,
    mut pass: impl FnMut(usize, f32),
) {
    let rows = dots.len().min(scales.len()).min(biases.map_or(usize::MAX, <[f32]>::len));
    let (dots, scales, biases) = (&dots[..rows], &scales[..rows], biases.map(|biases| &biases[..rows]));
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
    row.iter().zip(query).fold(0, |sum: i32, (x, y)| sum.wrapping_add(i32::from(*x) * i32::from(*y)))
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Admission, GROUP};

    /// The sums of the rows that `row` gives for each place of `out`.
    ///
    /// # Safety
    /// Each of them lies in `rows`: `(row + 1) · query.len() <= rows.len()`.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    pub(super) unsafe fn dots_avx512(
        rows: &[u8],
        query: &[i8],
        row: impl Fn(usize) -> usize,
        out: &mut [i32],
    ) {
        // SAFETY: by the caller's word each of these places is inside `rows`.
        let start = |at: usize| unsafe { rows.as_ptr().add(row(at) * query.len()) };
        let (fours, rest) = out.as_chunks_mut::<4>();
        for (group, sums) in fours.iter_mut().enumerate() {
            let at = 4 * group;
            // SAFETY: a row's bytes follow each start; the chunk holds four numbers.
            unsafe {
                let all = four_avx512([start(at), start(at + 1), start(at + 2), start(at + 3)], query);
                _mm_storeu_si128(sums.as_mut_ptr().cast(), all);
            }
        }
        for (lane, sum) in rest.iter_mut().enumerate() {
            let start = start(4 * fours.len() + lane);
            // SAFETY: a row's bytes follow the start.
            *sum = _mm_cvtsi128_si32(unsafe { four_avx512([start; 4], query) });
        }
    }

    /// # Safety
    /// Each start is followed by `query.len()` bytes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    unsafe fn four_avx512(starts: [*const u8; 4], query: &[i8]) -> __m128i {
        let whole = query.len() / 64 * 64;
        let rest: __mmask64 = (1 << (query.len() - whole)) - 1;
        let zero = _mm512_setzero_si512();
        let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
        let mut at = 0;
        // SAFETY: `at + 64 <= whole`, or the mask of the rest, keeps the reads inside the query and the four rows.
        unsafe {
            while at < whole {
                let y = _mm512_loadu_si512(query.as_ptr().add(at).cast());
                a = _mm512_dpbusd_epi32(a, _mm512_loadu_si512(starts[0].add(at).cast()), y);
                b = _mm512_dpbusd_epi32(b, _mm512_loadu_si512(starts[1].add(at).cast()), y);
                c = _mm512_dpbusd_epi32(c, _mm512_loadu_si512(starts[2].add(at).cast()), y);
                d = _mm512_dpbusd_epi32(d, _mm512_loadu_si512(starts[3].add(at).cast()), y);
                at += 64;
            }
            if rest != 0 {
                let y = _mm512_maskz_loadu_epi8(rest, query.as_ptr().add(at));
                a = _mm512_dpbusd_epi32(a, _mm512_maskz_loadu_epi8(rest, starts[0].add(at).cast()), y);
                b = _mm512_dpbusd_epi32(b, _mm512_maskz_loadu_epi8(rest, starts[1].add(at).cast()), y);
                c = _mm512_dpbusd_epi32(c, _mm512_maskz_loadu_epi8(rest, starts[2].add(at).cast()), y);
                d = _mm512_dpbusd_epi32(d, _mm512_maskz_loadu_epi8(rest, starts[3].add(at).cast()), y);
            }
        }
        let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
        let abcd = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
        let half = _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti64x4_epi64::<1>(abcd));
        _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half))
    }

    /// As [`dots_avx512`].
    ///
    /// # Safety
    /// As [`dots_avx512`].
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn dots_avx2(rows: &[u8], query: &[i8], row: impl Fn(usize) -> usize, out: &mut [i32]) {
        // SAFETY: by the caller's word each of these places is inside `rows`.
        let start = |at: usize| unsafe { rows.as_ptr().add(row(at) * query.len()) };
        let (fours, rest) = out.as_chunks_mut::<4>();
        for (group, sums) in fours.iter_mut().enumerate() {
            let at = 4 * group;
            // SAFETY: a row's bytes follow each start.
            *sums = unsafe { four_avx2([start(at), start(at + 1), start(at + 2), start(at + 3)], query) };
        }
        for (lane, sum) in rest.iter_mut().enumerate() {
            let start = start(4 * fours.len() + lane);
            // SAFETY: a row's bytes follow the start.
            *sum = unsafe { four_avx2([start; 4], query) }[0];
        }
    }

    /// # Safety
    /// Each start is followed by `query.len()` bytes.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn four_avx2(starts: [*const u8; 4], query: &[i8]) -> [i32; 4] {
        let whole = query.len() / 16 * 16;
        let zero = _mm256_setzero_si256();
        let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
        let mut at = 0;
        while at < whole {
            // SAFETY: sixteen bytes from `at` lie inside the query and the four rows.
            let (y, x) = unsafe {
                let wide = |start: *const u8| _mm256_cvtepu8_epi16(_mm_loadu_si128(start.add(at).cast()));
                let y = _mm256_cvtepi8_epi16(_mm_loadu_si128(query.as_ptr().add(at).cast()));
                (y, [wide(starts[0]), wide(starts[1]), wide(starts[2]), wide(starts[3])])
            };
            a = _mm256_add_epi32(a, _mm256_madd_epi16(x[0], y));
            b = _mm256_add_epi32(b, _mm256_madd_epi16(x[1], y));
            c = _mm256_add_epi32(c, _mm256_madd_epi16(x[2], y));
            d = _mm256_add_epi32(d, _mm256_madd_epi16(x[3], y));
            at += 16;
        }
        let abcd = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
        let all = _mm_add_epi32(_mm256_castsi256_si128(abcd), _mm256_extracti128_si256::<1>(abcd));
        let mut four = [0i32; 4];
        // SAFETY: the array holds four numbers.
        unsafe { _mm_storeu_si128(four.as_mut_ptr().cast(), all) };
        for (sum, start) in four.iter_mut().zip(starts) {
            for (at, y) in query.iter().enumerate().skip(whole) {
                // SAFETY: `at` is less than the row's length.
                *sum = sum.wrapping_add(i32::from(unsafe { *start.add(at) }) * i32::from(*y));
            }
        }
        four
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
