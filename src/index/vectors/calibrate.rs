//! Choosing how to look, by trying it on the data itself: the least work that finds enough of the best.
//!
//! Work is counted, not timed, so that every machine that builds the index from the same vectors and queries chooses
//! alike and two replicas give the same slates.

use rayon::prelude::*;

use super::index::{IndexKind, VectorIndex, VectorScratch, Work};
use crate::domain::{ItemMask, score};

/// The best rows that recall is measured on: about as many as recipes take.
const BEST: usize = 100;

/// Confidences that are tried, least first, in standard deviations of what a partition may hold. A greater one leaves
/// out fewer partitions: it finds more, and takes longer.
const CONFIDENCES: [f32; 12] = [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0];

impl VectorIndex {
    /// Sets the confidence with which partitions are left out, by the recall that `queries` reach (vectors of this
    /// width; about 100 are enough). If that takes more work than looking at every row, the partitions are given up.
    pub fn calibrate(&mut self, queries: &[Vec<f32>]) {
        self.confidence = f32::INFINITY;
        self.recall = 1.0;
        if self.partitions.is_none() || queries.is_empty() {
            return;
        }
        let best = self.answers(queries);
        // The index is exact so far: its answers are the truth, and its work what there is to beat.
        let exact = best.iter().map(|(_, work)| cost(*work)).sum::<f64>();
        for confidence in CONFIDENCES {
            self.confidence = confidence;
            let found = self.answers(queries);
            self.recall = recall(&best, &found);
            if self.recall >= self.params.recall {
                // Where the recall needs so many partitions that every row is as quick, every row it is.
                let worth = found.iter().map(|(_, work)| cost(*work)).sum::<f64>() < exact;
                if worth || self.params.kind == IndexKind::Partitions {
                    return;
                }
                break;
            }
        }
        self.partitions = None;
        self.confidence = f32::INFINITY;
        self.recall = 1.0;
    }

    fn answers(&self, queries: &[Vec<f32>]) -> Vec<(Vec<u32>, Work)> {
        queries
            .par_iter()
            .map_init(
                || {
                    let mut mask = ItemMask::default();
                    mask.reset(self.vectors().rows());
                    (mask, VectorScratch::default(), Vec::new())
                },
                |(mask, scratch, keys), query| {
                    let work = self.search(query, BEST, mask, scratch, keys);
                    (keys.iter().map(|key| score::item(*key).0).collect(), work)
                },
            )
            .collect()
    }
}

/// Nanoseconds of one search, roughly, as counted on one processor of 2024: what matters is the proportion.
fn cost(work: Work) -> f64 {
    work.rows as f64 + 40.0 * work.partitions as f64 + 20.0 * work.rescored as f64
}

fn recall(best: &[(Vec<u32>, Work)], found: &[(Vec<u32>, Work)]) -> f32 {
    let mut hits = 0;
    let mut wanted = 0;
    for ((best, _), (found, _)) in best.iter().zip(found) {
        let mut best = best.clone();
        best.sort_unstable();
        wanted += best.len();
        hits += found.iter().filter(|row| best.binary_search(row).is_ok()).count();
    }
    if wanted == 0 { 1.0 } else { hits as f32 / wanted as f32 }
}
