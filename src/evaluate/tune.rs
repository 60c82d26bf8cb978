//! Chooses training parameters and recipes by replaying the last stretch of the training period.

mod edit;
mod evidence;
mod measure;
mod plan_choices;
mod search;
mod search_space;
mod split;
mod traits;

use std::path::Path;

use toml::Spanned;

pub use evidence::{Evidence, Tried};
pub use split::split;

use super::error::TrainError;
use super::metrics::Report;
use super::replay::{ReplayOptions, Replayer};
use super::trial::{Trial, trial};
use crate::recommender::PlacementsFile;
use crate::train::{Catalog, EventLog, TrainPlan};

use evidence::goodness;
use measure::measure;
use plan_choices::{PlanChoice, plan_choices};
use search::Search;
use search_space::search_spaces;
use split::DAY_MS;
use traits::DatasetTraits;

/// What the tuner settled on.
#[derive(Debug, Clone)]
pub struct Tuned {
    /// How to train.
    pub plan: TrainPlan,
    /// One recipe a placement.
    pub recipes: PlacementsFile,
    /// Why.
    pub evidence: Vec<Evidence>,
}

impl Tuned {
    /// The plan as it is, and recipes that no evaluation chose.
    pub fn standard(log: &EventLog, catalog: &Catalog, plan: &TrainPlan) -> Self {
        let mut recipes = PlacementsFile::default();
        for space in search_spaces(DatasetTraits::new(log, catalog, plan)) {
            recipes.placements.insert(space.placement.to_owned(), Spanned::new(0..0, space.untuned(2)));
        }
        Self { plan: plan.clone(), recipes, evidence: Vec::new() }
    }
}

/// Tries training parameters, then recipes, on the last tenth of the log's period (at least a day, at most 30 days),
/// which the trial snapshots have not seen. `predictions` bounds the requests per trial.
///
/// # Errors
/// A trial directory that cannot be written.
pub fn tune(
    log: &EventLog,
    catalog: &Catalog,
    plan: &TrainPlan,
    predictions: usize,
    work: &Path,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<Tuned, TrainError> {
    let (first, last) = log.period_ms();
    // A tenth is enough to tell recipes apart and leaves the models nearly as good as the final ones; beyond a
    // month the season would be another.
    let stretch = ((last - first) / 10).clamp(DAY_MS, 30 * DAY_MS);
    let (fit, held) = split(log, last - stretch);
    if fit.events.is_empty() || held.events.is_empty() {
        // Too short a log to hold anything out: the standard plan, and recipes that need no choice.
        return Ok(Tuned::standard(log, catalog, plan));
    }
    let replayer = Replayer::new(&held, &catalog.ids);
    let options = ReplayOptions { most: Some(predictions), ..ReplayOptions::default() };
    // Of the part that is trained on: what only the held-out part has cannot be searched with.
    let data = DatasetTraits::new(&fit, catalog, plan);
    let mut plan = plan.clone();
    let mut evidence = Vec::new();
    // One after the other, each with the choices before it: all combinations would take hundreds of trainings.
    for choice in plan_choices(&fit, data) {
        let decided = decide(&choice, &plan, &options, &replayer, &mut |candidate, name, share| {
            progress(&format!("trying {} = {name}", choice.decision), share);
            let wanted = |artifact: &str| choice.artifacts.contains(&artifact);
            trial(&fit, catalog, candidate, work, &wanted, &mut |_, _| {}).map_err(TrainError::from)
        })?;
        if let Some((chosen, found)) = decided {
            plan = chosen;
            evidence.push(found);
        }
    }
    let everything = trial(&fit, catalog, &plan, work, &|_| true, &mut |name, done| {
        progress(&format!("fitting {name} without the last {} days", stretch / DAY_MS), done);
    })?;
    let search = Search { trial: &everything, replayer: &replayer, options };
    let spaces = search_spaces(data);
    let mut recipes = PlacementsFile::default();
    for (at, space) in spaces.iter().enumerate() {
        progress(&format!("choosing {}", space.placement), at as f64 / spaces.len() as f64);
        let (spec, found) = search.run(space)?;
        evidence.extend(found);
        recipes.placements.insert(space.placement.to_owned(), Spanned::new(0..0, spec));
    }
    Ok(Tuned { plan, recipes, evidence })
}

/// Trains a trial for a candidate plan; is told the alternative's name and the share of the alternatives done.
type TrainTrial<'t> = &'t mut dyn FnMut(&TrainPlan, &str, f64) -> Result<Trial, TrainError>;

/// The plan with the best value of one training parameter, and why; `None` where nothing can be replayed.
fn decide(
    choice: &PlanChoice,
    plan: &TrainPlan,
    options: &ReplayOptions,
    replayer: &Replayer<'_>,
    train_trial: TrainTrial<'_>,
) -> Result<Option<(TrainPlan, Evidence)>, TrainError> {
    let mut tried = Vec::new();
    let mut best: Option<(TrainPlan, String, f64, Report)> = None;
    let total = choice.alternatives.len() as f64;
    for (at, alternative) in choice.alternatives.iter().enumerate() {
        let candidate = alternative.apply(plan);
        let trial = train_trial(&candidate, &alternative.name, at as f64 / total)?;
        let Some(report) = measure(&trial, replayer, choice.placement, &choice.spec, options)? else {
            continue;
        };
        tried.push(Tried::new(&alternative.name, &report.metrics));
        let goodness = goodness(&report.metrics, choice.spec.objective);
        // The first of equals wins, so that the outcome does not depend on chance.
        if best.as_ref().is_none_or(|(.., most, _)| goodness > *most) {
            best = Some((candidate, alternative.name.clone(), goodness, report));
        }
    }
    Ok(best.map(|(plan, chosen, _, report)| {
        let evidence = Evidence {
            decision: choice.decision.to_owned(),
            protocol: report.protocol,
            predictions: report.predictions,
            chosen,
            metrics: report.metrics,
            tried,
        };
        (plan, evidence)
    }))
}
