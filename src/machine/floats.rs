//! Dot products and distances of `f32` vectors.
//!
//! The sum runs in sixteen lanes that are added up in a fixed tree, without fused multiply-add: every level gives equal
//! bits.

use super::cpu::{Kind, Level, level};

const LANES: usize = 16;

/// The dot product of two vectors; of their common length where they differ.
#[inline]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    dot_at(level(), a, b)
}

/// [`dot`] at a given level.
#[inline]
fn dot_at(level: Level, a: &[f32], b: &[f32]) -> f32 {
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    match level.kind() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level says that the processor has AVX-512.
        Kind::Avx512 => unsafe { x86::dot_avx512(a, b) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level says that the processor has AVX2.
        Kind::Avx2 => unsafe { x86::dot_avx2(a, b) },
        _ => lanes(a, b, |x, y| x * y),
    }
}

/// The squared Euclidean distance of two vectors; of their common length where they differ.
#[inline]
pub(crate) fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    let length = a.len().min(b.len());
    lanes(&a[..length], &b[..length], |x, y| (x - y) * (x - y))
}

#[inline(always)]
fn lanes(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0f32; LANES];
    let (whole, rest) = (a.chunks_exact(LANES), a.len() / LANES * LANES);
    for (x, y) in whole.zip(b.chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] += term(x[lane], y[lane]);
        }
    }
    for (lane, (x, y)) in a[rest..].iter().zip(&b[rest..]).enumerate() {
        sums[lane] += term(*x, *y);
    }
    fold(sums)
}

#[inline(always)]
fn fold(mut sums: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
        half /= 2;
    }
    sums[0]
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{LANES, fold};

    /// Both slices have one length.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    pub(super) fn dot_avx512(a: &[f32], b: &[f32]) -> f32 {
        let mut sums = _mm512_setzero_ps();
        let mut at = 0;
        while at + LANES <= a.len() {
            // SAFETY: sixteen numbers from `at` lie inside both slices, which have one length.
            let (x, y) =
                unsafe { (_mm512_loadu_ps(a.as_ptr().add(at)), _mm512_loadu_ps(b.as_ptr().add(at))) };
            sums = _mm512_add_ps(sums, _mm512_mul_ps(x, y));
            at += LANES;
        }
        if at < a.len() {
            let rest: __mmask16 = (1 << (a.len() - at)) - 1;
            // SAFETY: the mask lets only the numbers inside both slices be read.
            let (x, y) = unsafe {
                (
                    _mm512_maskz_loadu_ps(rest, a.as_ptr().add(at)),
                    _mm512_maskz_loadu_ps(rest, b.as_ptr().add(at)),
                )
            };
            sums = _mm512_mask_add_ps(sums, rest, sums, _mm512_mul_ps(x, y));
        }
        let eight = _mm256_add_ps(_mm512_castps512_ps256(sums), _mm512_extractf32x8_ps::<1>(sums));
        let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
    }

    /// Both slices have one length.
    #[target_feature(enable = "avx2")]
    pub(super) fn dot_avx2(a: &[f32], b: &[f32]) -> f32 {
        let (mut low, mut high) = (_mm256_setzero_ps(), _mm256_setzero_ps());
        let mut at = 0;
        while at + LANES <= a.len() {
            // SAFETY: sixteen numbers from `at` lie inside both slices, which have one length.
            unsafe {
                let (x, y) = (a.as_ptr().add(at), b.as_ptr().add(at));
                low = _mm256_add_ps(low, _mm256_mul_ps(_mm256_loadu_ps(x), _mm256_loadu_ps(y)));
                let second = _mm256_mul_ps(_mm256_loadu_ps(x.add(8)), _mm256_loadu_ps(y.add(8)));
                high = _mm256_add_ps(high, second);
            }
            at += LANES;
        }
        let mut sums = [0f32; LANES];
        // SAFETY: the array holds sixteen numbers.
        unsafe {
            _mm256_storeu_ps(sums.as_mut_ptr(), low);
            _mm256_storeu_ps(sums.as_mut_ptr().add(8), high);
        }
        for (lane, (x, y)) in a[at..].iter().zip(&b[at..]).enumerate() {
            sums[lane] += x * y;
        }
        fold(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_gives_the_bits_of_the_scalar_twin() {
        let mut random = fastrand::Rng::with_seed(1);
        for length in (0..70).chain([127, 128, 129, 300]) {
            for extreme in [1.0, 1e-38, 1e30] {
                let vector = |random: &mut fastrand::Rng| -> Vec<f32> {
                    (0..length).map(|_| (random.f32() - 0.5) * extreme).collect()
                };
                let (a, b) = (vector(&mut random), vector(&mut random));
                let expected = dot_at(Level::SCALAR, &a, &b);
                let exact: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
                if extreme == 1.0 {
                    assert!((f64::from(expected) - exact).abs() < 1e-4);
                }
                for level in Level::all() {
                    assert_eq!(dot_at(level, &a, &b).to_bits(), expected.to_bits(), "{level:?} {length}");
                }
            }
        }
        assert_eq!(dot(&[1.0, 2.0], &[3.0]), 3.0);
        assert_eq!(squared_distance(&[1.0, 2.0], &[3.0, 5.0]), 13.0);
    }
}
