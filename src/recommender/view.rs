//! A snapshot with its recipes compiled: what a request pins.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::cache::ResultCache;
use super::counts::Counts;
use super::plan::LatencyEstimator;
use super::{Objective, RecommendError};
use crate::domain::{CandidateSet, SlateItem};
use crate::feature::nearest;
use crate::pipeline::filter::Exclusion;
use crate::pipeline::{CandidateSource, Pipeline, Stage, Stages};
use crate::snapshot::{Snapshot, SnapshotError};

/// Everything that one request needs, immutable.
#[derive(Debug)]
pub struct View {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    /// Its placements by name.
    pub placements: BTreeMap<String, Placement>,
    /// Slates that it has made, once somebody asked for one.
    cache: OnceLock<ResultCache>,
}

/// A placement ready to answer.
#[derive(Debug)]
pub struct Placement {
    /// Items per slate where the request does not say.
    pub page_size: usize,
    /// The longest an answer may take.
    pub max_latency: Option<Duration>,
    /// The recipe.
    pub pipeline: Pipeline,
    /// The fallback ladder.
    pub fallback: Vec<Stage<dyn CandidateSource>>,
    /// The artifact with the users' history.
    pub history: Option<String>,
    /// What an evaluation replays.
    pub objective: Objective,
    /// The exclusion groups of the recipe.
    pub exclude: Vec<Exclusion>,
    /// Whether slates that depend on no person are kept in the result cache.
    pub cache: bool,
    pub(super) counts: Arc<Counts>,
    pub(super) pace: LatencyEstimator,
}

impl View {
    /// Compiles the snapshot's own recipes, then asks every placement once (which warms it) and the golden queries.
    ///
    /// # Errors
    /// A recipe that does not fit (with its line and the nearest valid name), or a golden query with another answer.
    pub fn prepare(snapshot: Snapshot, stages: &Stages) -> Result<Self, SnapshotError> {
        let recipes = snapshot.placements().to_owned();
        let served = Self::compile(Arc::new(snapshot), &recipes, stages)?;
        super::golden::check(&served)?;
        Ok(served)
    }

    /// Compiles recipes, in the format of `placements.toml`, against a snapshot.
    ///
    /// # Errors
    /// A recipe that does not fit.
    pub fn compile(snapshot: Arc<Snapshot>, recipes: &str, stages: &Stages) -> Result<Self, SnapshotError> {
        let placements = super::compile::compile(&snapshot, recipes, stages)?;
        Ok(Self { snapshot, placements, cache: OnceLock::new() })
    }

    /// The cache of its slates; the first caller says how large it is.
    pub(super) fn cache(&self, bytes: u64) -> &ResultCache {
        self.cache.get_or_init(|| ResultCache::new(bytes))
    }

    /// A placement by name.
    ///
    /// # Errors
    /// [`RecommendError::UnknownPlacement`] with the nearest name.
    pub fn placement(&self, name: &str) -> Result<&Placement, RecommendError> {
        self.placements.get(name).ok_or_else(|| RecommendError::UnknownPlacement {
            name: name.to_owned(),
            nearest: nearest(name, self.placements.keys().map(String::as_str)).map(str::to_owned),
        })
    }
}

impl Placement {
    /// Adds the first `size` candidates to the slate; each is credited to the source that placed it highest.
    pub(super) fn slate_items(&self, set: &CandidateSet, size: usize, slate: &mut Vec<SlateItem>) {
        let sources = &self.pipeline.sources;
        let strongest = |row: usize| {
            // Source scores have different scales: compare each with the best of its own column in the slate.
            let share = |source: usize| {
                let column = set.retrieved(source);
                let best = column.iter().take(size).fold(0f32, |best, value| best.max(value.abs()));
                column
                    .get(row)
                    .filter(|value| !value.is_nan())
                    .map(|value| value / best.max(f32::MIN_POSITIVE))
            };
            (0..sources.len())
                .filter_map(|source| share(source).map(|share| (source, share)))
                .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
                .map_or(0, |(source, _)| source)
        };
        let rows = set.items().iter().zip(set.scores()).take(size).enumerate();
        slate.extend(rows.map(|(row, (item, score))| SlateItem {
            item: *item,
            score: *score,
            source: Arc::clone(&sources[strongest(row)].label),
        }));
    }
}
