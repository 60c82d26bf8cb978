//! Plain loops over columns of numbers, compiled once for every level: the operations are the same, each rounded once,
//! so the results are equal.

use super::cpu::{Kind, Level};

/// Compiles a loop for each level and picks one at run time.
macro_rules! at_level {
    ($level:expr, $loop:ident($($name:ident: $type:ty),* $(,)?)) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi2,popcnt")]
        fn avx512($($name: $type),*) {
            $loop($($name),*)
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,bmi2,popcnt")]
        fn avx2($($name: $type),*) {
            $loop($($name),*)
        }
        match $level.kind() {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the level says that the processor has AVX-512.
            Kind::Avx512 => unsafe { avx512($($name),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the level says that the processor has AVX2.
            Kind::Avx2 => unsafe { avx2($($name),*) },
            _ => $loop($($name),*),
        }
    }};
}

/// A query, as far as what rows around a centroid may score goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    /// The query's length.
    pub(crate) length: f32,
    /// Standard deviations by which a row may score above what is expected of its partition.
    pub(crate) confidence: f32,
}

/// How a dot product of bytes becomes a score.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByteScale {
    /// Taken off every dot product.
    pub(crate) offset: i32,
    /// The query's scale.
    pub(crate) scale: f32,
}

/// What rows of length one score at most where the rows lie around centroids: by centroid, `bound = along · score +
/// confidence · across · √(length² - score²)`. All slices have one length; the shortest counts.
pub(crate) fn upper_bounds(
    level: Level,
    scores: &[f32],
    along: &[f32],
    across: &[f32],
    probe: Probe,
    bounds: &mut [f32],
) {
    at_level!(
        level,
        upper_bounds_loop(
            scores: &[f32],
            along: &[f32],
            across: &[f32],
            probe: Probe,
            bounds: &mut [f32],
        )
    );
}

#[inline(always)]
fn upper_bounds_loop(
    scores: &[f32],
    along: &[f32],
    across: &[f32],
    Probe { length, confidence }: Probe,
    bounds: &mut [f32],
) {
    let square = length * length;
    for (((bound, score), along), across) in bounds.iter_mut().zip(scores).zip(along).zip(across) {
        let sideways = (square - score * score).max(0.0).sqrt();
        *bound = along * score + confidence * across * sideways;
    }
}

/// The greater of `a · b` and `a · c`, by row. All slices have one length; the shortest counts.
pub(crate) fn greater_products(level: Level, a: &[f32], b: &[f32], c: &[f32], out: &mut [f32]) {
    at_level!(level, greater_products_loop(a: &[f32], b: &[f32], c: &[f32], out: &mut [f32]));
}

#[inline(always)]
fn greater_products_loop(a: &[f32], b: &[f32], c: &[f32], out: &mut [f32]) {
    for (((out, a), b), c) in out.iter_mut().zip(a).zip(b).zip(c) {
        let (first, second) = (a * b, a * c);
        *out = if first > second { first } else { second };
    }
}

/// Scores from dot products of bytes: `(dot - offset) · scale · row scale`. The shortest slice counts.
pub(crate) fn scores(level: Level, dots: &[i32], scales: &[f32], query: ByteScale, out: &mut [f32]) {
    at_level!(
        level,
        scores_loop(dots: &[i32], scales: &[f32], query: ByteScale, out: &mut [f32])
    );
}

#[inline(always)]
fn scores_loop(dots: &[i32], scales: &[f32], ByteScale { offset, scale }: ByteScale, out: &mut [f32]) {
    for ((out, dot), row) in out.iter_mut().zip(dots).zip(scales) {
        *out = dot.wrapping_sub(offset) as f32 * scale * row;
    }
}

/// The places of the numbers that are not below `threshold`, appended to `found`.
pub(crate) fn at_least(level: Level, values: &[f32], threshold: f32, found: &mut Vec<u32>) {
    at_level!(level, at_least_loop(values: &[f32], threshold: f32, found: &mut Vec<u32>));
}

#[inline(always)]
fn at_least_loop(values: &[f32], threshold: f32, found: &mut Vec<u32>) {
    for (at, sixteen) in values.chunks(16).enumerate() {
        let mut any = false;
        for value in sixteen {
            any |= *value >= threshold;
        }
        if any {
            let passed = sixteen.iter().enumerate().filter(|(_, value)| **value >= threshold);
            found.extend(passed.map(|(lane, _)| (at * 16 + lane) as u32));
        }
    }
}

