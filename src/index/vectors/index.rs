//! The vector index: quantised rows, a way to look at few of them, and exact scores for what is left.

use super::codes::{Codes, Query};
use super::partitions::{Partitions, ProbeScratch};
use super::top::{Slack, Top};
use super::{Metric, Vectors};
use crate::domain::{Bitmap, Deadline, DeadlineCheck, ItemIdx, ItemMask, score};
use crate::machine::{self, Level, Probe};

/// Rows below which looking at all of them is the shortest way: finding partitions would only lengthen the load.
const WORTH_PARTITIONS: usize = 8192;

/// Rows that are scored together when a filter has picked them: enough for their prefetches to arrive before they are
/// needed.
const BATCH: usize = 64;

/// Rows that are scanned between two looks at the clock, a multiple of those that are scored together: some ten
/// microseconds.
const PIECE: usize = 8192;

/// How an index is built.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IndexParams {
    /// Which way to look.
    pub kind: IndexKind,
    /// The share of the exact best 100 that a search must find, 0.5 to 1.
    pub recall: f32,
    /// How many partitions; `None`: by the number of rows.
    pub partitions: Option<usize>,
}

/// Which way an index looks for the best rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum IndexKind {
    /// Whichever takes less work on the data itself: see [`VectorIndex::calibrate`].
    #[default]
    Auto,
    /// At every row: finds exactly the best.
    Exact,
    /// Into the partitions that may hold the best.
    Partitions,
}

impl IndexKind {
    /// The names that [`IndexKind::parse`] reads.
    pub const NAMES: [&str; 3] = ["auto", "exact", "partitions"];

    /// Reads the name used in manifests.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(IndexKind::Auto),
            "exact" => Some(IndexKind::Exact),
            "partitions" => Some(IndexKind::Partitions),
            _ => None,
        }
    }
}

impl Default for IndexParams {
    fn default() -> Self {
        Self { kind: IndexKind::Auto, recall: 0.97, partitions: None }
    }
}

/// Vectors and the index over them.
#[derive(Debug)]
pub struct VectorIndex {
    vectors: Vectors,
    pub(super) params: IndexParams,
    codes: Codes,
    /// The row of each position of `codes`, and the position of each row (`u32::MAX` for a row without a vector).
    rows: Vec<u32>,
    positions: Vec<u32>,
    pub(super) partitions: Option<Partitions>,
    /// Standard deviations that are added to what is expected of a partition; infinite where every row is looked at.
    pub(super) confidence: f32,
    pub(super) recall: f32,
}

/// What one search looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Quantised rows, centroids included.
    pub rows: usize,
    /// Partitions looked into.
    pub partitions: usize,
    /// Rows scored in full.
    pub rescored: usize,
}

/// Working memory of one query, reused.
#[derive(Debug, Default)]
pub struct VectorScratch {
    query: Query,
    top: Top,
    probes: ProbeScratch,
    batch: Batch,
    work: Work,
}

#[derive(Debug, Default)]
struct Batch {
    positions: Vec<u32>,
    dots: Vec<i32>,
}

impl VectorIndex {
    /// Quantises the vectors and, where it may pay, finds partitions; in parallel, and the same on every machine.
    ///
    /// The index is exact until [`VectorIndex::calibrate`] has seen queries.
    pub fn build(vectors: Vectors, params: IndexParams) -> Self {
        let mut rows: Vec<u32> = vectors.present().map(|(row, _)| row as u32).collect();
        let partitions = partitions(rows.len(), &params).map(|count| {
            let (partitions, ordered) = Partitions::find(&vectors, &rows, count);
            rows = ordered;
            partitions
        });
        rows.shrink_to_fit();
        let row = |at: usize| vectors.row(rows[at] as usize).unwrap_or(&[]);
        let codes = Codes::new(vectors.width(), vectors.metric(), rows.len(), row);
        let mut positions = vec![u32::MAX; vectors.rows()];
        for (position, row) in rows.iter().enumerate() {
            positions[*row as usize] = position as u32;
        }
        Self { vectors, params, codes, rows, positions, partitions, confidence: f32::INFINITY, recall: 1.0 }
    }

    /// The vectors.
    pub fn vectors(&self) -> &Vectors {
        &self.vectors
    }

    /// The share of the exact best that the queries of the last [`VectorIndex::calibrate`] found; 1 for an exact index.
    pub fn recall(&self) -> f32 {
        self.recall
    }

