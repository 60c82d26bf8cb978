//! Vectors in partitions: a query looks into the few that may hold the best.
//!
//! The inverted file of Jégou, Douze, Schmid, "Product quantization for nearest neighbor search", PAMI 2011, section
//! IV, with rows in eight bits. Partitions are found by Lloyd's algorithm on directions (spherical k-means) for inner
//! product and cosine, on points for L2; assignments run on quantised centroids.

use rayon::prelude::*;

use super::codes::{Codes, Query};
use super::{Metric, Vectors};
use crate::domain::{ItemIdx, score};
use crate::machine::{self, Level, Probe};

/// Rounds of Lloyd's algorithm, each of which lengthens the load: further ones hardly move the centroids.
const ROUNDS: usize = 6;
/// Training rows for each partition: more of them place the centroids better, and lengthen the load in proportion.
const TRAINED_ON: usize = 48;
const SEED: u64 = 1;

/// Which rows lie together, and what may be expected of them.
#[derive(Debug)]
pub(super) struct Partitions {
    metric: Metric,
    centroids: Codes,
    /// Where each partition's positions start; one more than there are partitions.
    starts: Vec<u32>,
    /// The length of each position's row; they descend within a partition.
    lengths: Vec<f32>,
    /// Mean cosine between a partition's rows and its centroid; under L2 their mean squared distance from it.
    along: Vec<f32>,
    /// Standard deviation of a partition's rows, scaled to length one, in any direction across the centroid; under L2
    /// of the rows as they are, in any direction.
    across: Vec<f32>,
    /// The lengths of a partition's longest and shortest row: where scores are negative, the shortest is the best.
    longest: Vec<f32>,
    shortest: Vec<f32>,
}

impl Partitions {
    /// Finds `count` partitions of the present rows. Also gives the rows in the order of the partitions.
    pub(super) fn find(vectors: &Vectors, rows: &[u32], count: usize) -> (Self, Vec<u32>) {
        let metric = vectors.metric();
        let mut random = fastrand::Rng::with_seed(SEED);
        let width = vectors.width();
        let mut sample = rows.to_vec();
        // A fixed seed: the same vectors make the same index on every replica.
        random.shuffle(&mut sample);
        sample.truncate(count * TRAINED_ON);
        let mut centres: Vec<f32> =
            sample.iter().take(count).flat_map(|row| direction(vectors, *row)).collect();
        let count = centres.len() / width;
        for _ in 0..ROUNDS {
            let codes = codes(&centres, width, metric);
            let nearest = assign(&codes, vectors, &sample);
            centres = means(vectors, &sample, &nearest, &centres);
        }
        let centroids = codes(&centres, width, metric);
        let nearest = assign(&centroids, vectors, rows);
        let mut starts = vec![0u32; count + 1];
        nearest.iter().for_each(|at| starts[*at as usize + 1] += 1);
        (0..count).for_each(|at| starts[at + 1] += starts[at]);
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        let length =
            |at: u32| vectors.row(rows[at as usize] as usize).map_or(0.0, |v| machine::dot(v, v).sqrt());
        let lengths: Vec<f32> = (0..rows.len() as u32).into_par_iter().map(length).collect();
        order.par_sort_unstable_by(|a, b| {
            let by_partition = nearest[*a as usize].cmp(&nearest[*b as usize]);
            // By falling length, so that a search can stop inside a partition: what follows is too short to score
            // enough.
            by_partition.then(lengths[*b as usize].total_cmp(&lengths[*a as usize])).then(a.cmp(b))
        });
        let ordered: Vec<u32> = order.iter().map(|at| rows[*at as usize]).collect();
        let lengths: Vec<f32> = order.iter().map(|at| lengths[*at as usize]).collect();
        let shape = |at: usize| {
            let range = starts[at] as usize..starts[at + 1] as usize;
            let centre = &centres[at * width..(at + 1) * width];
            let (mut along, mut across) = (0f32, 0f32);
            for position in range.clone() {
                let vector = vectors.row(ordered[position] as usize).unwrap_or(&[]);
                if metric == Metric::L2 {
                    along += machine::squared_distance(vector, centre);
                } else if lengths[position] > 0.0 {
                    let cosine = machine::dot(vector, centre) / lengths[position];
                    along += cosine;
                    across += (1.0 - cosine * cosine).max(0.0);
                }
            }
            let rows = range.len().max(1) as f32;
            let spread =
                if metric == Metric::L2 { along / width as f32 } else { across / (width.max(2) - 1) as f32 };
            let ends =
                if range.is_empty() { (0.0, 0.0) } else { (lengths[range.start], lengths[range.end - 1]) };
            (along / rows, (spread / rows).sqrt(), ends)
        };
        let shapes: Vec<_> = (0..count).into_par_iter().map(shape).collect();
        let along = shapes.iter().map(|shape| shape.0).collect();
        let across = shapes.iter().map(|shape| shape.1).collect();
        let longest = shapes.iter().map(|shape| shape.2.0).collect();
        let shortest = shapes.iter().map(|shape| shape.2.1).collect();
        (Self { metric, centroids, starts, lengths, along, across, longest, shortest }, ordered)
    }