/// The places in `rows` of the rows that `words` has a bit for (row `r` is bit `r % 64` of word `r / 64`), counted from
/// `first`, appended to `found`.
pub(crate) fn members(level: Level, rows: &[u32], words: &[u64], first: u32, found: &mut Vec<u32>) {
    #[cfg(target_arch = "x86_64")]
    if level.kind() == Kind::Avx512 && words.len() < (1 << 25) {
        let mut at = 0;
        for rows in rows.chunks(16) {
            // SAFETY: the level says that the processor has AVX-512.
            let mut inside = unsafe { x86::sixteen_members(rows, words) };
            while inside != 0 {
                found.push(first + at + inside.trailing_zeros());
                inside &= inside - 1;
            }
            at += 16;
        }
        return;
    }
    let _ = level;
    let inside = |row: u32| words.get(row as usize / 64).is_some_and(|word| word >> (row % 64) & 1 == 1);
    found.extend((first..).zip(rows).filter(|(_, row)| inside(**row)).map(|(at, _)| at));
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    /// The bits of up to sixteen rows that `words`, fewer than 2²⁵, has a bit for.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    pub(super) fn sixteen_members(rows: &[u32], words: &[u64]) -> u16 {
        let lanes: __mmask16 = if rows.len() >= 16 { !0 } else { (1 << rows.len()) - 1 };
        // SAFETY: the mask lets only the rows inside the slice be read.
        let rows = unsafe { _mm512_maskz_loadu_epi32(lanes, rows.as_ptr().cast()) };
        let halves = _mm512_set1_epi32(2 * words.len() as i32);
        let at = _mm512_srli_epi32::<5>(rows);
        let there = _mm512_mask_cmplt_epu32_mask(lanes, at, halves);
        // SAFETY: lanes outside the words are masked away. A word's two halves lie low half first on x86-64.
        let half = unsafe {
            _mm512_mask_i32gather_epi32::<4>(_mm512_setzero_si512(), there, at, words.as_ptr().cast())
        };
        let bit = _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_and_si512(rows, _mm512_set1_epi32(31)));
        _mm512_mask_test_epi32_mask(there, half, bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_give_equal_bits_at_every_level() {
        let mut random = fastrand::Rng::with_seed(4);
        for count in [0, 1, 15, 16, 17, 100, 1001] {
            let mut column = || (0..count).map(|_| random.f32() * 4.0 - 2.0).collect::<Vec<f32>>();
            let (a, b, c) = (column(), column(), column());
            let dots: Vec<i32> = a.iter().map(|x| (x * 1e9) as i32).collect();
            let all = |level| {
                let mut out = [vec![0f32; count], vec![0f32; count], vec![0f32; count]];
                let mut found = Vec::new();
                let probe = Probe { length: 1.5, confidence: 2.0 };
                upper_bounds(level, &a, &b, &c, probe, &mut out[0]);
                greater_products(level, &a, &b, &c, &mut out[1]);
                scores(level, &dots, &c, ByteScale { offset: 77, scale: 0.01 }, &mut out[2]);
                at_least(level, &a, 0.5, &mut found);
                (out.map(|column| column.iter().map(|x| x.to_bits()).collect::<Vec<u32>>()), found)
            };
            let expected = all(Level::SCALAR);
            assert!(expected.1.iter().all(|at| a[*at as usize] >= 0.5));
            assert_eq!(expected.1.len(), a.iter().filter(|x| **x >= 0.5).count());
            Level::all().for_each(|level| assert_eq!(all(level), expected, "{level:?} {count}"));
        }
    }

    #[test]
    fn members_are_the_same_at_every_level() {
        let mut random = fastrand::Rng::with_seed(5);
        for count in [0, 1, 15, 16, 17, 300] {
            let words: Vec<u64> = (0..5).map(|_| random.u64(..)).collect();
            let rows: Vec<u32> =
                (0..count).map(|_| if random.u8(..) < 9 { u32::MAX } else { random.u32(0..330) }).collect();
            let found = |level| {
                let mut found = vec![3];
                members(level, &rows, &words, 1000, &mut found);
                found
            };
            let expected = found(Level::SCALAR);
            assert!(expected[1..].iter().all(|at| rows[*at as usize - 1000] < 320));
            Level::all().for_each(|level| assert_eq!(found(level), expected));
        }
    }
}
