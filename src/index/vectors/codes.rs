//! Vectors in eight bits a number: a quarter of the memory, read in sequence at the speed of memory.
//!
//! A row `x` is stored as `round(x / scale) + 128` with its own `scale = max |x| / 127`; a query likewise, without the
//! offset. The products are exact in integers. How far the score may be off is known (Cauchy-Schwarz on both rounding
//! errors), so that a scan can keep every row that might be among the best.

use rayon::prelude::*;

use super::Metric;
use super::top::{Slack, Top};
use crate::machine::{self, Admission, ByteScale, Level, byte_dots, byte_dots_at, dot, pass_threshold};

/// Rows whose products are computed before they are held against the threshold: a kilobyte of products, which stays in
/// the first-level cache.
const CHUNK: usize = 256;

/// Quantised rows, by position.
#[derive(Debug)]
pub(super) struct Codes {
    stride: usize,
    bytes: Vec<u8>,
    /// Where the first row starts: rows of 64 bytes lie in one cache line.
    start: usize,
    scales: Vec<f32>,
    /// What is added to a row's score, if the metric asks for it.
    biases: Option<Vec<f32>>,
    /// The greatest length of a row, and of its rounding error, in units of its scale.
    longest: f32,
    roughest: f32,
}

/// A quantised query.
#[derive(Debug, Default)]
pub(super) struct Query {
    codes: Vec<i8>,
    scale: f32,
    offset: i32,
    /// How far a score may be off, in units of the row's scale.
    slack: f32,
}

