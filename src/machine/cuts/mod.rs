//! A column of numbers becomes a column of bytes, so that a tree's question about a row is one comparison of bytes.
//!
//! A number's *rank* among sorted cuts is how many of them it exceeds; `x <= cut[k]` is `rank(x) <= k`. Ranks are
//! stored with their highest bit flipped, because processors compare signed bytes best. The search descends a complete
//! binary tree of cuts, stored level by level; with AVX-512 its levels lie in registers and are looked up by
//! permutation.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod scalar;
#[cfg(test)]
mod tests;

use super::Level;
use super::cpu::Kind;

/// One byte for each of 64 rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Lanes(pub [u8; Lanes::ROWS]);

impl Lanes {
    /// Rows.
    pub(crate) const ROWS: usize = 64;

    /// The same byte for all rows.
    pub(crate) const fn all(byte: u8) -> Self {
        Self([byte; Self::ROWS])
    }
}

/// What is flipped in a rank to store it.
pub(crate) const BIAS: u8 = 0x80;

/// Up to 255 cuts, and which rank a missing number gets.
#[derive(Debug, Clone)]
pub(crate) struct Cuts {
    /// The cuts as a complete binary tree: the children of 1 are 2 and 3, those of 2 are 4 and 5; 0 is not used. Never
    /// shorter than 16, and always a power of two.
    heap: Vec<f32>,
    /// Numbers this close to 0 count as missing too; negative for none.
    radius: f32,
    /// Where in the row below the tree missing numbers end up.
    missing: u32,
}

/// The rank of what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Missing {
    /// 0: "at most" is true.
    Least,
    /// More than all cuts: "at most" is false.
    Greatest,
    /// That of the number 0.
    AsZero,
}

impl Cuts {
    /// The most cuts: ranks are bytes.
    pub(crate) const MOST: usize = 255;

    /// Of `cuts` in ascending order; `None` if there are more than 255, or not in order, or if one is not a number. NaN
    /// is missing, and so is what lies within `radius` of 0.
    pub(crate) fn new(cuts: &[f32], missing: Missing, radius: Option<f32>) -> Option<Self> {
        let ascending = cuts.windows(2).all(|pair| pair[0] < pair[1]);
        if cuts.len() > Self::MOST || !ascending || cuts.iter().any(|cut| cut.is_nan()) {
            return None;
        }
        // Padding exceeds every number, so it never counts.
        let size = (cuts.len() + 1).next_power_of_two().max(16);
        let mut heap = vec![f32::INFINITY; size];
        for (at, cut) in heap.iter_mut().enumerate().skip(1) {
            let level = at.ilog2();
            let step = size >> level;
            let rank = (at - (1 << level)) * step + step / 2 - 1;
            *cut = cuts.get(rank).copied().unwrap_or(f32::INFINITY);
        }
        let rank = match missing {
            Missing::Least => 0,
            Missing::Greatest => cuts.len(),
            Missing::AsZero => cuts.iter().filter(|cut| **cut < 0.0).count(),
        };
        Some(Self { missing: (size + rank) as u32, radius: radius.unwrap_or(-1.0), heap })
    }

    /// What [`rank`] stores for a missing number.
    pub(crate) fn byte_of_missing(&self) -> u8 {
        self.byte(self.missing)
    }

    /// The bytes it occupies.
    pub(crate) fn resident_bytes(&self) -> usize {
        size_of::<Self>() + self.heap.capacity() * size_of::<f32>()
    }

    fn byte(&self, below: u32) -> u8 {
        (below - self.heap.len() as u32) as u8 ^ BIAS
    }
}

/// Writes the ranks of the numbers: those of 64 `values` in `out[at]`, of the next 64 in `out[at + stride]`, and so on.
///
/// Numbers after the last whole 64 are not looked at.
///
/// # Panics
/// If `out` is too short for that, or `stride` is 0.
pub(crate) fn rank(level: Level, cuts: &Cuts, values: &[f32], out: &mut [Lanes], stride: usize, at: usize) {
    let (blocks, _) = values.as_chunks::<{ Lanes::ROWS }>();
    if blocks.is_empty() {
        return;
    }
    let out = touched(out, blocks.len(), stride, at);
    match level.kind() {
        // SAFETY: the level says that the processor has these instructions.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { avx512::rank(cuts, blocks, out, stride) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { avx2::rank(cuts, blocks, out, stride) },
        _ => scalar::rank(cuts, blocks, out, stride),
    }
}

/// The part of `out` from `at` on that `steps` steps, at least one, touch.
fn touched(out: &mut [Lanes], steps: usize, stride: usize, at: usize) -> &mut [Lanes] {
    // Saturated it is more than there can be of lanes.
    let last = at.saturating_add((steps - 1).saturating_mul(stride));
    assert!(stride > 0 && last < out.len(), "a place for each 64 rows");
    &mut out[at..=last]
}

/// A set of codes 0 to 255, a bit each.
pub(crate) type CodeSet = [u8; 32];

/// Writes a byte for each code: the stored rank 0 where it is in the set, 1 where it is not. Steps through `out` as
/// [`rank`].
///
/// # Panics
/// If `out` is too short for that, or `stride` is 0.
pub(crate) fn members(
    level: Level,
    set: &CodeSet,
    codes: &[Lanes],
    out: &mut [Lanes],
    stride: usize,
    at: usize,
) {
    if codes.is_empty() {
        return;
    }
    let out = touched(out, codes.len(), stride, at);
    match level.kind() {
        // SAFETY: the level says that the processor has these instructions.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { avx512::members(set, codes, out, stride) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { avx2::members(set, codes, out, stride) },
        _ => scalar::members(set, codes, out, stride),
    }
}

/// What [`members`] writes.
pub(crate) const MEMBER: u8 = BIAS;
/// What [`members`] writes for codes that are not in the set.
pub(crate) const NOT_MEMBER: u8 = 1 ^ BIAS;
