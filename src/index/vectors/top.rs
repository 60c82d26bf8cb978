//! The best positions seen so far, and the score below which nothing is worth keeping.

use crate::domain::{ItemIdx, score};

/// What a scan makes of the rounding error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slack {
    /// Scores are upper bounds: nothing that belongs to the best is lost.
    Proven,
    /// Scores are estimates.
    None,
}

/// Keeps at least the best `keep` of what is pushed, in a buffer that is cut down whenever it is full.
#[derive(Debug, Default)]
pub(super) struct Top {
    keep: usize,
    /// Keys at which the buffer is cut down.
    cut_at: usize,
    bounds: bool,
    threshold: f32,
    keys: Vec<score::Key>,
    /// The same rows by the least that they may be worth; used where scores are upper bounds.
    lows: Vec<score::Key>,
}

impl Top {
    pub(super) fn start(&mut self, keep: usize, slack: Slack) {
        self.keep = keep.max(1);
        self.cut_at = 2 * self.keep;
        self.bounds = slack == Slack::Proven;
        self.threshold = f32::NEG_INFINITY;
        self.keys.clear();
        self.lows.clear();
    }

    /// Scores below this are not among the best.
    #[inline]
    pub(super) fn threshold(&self) -> f32 {
        self.threshold
    }

    /// Adds a position. `spread` says how far below its score the truth may lie.
    #[inline]
    pub(super) fn push(&mut self, score: f32, position: usize, spread: impl FnOnce() -> f32) {
        // Not `<=`: of rows that tie at the threshold the lower item may still belong to the best.
        if score < self.threshold {
            return;
        }
        let position = ItemIdx(position as u32);
        self.keys.push(score::key(score, position));
        if self.bounds {
            self.lows.push(score::key(score - spread(), position));
        }
        if self.keys.len() >= self.cut_at {
            self.cut();
        }
    }

    /// Drops what cannot be among the best any more.
    fn cut(&mut self) {
        let measure = if self.bounds { &mut self.lows } else { &mut self.keys };
        if measure.len() < self.keep {
            return;
        }
        measure.select_nth_unstable_by(self.keep - 1, |a, b| b.cmp(a));
        measure.truncate(self.keep);
        self.threshold = measure.last().map_or(f32::NEG_INFINITY, |key| score::value(*key));
        if self.bounds {
            let threshold = self.threshold;
            self.keys.retain(|key| score::value(*key) >= threshold);
        }
        // Where many rows tie, all are kept: cut ever less often.
        self.cut_at = 2 * self.keys.len().max(self.keep);
    }

    /// The positions that may be among the best, in no order.
    pub(super) fn finish(&mut self) -> impl Iterator<Item = u32> {
        self.cut();
        self.keys.iter().map(|key| score::item(*key).0)
    }
}