impl Codes {
    /// Quantises `rows` rows of `width` numbers, in parallel. Under L2 the score of a row is `q·x - |x|²/2`, which
    /// orders rows as their distance does.
    pub(super) fn new<'v>(
        width: usize,
        metric: Metric,
        rows: usize,
        row: impl Fn(usize) -> &'v [f32] + Sync,
    ) -> Self {
        let stride = stride(width);
        let mut bytes = machine::large_vec(rows * stride + 63);
        bytes.resize(rows * stride + 63, 128u8);
        // Aligned by hand: rows that straddle cache lines cost two reads each.
        let start = bytes.as_ptr().align_offset(64).min(63);
        let mut scales = vec![0f32; rows];
        let biased = metric == Metric::L2;
        let mut biases = vec![0f32; if biased { rows } else { 0 }];
        let part = CHUNK * 16;
        let extremes = bytes[start..start + rows * stride]
            .par_chunks_mut(part * stride)
            .zip(scales.par_chunks_mut(part))
            .enumerate()
            .map(|(chunk, (bytes, scales))| {
                let mut extremes = (0f32, 0f32);
                for (at, (bytes, scale)) in bytes.chunks_exact_mut(stride).zip(scales).enumerate() {
                    let vector = row(chunk * part + at);
                    let inverse;
                    (*scale, inverse) = scales_of(vector);
                    let (mut length, mut error) = (0f32, 0f32);
                    for (byte, x) in bytes.iter_mut().zip(vector) {
                        let code = (x * inverse).round_ties_even();
                        *byte = (code + 128.0) as u8;
                        length += code * code;
                        error += (x * inverse - code) * (x * inverse - code);
                    }
                    extremes = (extremes.0.max(length), extremes.1.max(error));
                }
                extremes
            })
            .reduce(|| (0.0, 0.0), |a, b| (a.0.max(b.0), a.1.max(b.1)));
        biases.par_iter_mut().enumerate().for_each(|(at, bias)| *bias = -0.5 * dot(row(at), row(at)));
        Self {
            stride,
            bytes,
            start,
            scales,
            biases: biased.then_some(biases),
            longest: extremes.0.sqrt(),
            roughest: extremes.1.sqrt(),
        }
    }

    /// The bytes that `rows` rows of `width` numbers will occupy.
    pub(super) fn predict_bytes(rows: usize, width: usize, metric: Metric) -> usize {
        let biases = if metric == Metric::L2 { 4 } else { 0 };
        rows.saturating_mul(stride(width) + 4 + biases).saturating_add(63)
    }

    pub(super) fn len(&self) -> usize {
        self.scales.len()
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.scales.len() * self.stride]
    }

    /// Quantises a query of the rows' width.
    pub(super) fn quantise(&self, vector: &[f32], query: &mut Query) {
        let inverse;
        (query.scale, inverse) = scales_of(vector);
        query.codes.clear();
        query.codes.extend(vector.iter().map(|x| (x * inverse).round_ties_even() as i8));
        let error: f32 =
            vector.iter().zip(&query.codes).map(|(x, c)| x * inverse - f32::from(*c)).map(|e| e * e).sum();
        let length: f32 = query.codes.iter().map(|c| f32::from(*c) * f32::from(*c)).sum();
        // q·x - q'·x' = (q - q')·x' + q·(x - x'), and |q| <= |q'| + |q - q'|.
        let (error, length) = (error.sqrt(), length.sqrt());
        // A thousandth on top covers the rounding of this sum itself.
        query.slack = 1.001 * query.scale * (error * self.longest + (length + error) * self.roughest);
        query.codes.resize(self.stride, 0);
        query.offset = query.codes.iter().map(|c| 128 * i32::from(*c)).sum();
    }

    /// Scores the rows at `range` and keeps the best that `admits` lets through.
    pub(super) fn scan(
        &self,
        level: Level,
        query: &Query,
        range: std::ops::Range<usize>,
        slack: Slack,
        top: &mut Top,
        admits: impl Fn(usize) -> bool,
    ) {
        let bytes = self.bytes();
        let mut dots = [0i32; CHUNK];
        let mut first = range.start;
        while first < range.end {
            let rows = first..range.end.min(first + CHUNK);
            let dots = &mut dots[..rows.len()];
            byte_dots(level, &bytes[first * self.stride..rows.end * self.stride], &query.codes, dots);
            let biases = self.biases.as_ref().map(|biases| &biases[rows.clone()]);
            let admission = query.admission(slack, top.threshold());
            pass_threshold(level, dots, &self.scales[rows.clone()], biases, &admission, |row, score| {
                if admits(first + row) {
                    top.push(score, first + row, || self.spread(slack, query, first + row));
                }
            });
            first = rows.end;
        }
    }

    /// Scores the rows at `positions` and keeps the best.
    pub(super) fn score(
        &self,
        level: Level,
        query: &Query,
        positions: &[u32],
        slack: Slack,
        dots: &mut Vec<i32>,
        top: &mut Top,
    ) {
        dots.clear();
        dots.resize(positions.len(), 0);
        byte_dots_at(level, self.bytes(), positions, &query.codes, dots);
        // An upper bound, so that nothing that belongs to the best is dropped; the truth is told in full afterwards.
        let added = if slack == Slack::Proven { query.slack } else { 0.0 };
        for (position, dot) in positions.iter().zip(dots) {
            let position = *position as usize;
            let bias = self.biases.as_ref().map_or(0.0, |biases| biases[position]);
            let product = dot.wrapping_sub(query.offset) as f32 * query.scale;
            let score = (product + added) * self.scales[position] + bias;
            top.push(score, position, || self.spread(slack, query, position));
        }
    }

    /// Asks for one row.
    #[inline]
    pub(super) fn prefetch(&self, position: usize) {
        machine::prefetch(&self.scales, position);
        for at in (0..self.stride).step_by(64) {
            machine::prefetch(self.bytes(), position * self.stride + at);
        }
    }

    /// Asks for the first few of the rows from `start`.
    #[inline]
    pub(super) fn prefetch_some(&self, start: usize) {
        machine::prefetch(&self.scales, start);
        for at in (0..8 * self.stride).step_by(64) {
            machine::prefetch(self.bytes(), start * self.stride + at);
        }
    }

    /// The score of every row, in order.
    pub(super) fn score_all(&self, level: Level, query: &Query, dots: &mut Vec<i32>, scores: &mut Vec<f32>) {
        dots.clear();
        dots.resize(self.len(), 0);
        byte_dots(level, self.bytes(), &query.codes, dots);
        scores.resize(self.len(), 0.0);
        let query = ByteScale { offset: query.offset, scale: query.scale };
        machine::scores(level, dots, &self.scales, query, scores);
        if let Some(biases) = &self.biases {
            scores.iter_mut().zip(biases).for_each(|(score, bias)| *score += bias);
        }
    }

    /// The position of the row with the greatest score, the first of equals; 0 if there is no row.
    pub(super) fn best(&self, level: Level, query: &Query) -> u32 {
        let mut dots = [0i32; CHUNK];
        let (mut best, mut most) = (0, f32::NEG_INFINITY);
        for first in (0..self.len()).step_by(CHUNK) {
            let rows = first..self.len().min(first + CHUNK);
            let dots = &mut dots[..rows.len()];
            byte_dots(level, &self.bytes()[first * self.stride..rows.end * self.stride], &query.codes, dots);
            let biases = self.biases.as_ref().map(|biases| &biases[rows.clone()]);
            let admission = query.admission(Slack::None, most);
            pass_threshold(level, dots, &self.scales[rows], biases, &admission, |row, score| {
                if score > most {
                    (best, most) = ((first + row) as u32, score);
                }
            });
        }
        best
    }

    pub(super) fn resident_bytes(&self) -> usize {
        self.bytes.capacity()
            + 4 * self.scales.capacity()
            + self.biases.as_ref().map_or(0, |b| 4 * b.capacity())
    }

    fn spread(&self, slack: Slack, query: &Query, position: usize) -> f32 {
        match slack {
            Slack::Proven => 2.0 * query.slack * self.scales[position],
            Slack::None => 0.0,
        }
    }
}

impl Query {
    fn admission(&self, slack: Slack, threshold: f32) -> Admission {
        let slack = if slack == Slack::Proven { self.slack } else { 0.0 };
        Admission { offset: self.offset, scale: self.scale, slack, threshold }
    }
}

/// A row's bytes: whole cache lines where it is longer than half of one.
fn stride(width: usize) -> usize {
    if width <= 32 { width.next_multiple_of(16) } else { width.next_multiple_of(64) }
}

/// What a code is worth, and how many codes one is; both 0 for a vector too short to be told from none.
fn scales_of(vector: &[f32]) -> (f32, f32) {
    let scale = vector.iter().fold(0f32, |most, x| most.max(x.abs())) / 127.0;
    let inverse = 1.0 / scale;
    // A vector of zeros has no direction: its codes are zeros too, and its score is 0.
    if inverse.is_finite() && scale.is_finite() { (scale, inverse) } else { (0.0, 0.0) }
}
