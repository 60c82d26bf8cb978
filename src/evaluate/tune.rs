//! Chooses training parameters and recipes by replaying the last stretch of the training period.

mod recipes;
mod search;

use std::path::Path;

use serde::Serialize;

use super::{Metrics, Recipe, ReplayOptions, Replayer, trial};
use crate::snapshot::SnapshotError;
use crate::train::{Catalog, EventLog, TrainPlan};

use search::Search;

const DAY_MS: i64 = 86_400_000;

/// What the tuner settled on.
#[derive(Debug, Clone)]
pub struct Tuned {
    /// How to train.
    pub plan: TrainPlan,
    /// One recipe a placement.
    pub recipes: Vec<Recipe>,
    /// Why.
    pub evidence: Vec<Evidence>,
}

/// What was tried for one decision, and how it went.
#[derive(Debug, Clone, Serialize)]
pub struct Evidence {
    /// The placement, or the training parameter.
    pub decision: String,
    /// What was replayed.
    pub protocol: String,
    /// How many requests each trial replayed.
    pub predictions: usize,
    /// The winner.
    pub chosen: String,
    /// The winner's quality on the held-out stretch.
    pub metrics: Metrics,
    /// Every trial: what, hr@20, mrr@20, ndcg@10.
    pub tried: Vec<(String, f64, f64, f64)>,
}

impl Tuned {
    /// The plan as it is, and recipes that no evaluation chose.
    pub fn standard(log: &EventLog, catalog: &Catalog, plan: &TrainPlan) -> Self {
        let recipes = recipes::Shop::new(log, catalog, plan).untuned();
        Self { plan: plan.clone(), recipes, evidence: Vec::new() }
    }
}

/// Splits a log in two at `at_ms`: what a model may learn from, and what it is asked.
pub fn split(log: &EventLog, at_ms: i64) -> (EventLog, EventLog) {
    // A session belongs to the side on which it began, so that no session is torn.
    let mut starts = vec![i64::MAX; log.sessions.len()];
    for event in &log.events {
        let start = &mut starts[event.session as usize];
        *start = (*start).min(event.time_ms);
    }
    let before = |event: &crate::train::Event| starts[event.session as usize] < at_ms;
    // The rest of a session that straddles the split goes to neither: it is neither known by then nor a fresh session.
    (log.filtered(|event| before(event) && event.time_ms < at_ms), log.filtered(|event| !before(event)))
}

/// Tries training parameters, then recipes, on the last tenth of the log's period (at least a day, at most 30 days), which the
/// trial snapshots have not seen. `predictions` bounds the requests per trial.
///
/// # Errors
/// A trial directory that cannot be written.
pub fn tune(
    log: &EventLog,
    catalog: &Catalog,
    plan: &TrainPlan,
    predictions: usize,
    work: &Path,
    step: &mut dyn FnMut(&str, f64),
) -> Result<Tuned, SnapshotError> {
    let (first, last) = log.period_ms();
    let stretch = ((last - first) / 10).clamp(DAY_MS, 30 * DAY_MS);
    let (fit, held) = split(log, last - stretch);
    if fit.events.is_empty() || held.events.is_empty() {
        // Too short a log to hold anything out: the standard plan, and recipes that need no choice.
        return Ok(Tuned::standard(log, catalog, plan));
    }
    let replayer = Replayer::new(&held, &catalog.ids);
    let mut plan = plan.clone();
    let mut evidence = Vec::new();
    let options = ReplayOptions { most: Some(predictions), ..ReplayOptions::default() };
    for choice in recipes::plan_choices(&fit, catalog, &plan) {
        let mut tried = Vec::new();
        let total = choice.plans.len() as f64;
        for (at, (name, candidate)) in choice.plans.iter().enumerate() {
            step(&format!("trying {} = {name}", choice.decision), at as f64 / total);
            let mut candidate = candidate(&plan);
            candidate.als.rounds = candidate.als.rounds.min(6);
            let wanted = |artifact: &str| choice.artifacts.contains(&artifact);
            let shop = trial(&fit, catalog, &candidate, work, &wanted, &mut |_, _| {})?;
            let recommender = shop.recommender(&choice.recipe.to_toml())?;
            if let Ok(report) = replayer.replay(&recommender, &choice.recipe.placement, &options) {
                tried.push((at, name.clone(), report));
            }
        }
        let best = tried.iter().max_by(|a, b| {
            let score = |metrics: &Metrics| search::goodness(metrics, &choice.recipe.objective);
            score(&a.2.metrics).total_cmp(&score(&b.2.metrics)).then(b.0.cmp(&a.0))
        });
        if let Some((at, name, report)) = best.filter(|(.., report)| report.predictions > 0) {
            evidence.push(Evidence {
                decision: choice.decision.to_owned(),
                protocol: report.protocol.clone(),
                predictions: report.predictions,
                chosen: name.clone(),
                metrics: report.metrics.clone(),
                tried: tried.iter().map(|(_, name, report)| search::row(name, &report.metrics)).collect(),
            });
            plan = choice.plans[*at].1(&plan);
        }
    }
    let shop = recipes::Shop::new(&fit, catalog, &plan);
    let everything = trial(&fit, catalog, &plan, work, &|_| true, &mut |name, done| {
        step(&format!("fitting {name} without the last {} days", stretch / DAY_MS), done);
    })?;
    let search = Search { trial: &everything, replayer: &replayer, options };
    let mut recipes = Vec::new();
    let menus = shop.menus();
    let total = menus.len() as f64;
    for (at, menu) in menus.into_iter().enumerate() {
        step(&format!("choosing {}", menu.base.placement), at as f64 / total);
        let (recipe, found) = search.run(menu)?;
        evidence.extend(found);
        recipes.push(recipe);
    }
    Ok(Tuned { plan, recipes, evidence })
}
