//! The search for one placement's recipe: the best single source, then others added while they help.

use super::edit::{add_source, summary, with_normalize, with_sources};
use super::evidence::{Evidence, Tried, goodness};
use super::measure::measure;
use super::search_space::SearchSpace;
use crate::evaluate::error::TrainError;
use crate::evaluate::metrics::Report;
use crate::evaluate::replay::{ReplayOptions, Replayer};
use crate::evaluate::trial::Trial;
use crate::pipeline::filter::Exclusion;
use crate::recommender::{PlacementSpec, StageSpec};

/// Weights tried for a source that joins the first, whose weight is 1.
const WEIGHTS: [f64; 4] = [0.1, 0.3, 0.7, 1.5];
/// The factor by which a change must improve the figure, or it is taken for noise. Raising it gives simpler recipes.
const WORTH: f64 = 1.005;
/// What variety may cost: a cap stays unless it lowers the figure by more than a hundredth.
const CAP_WORTH: f64 = 0.99;
/// The most sources of a recipe. Each one more takes time at every request.
const MOST_SOURCES: usize = 4;

/// Everything that a search replays against.
pub(super) struct Search<'a> {
    pub(super) trial: &'a Trial,
    pub(super) replayer: &'a Replayer<'a>,
    pub(super) options: ReplayOptions,
}

/// A recipe that was replayed.
struct Measured {
    spec: PlacementSpec,
    report: Report,
    goodness: f64,
}

/// The search for one placement under way: its choices, and every trial so far.
struct Progress<'a> {
    space: &'a SearchSpace,
    tried: Vec<Tried>,
}

impl Search<'_> {
    /// The winner and the evidence; the base with its first source where nothing can be replayed.
    pub(super) fn run(&self, space: &SearchSpace) -> Result<(PlacementSpec, Option<Evidence>), TrainError> {
        let mut progress = Progress { space, tried: Vec::new() };
        let mut families = self.best_of_each_family(&mut progress)?.into_iter();
        let Some(mut best) = families.next() else { return Ok((space.untuned(1), None)) };
        // The best variant of each other family stays as it is: to search its parameters again beside each partner
        // would multiply the trials.
        let others: Vec<StageSpec> =
            families.flat_map(|best| best.spec.sources.into_iter().map(toml::Spanned::into_inner)).collect();
        best = self.try_variants(best, &mut progress)?;
        while best.spec.sources.len() < MOST_SOURCES {
            let before = best.goodness;
            best = self.widen(best, &others, &mut progress)?;
            if best.goodness <= before {
                break;
            }
        }
        // Once more: what suits one source may not suit several.
        best = self.try_variants(best, &mut progress)?;
        if let Some(cap) = &space.cap {
            let capped = PlacementSpec { rerank: vec![cap.clone().into()], ..best.spec.clone() };
            best = self.better(best, capped, CAP_WORTH, &mut progress)?;
        }
        let evidence = Evidence {
            decision: space.placement.to_owned(),
            protocol: best.report.protocol,
            predictions: best.report.predictions,
            chosen: summary(&best.spec),
            metrics: best.report.metrics,
            tried: progress.tried,
        };
        Ok((best.spec, Some(evidence)))
    }

    /// For each family its best variant as the only source, the best family first.
    fn best_of_each_family(&self, progress: &mut Progress<'_>) -> Result<Vec<Measured>, TrainError> {
        let mut families: Vec<Measured> = Vec::new();
        for family in &progress.space.families {
            let mut best: Option<Measured> = None;
            for source in family {
                let spec = with_sources(&progress.space.base, [source]);
                best = match best {
                    Some(best) => Some(self.better(best, spec, 1.0, progress)?),
                    None => self.measure(spec, progress)?,
                };
            }
            families.extend(best);
        }
        families.sort_by(|a, b| b.goodness.total_cmp(&a.goodness));
        Ok(families)
    }

    /// The recipe with one more source, if one of the others helps.
    fn widen(
        &self,
        mut best: Measured,
        others: &[StageSpec],
        progress: &mut Progress<'_>,
    ) -> Result<Measured, TrainError> {
        let now = best.spec.clone();
        let has = |label: &str| now.sources.iter().any(|source| source.get_ref().label() == label);
        for source in others.iter().filter(|source| !has(source.label())) {
            for weight in WEIGHTS {
                let mut wider = now.clone();
                add_source(&mut wider, source, weight);
                best = self.better(best, wider, WORTH, progress)?;
            }
        }
        Ok(best)
    }

    /// Other normalisations and exclusions for the recipe as it is.
    fn try_variants(&self, mut best: Measured, progress: &mut Progress<'_>) -> Result<Measured, TrainError> {
        let now = best.spec.clone();
        let exclusions: &[Vec<Exclusion>] = &progress.space.exclusions;
        for exclude in exclusions {
            let other = PlacementSpec { exclude: exclude.clone(), ..now.clone() };
            best = self.better(best, other, WORTH, progress)?;
        }
        // A single source has the same order whatever its scores are divided by.
        if now.sources.len() > 1 {
            for normalize in ["sum", "rank"] {
                best = self.better(best, with_normalize(&now, normalize), WORTH, progress)?;
            }
        }
        Ok(best)
    }

    /// The candidate if its figure is more than `worth` times that of the best so far, else the best so far.
    fn better(
        &self,
        best: Measured,
        candidate: PlacementSpec,
        worth: f64,
        progress: &mut Progress<'_>,
    ) -> Result<Measured, TrainError> {
        let candidate = self.measure(candidate, progress)?;
        Ok(candidate.filter(|other| other.goodness > best.goodness * worth).unwrap_or(best))
    }

    /// Replays a recipe; `None` where there is nothing to replay.
    fn measure(
        &self,
        spec: PlacementSpec,
        progress: &mut Progress<'_>,
    ) -> Result<Option<Measured>, TrainError> {
        let placement = progress.space.placement;
        let Some(report) = measure(self.trial, self.replayer, placement, &spec, &self.options)? else {
            return Ok(None);
        };
        let goodness = goodness(&report.metrics, progress.space.base.objective);
        progress.tried.push(Tried::new(&summary(&spec), &report.metrics));
        Ok(Some(Measured { spec, report, goodness }))
    }
}