    /// Calls `visit` with ranges of positions that may hold rows scoring above what `visit` last gave back, by falling
    /// priority: the upper bound of a partition's scores. `ahead` is called with the start of a range that is visited
    /// soon.
    ///
    /// A row of length `l` in a partition whose centroid has the product `p` with the query is expected to score `l ·
    /// (along · p ± across · √(|q|² - p²))`; what stays below the threshold at `confidence` standard deviations
    /// is left out.
    pub(super) fn visit(
        &self,
        level: Level,
        query: &Query,
        probe: Probe,
        scratch: &mut ProbeScratch,
        ahead: impl Fn(usize),
        mut visit: impl FnMut(std::ops::Range<usize>) -> f32,
    ) {
        let ProbeScratch { dots, scores, bounds, priorities, found, order } = scratch;
        self.centroids.score_all(level, query, dots, scores);
        bounds.resize(scores.len(), 0.0);
        priorities.resize(scores.len(), 0.0);
        match self.metric {
            Metric::L2 => {
                // A row's length says nothing: a partition is read whole or not at all.
                bounds.fill(0.0);
                self.near(scores, probe, priorities);
            }
            Metric::InnerProduct | Metric::Cosine => {
                machine::upper_bounds(level, scores, &self.along, &self.across, probe, bounds);
                machine::greater_products(level, bounds, &self.longest, &self.shortest, priorities);
            }
        }
        let mut threshold = f32::NEG_INFINITY;
        let mut look = |order: &[score::Key], threshold: &mut f32| {
            for (turn, key) in order.iter().enumerate() {
                if score::value(*key) < *threshold {
                    return;
                }
                if let Some(key) = order.get(turn + AHEAD) {
                    let start = self.starts[score::item(*key).row()] as usize;
                    machine::prefetch(&self.lengths, start);
                    ahead(start);
                }
                let at = score::item(*key).row();
                let (start, end) = (self.starts[at] as usize, self.starts[at + 1] as usize);
                let least = if bounds[at] > 0.0 { *threshold / bounds[at] } else { 0.0 };
                let rows = self.lengths[start..end].iter().position(|length| *length < least);
                let rows = rows.unwrap_or(end - start);
                if rows > 0 {
                    *threshold = visit(start..start + rows);
                }
            }
        };
        order.clear();
        let mut least = f32::NEG_INFINITY;
        for (chunk, part) in priorities.chunks(256).enumerate() {
            found.clear();
            machine::at_least(level, part, least, found);
            let at = |lane: &u32| chunk * 256 + *lane as usize;
            order.extend(found.iter().map(|lane| score::key(priorities[at(lane)], ItemIdx(at(lane) as u32))));
            // The least of the first so far bounds what the next chunk must beat.
            if order.len() > FIRST {
                order.select_nth_unstable_by(FIRST - 1, |a, b| b.cmp(a));
                order.truncate(FIRST);
                least = score::value(order[FIRST - 1]);
            }
        }
        order.sort_unstable_by(|a, b| b.cmp(a));
        look(order, &mut threshold);
        for key in order.drain(..) {
            // Visited: NaN is not at least any threshold.
            priorities[score::item(key).row()] = f32::NAN;
        }
        found.clear();
        machine::at_least(level, priorities, threshold, found);
        order.extend(found.iter().map(|at| score::key(priorities[*at as usize], ItemIdx(*at))));
        order.sort_unstable_by(|a, b| b.cmp(a));
        look(order, &mut threshold);
    }

