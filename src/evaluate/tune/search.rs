//! The search for one placement's recipe: the best single source, then others added while they help.

use super::Evidence;
use super::recipes::Menu;
use crate::evaluate::{Metrics, Recipe, ReplayOptions, Replayer, Report, SourceLine, Trial};
use crate::snapshot::SnapshotError;

/// Weights tried for a source that joins the first.
const WEIGHTS: [f64; 4] = [0.1, 0.3, 0.7, 1.5];
/// A change must help by this share, or it is noise.
const WORTH: f64 = 1.005;
/// The most sources of a recipe.
const MOST_SOURCES: usize = 4;

/// Everything that a search replays against.
pub(super) struct Search<'a> {
    pub(super) trial: &'a Trial,
    pub(super) replayer: &'a Replayer<'a>,
    pub(super) options: ReplayOptions,
}

/// What is maximised: hit rate and rank of the hit count alike; for whole users, the ranking of ten.
pub(super) fn goodness(metrics: &Metrics, objective: &str) -> f64 {
    match objective {
        "user_items" | "new_items" => metrics.ndcg,
        _ => metrics.hr + 2.0 * metrics.mrr,
    }
}

pub(super) fn row(name: &str, metrics: &Metrics) -> (String, f64, f64, f64) {
    let round = |value: f64| (value * 1e5).round() / 1e5;
    (name.to_owned(), round(metrics.hr), round(metrics.mrr), round(metrics.ndcg))
}

struct Best {
    recipe: Recipe,
    report: Report,
    goodness: f64,
}

impl Search<'_> {
    /// The winner and the evidence; the menu's base with its first source where nothing can be replayed.
    pub(super) fn run(&self, menu: Menu) -> Result<(Recipe, Option<Evidence>), SnapshotError> {
        let mut tried = Vec::new();
        let mut families: Vec<Best> = Vec::new();
        for family in &menu.families {
            let mut best: Option<Best> = None;
            for source in family {
                let recipe = Recipe { sources: vec![source.clone()], ..menu.base.clone() };
                self.consider(recipe, &menu, &mut tried, &mut best, 1.0)?;
            }
            families.extend(best);
        }
        families.sort_by(|a, b| b.goodness.total_cmp(&a.goodness));
        let mut rest = families.into_iter();
        let Some(first) = rest.next().filter(|best| best.report.predictions > 0) else {
            let sources = menu.families.first().and_then(|family| family.first()).cloned();
            return Ok((Recipe { sources: sources.into_iter().collect(), ..menu.base }, None));
        };
        let others: Vec<SourceLine> = rest.flat_map(|best| best.recipe.sources).collect();
        let mut best = Some(first);
        self.try_variants(&menu, &mut tried, &mut best)?;
        while let Some(now) = &best {
            let (recipe, before) = (now.recipe.clone(), now.goodness);
            let free = others.iter().filter(|o| !recipe.sources.iter().any(|s| s.name == o.name));
            if recipe.sources.len() == MOST_SOURCES {
                break;
            }
            for source in free {
                for weight in WEIGHTS {
                    let mut wider = recipe.clone();
                    wider.sources.push(SourceLine { weight, ..source.clone() });
                    self.consider(wider, &menu, &mut tried, &mut best, WORTH)?;
                }
            }
            if best.as_ref().is_none_or(|best| best.goodness <= before) {
                break;
            }
        }
        self.try_variants(&menu, &mut tried, &mut best)?;
        if let (Some(cap), Some(now)) = (&menu.cap, &best) {
            // Variety is worth a little: the cap stays unless it costs more than a hundredth.
            let capped = Recipe { cap: Some(cap.clone()), ..now.recipe.clone() };
            self.consider(capped, &menu, &mut tried, &mut best, 0.99)?;
        }
        let Some(best) = best else { return Ok((menu.base, None)) };
        let evidence = Evidence {
            decision: best.recipe.placement.clone(),
            protocol: best.report.protocol.clone(),
            predictions: best.report.predictions,
            chosen: best.recipe.summary(),
            metrics: best.report.metrics.clone(),
            tried,
        };
        Ok((best.recipe, Some(evidence)))
    }

    /// Other normalisations and exclusions for the recipe as it is.
    fn try_variants(
        &self,
        menu: &Menu,
        tried: &mut Vec<(String, f64, f64, f64)>,
        best: &mut Option<Best>,
    ) -> Result<(), SnapshotError> {
        let Some(recipe) = best.as_ref().map(|best| best.recipe.clone()) else { return Ok(()) };
        for exclude in &menu.exclusions {
            let other = Recipe { exclude: exclude.clone(), ..recipe.clone() };
            self.consider(other, menu, tried, best, WORTH)?;
        }
        if recipe.sources.len() > 1 {
            for normalize in ["sum", "rank"] {
                let other = Recipe { normalize: normalize.to_owned(), ..recipe.clone() };
                self.consider(other, menu, tried, best, WORTH)?;
            }
        }
        Ok(())
    }

    fn consider(
        &self,
        recipe: Recipe,
        menu: &Menu,
        tried: &mut Vec<(String, f64, f64, f64)>,
        best: &mut Option<Best>,
        worth: f64,
    ) -> Result<(), SnapshotError> {
        let recommender = self.trial.recommender(&recipe.to_toml())?;
        let Ok(report) = self.replayer.replay(&recommender, &recipe.placement, &self.options) else {
            return Ok(());
        };
        let goodness = goodness(&report.metrics, &menu.base.objective);
        tried.push(row(&recipe.summary(), &report.metrics));
        if best.as_ref().is_none_or(|best| goodness > best.goodness * worth) {
            *best = Some(Best { recipe, report, goodness });
        }
        Ok(())
    }
}
