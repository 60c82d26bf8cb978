//! What a request pins: a snapshot with its recipes compiled, the rules and the state of what events say.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::cache::ResultCache;
use super::catalog_order::CatalogOrder;
use super::counts::{Counts, CountsByPlacement};
use super::latency::LatencyEstimator;
use super::{Objective, RecommendError};
use crate::domain::{CandidateSet, Request, SeedRole, SlateItem, Warning};
use crate::feature::nearest;
use crate::live::Live;
use crate::pipeline::filter::Exclusion;
use crate::pipeline::{CandidateSource, Named, Needs, Pipeline};
use crate::rules::Rules;
use crate::snapshot::Snapshot;

/// How long before the catalogue was written an event may have happened and not be in it: exports take their time, and
/// clocks differ. Raising it replays more events than needed, which changes nothing.
const OVERLAP_MS: i64 = 5 * 60 * 1000;

/// Everything that one request needs, immutable. Its parts change at their own pace; whoever swaps one of them makes a
/// new view of all, which is cheap: what did not change is shared.
#[derive(Debug, Clone)]
pub struct View {
    /// What training publishes, every few hours.
    pub snapshot: Arc<Snapshot>,
    /// What merchandisers publish, within minutes.
    pub rules: Rules,
    /// What events say, within milliseconds: the items as they are now.
    pub live: Live,
    /// The snapshot's placements by name.
    pub placements: Arc<BTreeMap<String, Placement>>,
    pub(super) catalog_order: Arc<CatalogOrder>,
    /// Slates that were made from it, once somebody asked for one.
    // Here and not in the recommender, so that a swap frees the slates with what they were made from. All epochs of a
    // snapshot share it.
    cache: Arc<OnceLock<ResultCache>>,
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
    /// The fallback chain: sources that are asked in order where the recipe is short.
    pub fallback: Vec<Named<dyn CandidateSource>>,
    /// What all of its stages read together.
    pub needs: Needs,
    /// The artifact with the users' history.
    pub history: Option<String>,
    /// What an evaluation replays.
    pub objective: Objective,
    /// The exclusion groups of the recipe.
    pub exclude: Vec<Exclusion>,
    /// Whether slates that depend on no person are kept in the result cache.
    pub cache: bool,
    pub(super) latency: LatencyEstimator,
    /// The counts of the recommender that answers from this view.
    // Set once and not at compiling: who compiles a view does not know who will answer from it.
    pub(super) counts: OnceLock<Arc<Counts>>,
}

/// The versions of all parts of a view: what an answer was made from, as answers and exposures name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions<'a> {
    /// The snapshot's.
    pub snapshot: &'a str,
    /// The rules'; empty where there are none.
    pub rules: &'a str,
    /// The state of what events say; 0 where there are none.
    pub live_epoch: u64,
}

impl View {
    /// What happened at or before this moment is in the catalogue, in milliseconds since 1970; `None`: it does not say
    /// of when it is.
    pub fn catalog_known_until_ms(&self) -> Option<i64> {
        self.snapshot.catalog_as_of_ms().map(|time| time.saturating_sub(OVERLAP_MS))
    }

    /// A view of a snapshot with these placements, and of no rules and no events.
    pub(super) fn new(snapshot: Arc<Snapshot>, placements: BTreeMap<String, Placement>) -> Self {
        let catalog_order = CatalogOrder::of(snapshot.catalog());
        let live = Live::still(snapshot.items_share(), snapshot.catalog_share());
        Self {
            snapshot,
            rules: Rules::default(),
            live,
            placements: Arc::new(placements),
            catalog_order: Arc::new(catalog_order),
            cache: Arc::default(),
        }
    }

    /// The same, with another state of what events say. It must be of the same snapshot.
    pub fn with_live(&self, live: Live) -> Self {
        Self { live, ..self.clone() }
    }

    /// The versions of its parts.
    pub fn versions(&self) -> Versions<'_> {
        Versions {
            snapshot: self.snapshot.version(),
            rules: self.rules.version(),
            live_epoch: self.live.epoch(),
        }
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
    /// Its counts. The first recommender that answers from this view keeps them: views come and go, and counts must
    /// not.
    pub(super) fn counts(&self, name: &str, all: &CountsByPlacement) -> &Counts {
        self.counts.get_or_init(|| all.of(name))
    }

    /// Says what the request sets and no stage of this placement looks at.
    pub(super) fn warn(&self, request: &Request, warnings: &mut Vec<Warning>) {
        let read = self.needs.signals;
        if !read.weights && request.seeds.iter().any(|seed| seed.weight != 1.0) {
            warnings.push(Warning::SeedWeightsIgnored);
        }
        // A view is what a seed is without a role, and what is disliked is left out everywhere.
        let says = |role| !matches!(role, SeedRole::Viewing | SeedRole::Disliked);
        if !read.roles && request.seeds.iter().any(|seed| says(seed.role)) {
            warnings.push(Warning::SeedRolesIgnored);
        }
    }

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
            // Of two equal shares the earlier source has it, so that replicas agree.
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