    /// The way it looks: `exact` or `partitions`.
    pub fn way(&self) -> &'static str {
        if self.is_partitioned() { "partitions" } else { "exact" }
    }

    pub(super) fn is_partitioned(&self) -> bool {
        self.partitions.is_some() && self.confidence.is_finite()
    }

    /// Leaves the best `k` admitted rows for `query` in `keys`, best first, with their exact scores.
    ///
    /// A query of another width finds nothing. With a filter, rows that it does not admit are neither scored nor kept;
    /// where a filter leaves few rows, all of those are scored and the partitions are not asked.
    pub fn search(
        &self,
        query: &[f32],
        k: usize,
        mask: &ItemMask,
        scratch: &mut VectorScratch,
        keys: &mut Vec<score::Key>,
    ) -> Work {
        self.search_until(query, k, mask, &mut DeadlineCheck::new(Deadline::NEVER), scratch, keys)
    }

    /// As [`VectorIndex::search`], until `check` says that it is late: then what is in `keys` are not the best.
    pub fn search_until(
        &self,
        query: &[f32],
        k: usize,
        mask: &ItemMask,
        check: &mut DeadlineCheck,
        scratch: &mut VectorScratch,
        keys: &mut Vec<score::Key>,
    ) -> Work {
        keys.clear();
        // Users' vectors are checked against the items' at load; a folded-in one has their width.
        if query.len() != self.vectors.width() || k == 0 {
            return Work::default();
        }
        let level = machine::level();
        scratch.work = Work::default();
        self.codes.quantise(query, &mut scratch.query);
        let allowed = mask.allowed();
        // Up to these shares, scoring the admitted rows one by one is less work than a scan, or than partitions, which
        // leave out most rows themselves.
        let few = self.rows.len() / if self.is_partitioned() { 40 } else { 4 };
        match allowed.filter(|allowed| allowed.count() <= few.max(2 * k)) {
            Some(allowed) => self.score_allowed(level, k, (allowed, mask), check, scratch),
            None if self.is_partitioned() => self.probe(level, (query, k), mask, check, scratch),
            None => {
                scratch.top.start(k, Slack::Proven);
                scratch.work.rows = self.codes.len();
                let admits = |position: usize| mask.admits(ItemIdx(self.rows[position]));
                let VectorScratch { query, top, .. } = scratch;
                let all = self.codes.len();
                for first in (0..all).step_by(PIECE) {
                    let rows = first..all.min(first + PIECE);
                    self.codes.scan(level, query, rows, Slack::Proven, top, admits);
                    if check.is_late_after(PIECE) {
                        break;
                    }
                }
            }
        }
        // Eight bits order rows nearly right: what is left is scored in full, and only full scores are told.
        self.rescore(query, scratch, keys);
        score::keep_top(keys, k);
        scratch.work
    }

    /// Scores the rows that the filter admits, and no other.
    fn score_allowed(
        &self,
        level: Level,
        k: usize,
        (allowed, mask): (&Bitmap, &ItemMask),
        check: &mut DeadlineCheck,
        scratch: &mut VectorScratch,
    ) {
        let VectorScratch { query, top, batch, work, .. } = scratch;
        // Where the recall is measured and not proven anyway, a quarter more rows are cheaper than bounds, which let
        // many more pass.
        let slack = if self.is_partitioned() { Slack::None } else { Slack::Proven };
        top.start(if slack == Slack::None { k + k / 4 } else { k }, slack);
        batch.positions.clear();
        for item in allowed.items() {
            match self.positions.get(item.row()) {
                Some(position) if *position != u32::MAX && mask.admits(item) => {
                    self.codes.prefetch(*position as usize);
                    batch.positions.push(*position);
                }
                _ => {}
            }
            if batch.positions.len() == BATCH {
                work.rows += BATCH;
                self.codes.score(level, query, &batch.positions, slack, &mut batch.dots, top);
                batch.positions.clear();
                if check.is_late_after(BATCH) {
                    return;
                }
            }
        }
        work.rows += batch.positions.len();
        self.codes.score(level, query, &batch.positions, slack, &mut batch.dots, top);
    }

    /// Looks into the partitions that may hold some of the best.
    fn probe(
        &self,
        level: Level,
        (vector, k): (&[f32], usize),
        mask: &ItemMask,
        check: &mut DeadlineCheck,
        scratch: &mut VectorScratch,
    ) {
        let VectorScratch { query, top, probes, batch, work } = scratch;
        let Some(partitions) = &self.partitions else { return };
        top.start(k + k / 4, Slack::None);
        work.rows = partitions.count();
        let probe = Probe { length: machine::dot(vector, vector).sqrt(), confidence: self.confidence };
        let ahead = |start: usize| self.codes.prefetch_some(start);
        if mask.allowed().is_none() {
            partitions.visit(level, query, probe, probes, ahead, |range| {
                work.partitions += 1;
                work.rows += range.len();
                let admits = |position: usize| mask.admits(ItemIdx(self.rows[position]));
                let rows = range.len();
                self.codes.scan(level, query, range, Slack::None, top, admits);
                // Nothing is above it: no other partition is visited.
                if check.is_late_after(rows) { f32::INFINITY } else { top.threshold() }
            });
            return;
        }
        let Some(allowed) = mask.allowed() else { return };
        let Batch { positions, dots } = batch;
        positions.clear();
        let ahead = |start: usize| machine::prefetch(&self.rows, start);
        partitions.visit(level, query, probe, probes, ahead, |range| {
            work.partitions += 1;
            let fresh = positions.len();
            machine::members(
                level,
                &self.rows[range.clone()],
                allowed.words(),
                range.start as u32,
                positions,
            );
            positions[fresh..].iter().for_each(|position| self.codes.prefetch(*position as usize));
            // Collected over several partitions: with a narrow filter each has few rows.
            if positions.len() >= BATCH {
                positions.retain(|position| mask.admits(ItemIdx(self.rows[*position as usize])));
                work.rows += positions.len();
                self.codes.score(level, query, positions, Slack::None, dots, top);
                positions.clear();
            }
            if check.is_late_after(range.len()) { f32::INFINITY } else { top.threshold() }
        });
        positions.retain(|position| mask.admits(ItemIdx(self.rows[*position as usize])));
        work.rows += positions.len();
        self.codes.score(level, query, positions, Slack::None, dots, top);
    }

    /// Scores in full what is left.
    fn rescore(&self, query: &[f32], scratch: &mut VectorScratch, keys: &mut Vec<score::Key>) {
        let left = &mut scratch.batch.positions;
        left.clear();
        left.extend(scratch.top.finish());
        scratch.work.rescored = left.len();
        for (at, position) in left.iter().enumerate() {
            if let Some(ahead) = left.get(at + 4) {
                self.vectors.prefetch(self.rows[*ahead as usize] as usize);
            }
            let row = self.rows[*position as usize];
            if let Some(vector) = self.vectors.row(row as usize) {
                keys.push(score::key(self.vectors.metric().alike(query, vector), ItemIdx(row)));
            }
        }
    }

    /// The bytes that an index of `rows` rows, `present` of them with a vector of `width` numbers, will occupy with its
    /// vectors.
    pub fn predict_bytes(
        rows: usize,
        present: usize,
        width: usize,
        metric: Metric,
        params: &IndexParams,
    ) -> usize {
        let vectors = rows.saturating_mul(width * 4 + 1);
        let found =
            partitions(present, params).map(|count| Partitions::predict_bytes(present, count, width, metric));
        vectors + Codes::predict_bytes(present, width, metric) + 4 * (rows + present) + found.unwrap_or(0)
    }

    /// The bytes the index and its vectors occupy.
    pub fn resident_bytes(&self) -> usize {
        let partitions = self.partitions.as_ref().map_or(0, Partitions::resident_bytes);
        let places = 4 * (self.rows.capacity() + self.positions.capacity());
        self.vectors.resident_bytes() + self.codes.resident_bytes() + places + partitions
    }
}

/// How many partitions are found for `rows` rows, if any.
fn partitions(rows: usize, params: &IndexParams) -> Option<usize> {
    // With `partitions` said in the manifest they are made however few the rows, so that tests of small shops see them.
    let worth = match params.kind {
        IndexKind::Exact => false,
        IndexKind::Partitions => rows > 0,
        IndexKind::Auto => rows >= WORTH_PARTITIONS,
    };
    let count = params.partitions.unwrap_or((3.0 * (rows as f64).sqrt()) as usize);
    worth.then(|| count.clamp(1, (rows / 16).max(1)))
}