    /// What the nearest row of each partition may score under L2: its squared distance is expected to be
    /// `|q - c|² + along - 2 · confidence · across · |q - c|`, a score is half of `|q|²` less the squared
    /// distance.
    fn near(&self, scores: &[f32], Probe { length, confidence }: Probe, priorities: &mut [f32]) {
        let square = length * length;
        for (at, priority) in priorities.iter_mut().enumerate() {
            let away = (square - 2.0 * scores[at]).max(0.0);
            let nearest = away + self.along[at] - 2.0 * confidence * self.across[at] * away.sqrt();
            *priority = 0.5 * (square - nearest.max(0.0));
        }
    }

    /// The bytes that `count` partitions of `rows` rows will occupy.
    pub(super) fn predict_bytes(rows: usize, count: usize, width: usize, metric: Metric) -> usize {
        Codes::predict_bytes(count, width, metric).saturating_add(4 * rows + 20 * count)
    }

    /// How many partitions there are.
    pub(super) fn count(&self) -> usize {
        self.longest.len()
    }

    pub(super) fn resident_bytes(&self) -> usize {
        self.centroids.resident_bytes()
            + 4 * (self.starts.capacity() + self.lengths.capacity())
            + 4 * (self.along.capacity() + self.across.capacity())
            + 4 * (self.longest.capacity() + self.shortest.capacity())
    }
}

/// Partitions that are looked into before the others are sorted: the threshold they set leaves most of the others out
/// unsorted.
const FIRST: usize = 24;

/// How many visits ahead memory is asked for, so that it has arrived by then.
const AHEAD: usize = 4;

/// Working memory of [`Partitions::visit`].
#[derive(Debug, Default)]
pub(super) struct ProbeScratch {
    dots: Vec<i32>,
    scores: Vec<f32>,
    /// What a row of length one scores at most, by partition.
    bounds: Vec<f32>,
    /// What any row scores at most, by partition.
    priorities: Vec<f32>,
    found: Vec<u32>,
    order: Vec<score::Key>,
}

fn codes(centres: &[f32], width: usize, metric: Metric) -> Codes {
    Codes::new(width, metric, centres.len() / width, |at| &centres[at * width..(at + 1) * width])
}

/// A row as it is clustered: its direction, or under L2 the point itself.
fn direction(vectors: &Vectors, row: u32) -> Vec<f32> {
    let mut vector = vectors.row(row as usize).unwrap_or(&[]).to_vec();
    if vectors.metric() != Metric::L2 {
        super::normalise(&mut vector);
    }
    vector
}

fn assign(centroids: &Codes, vectors: &Vectors, rows: &[u32]) -> Vec<u32> {
    let level = machine::level();
    let mut nearest = vec![0u32; rows.len()];
    nearest.par_chunks_mut(256).zip(rows.par_chunks(256)).for_each(|(nearest, rows)| {
        let mut query = Query::default();
        for (nearest, row) in nearest.iter_mut().zip(rows) {
            centroids.quantise(vectors.row(*row as usize).unwrap_or(&[]), &mut query);
            *nearest = centroids.best(level, &query);
        }
    });
    nearest
}

fn means(vectors: &Vectors, sample: &[u32], nearest: &[u32], before: &[f32]) -> Vec<f32> {
    let width = vectors.width();
    let mut sums = vec![0f32; before.len()];
    let mut counts = vec![0u32; before.len() / width];
    for (row, at) in sample.iter().zip(nearest) {
        let at = *at as usize;
        counts[at] += 1;
        let sum = &mut sums[at * width..(at + 1) * width];
        sum.iter_mut().zip(direction(vectors, *row)).for_each(|(sum, x)| *sum += x);
    }
    for (at, count) in counts.iter().enumerate() {
        let sum = &mut sums[at * width..(at + 1) * width];
        match count {
            // A centroid that lost all its rows stays where it is: dropping it would renumber the others.
            0 => sum.copy_from_slice(&before[at * width..(at + 1) * width]),
            _ if vectors.metric() == Metric::L2 => sum.iter_mut().for_each(|x| *x /= *count as f32),
            _ => super::normalise(sum),
        }
    }
    sums
}
