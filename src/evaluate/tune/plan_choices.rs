//! Training parameters that the tuner settles before it searches for recipes.

use super::edit::with_sources;
use super::search_space::{
    SearchSpace, category_popular, home_buy_again, home_for_you, neighbors, session_next, source,
};
use super::split::DAY_MS;
use super::traits::DatasetTraits;
use crate::pipeline::filter::Exclusion;
use crate::recommender::{PlacementSpec, StageSpec};
use crate::train::{EventLog, TrainPlan};

/// A half-life that stands for "nothing ever fades", in days, where the plan has no other word for it.
const FOREVER_DAYS: f64 = 36_500.0;

/// One training parameter and its alternatives.
pub(super) struct PlanChoice {
    /// The parameter.
    pub(super) decision: &'static str,
    /// What may become of it.
    pub(super) alternatives: Vec<Alternative>,
    /// What a trial has to train.
    pub(super) artifacts: &'static [&'static str],
    /// The placement whose protocol decides.
    pub(super) placement: &'static str,
    /// A recipe that shows nothing but the parameter's effect.
    pub(super) spec: PlacementSpec,
}

/// One value of a training parameter.
pub(super) struct Alternative {
    /// As evidence has it: `30 days`.
    pub(super) name: String,
    change: Box<dyn Fn(&mut TrainPlan)>,
}

impl Alternative {
    fn new(name: String, change: impl Fn(&mut TrainPlan) + 'static) -> Self {
        Self { name, change: Box::new(change) }
    }

    /// The plan with this value.
    pub(super) fn apply(&self, plan: &TrainPlan) -> TrainPlan {
        let mut plan = plan.clone();
        (self.change)(&mut plan);
        plan
    }
}

/// The training parameters worth trying on this log.
pub(super) fn plan_choices(log: &EventLog, data: DatasetTraits) -> Vec<PlanChoice> {
    let (first, last) = log.period_ms();
    let days = (last - first) as f64 / DAY_MS as f64;
    let session = session_next(data);
    let category = category_popular(data);
    let mut choices = vec![
        PlanChoice {
            decision: "rule half-life",
            alternatives: half_lives(&[15.0, 30.0, 60.0, 120.0], days, |plan, life| {
                plan.rule_half_life_days = life;
            }),
            artifacts: &["followed_by"],
            placement: session.placement,
            spec: bare(&session.base, &neighbors("followed_by", "session", &[2.0], 10)),
        },
        PlanChoice {
            decision: "popularity half-life",
            alternatives: half_lives(&[3.0, 7.0, 14.0, 30.0, 90.0], days, |plan, life| {
                plan.popularity_half_life_days = life.unwrap_or(FOREVER_DAYS);
            }),
            artifacts: &["popularity"],
            placement: category.placement,
            spec: bare(&category.base, &category.families.concat()),
        },
    ];
    if data.users && data.purchases {
        let SearchSpace { placement, base, .. } = home_buy_again(data);
        // An item bought in this session may be bought again next month: nothing is excluded.
        let base = PlacementSpec { exclude: Vec::new(), ..base };
        choices.push(PlanChoice {
            decision: "buy-again half-life",
            alternatives: half_lives(&[30.0, 60.0, 120.0, 240.0], days, |plan, life| {
                plan.buy_again_half_life_days = life.unwrap_or(FOREVER_DAYS);
            }),
            artifacts: &["buy_again"],
            placement,
            spec: bare(&base, &[source("user_items", "buy_again", 200)]),
        });
    }
    if data.ease {
        choices.push(ease_regularization(data));
    }
    choices
}

fn ease_regularization(data: DatasetTraits) -> PlanChoice {
    let alternative =
        |lambda: f64| Alternative::new(lambda.to_string(), move |plan| plan.ease_regularization = lambda);
    let SearchSpace { placement, base, .. } = home_for_you(data);
    // Decided where EASE is used: on users' histories, or on sessions where there are no users.
    let from = if data.users { "history" } else { "session" };
    PlanChoice {
        decision: "EASE regularisation",
        alternatives: [100.0, 300.0, 1000.0].map(alternative).into(),
        artifacts: &["ease", "user_history"],
        placement,
        spec: bare(&base, &neighbors("ease", from, &[0.0], 500)),
    }
}

/// Half-lives that the log is long enough to tell apart, and none.
fn half_lives(lives: &[f64], days: f64, set: fn(&mut TrainPlan, Option<f64>)) -> Vec<Alternative> {
    let mut alternatives = Vec::new();
    for life in lives.iter().copied().filter(|life| *life <= days) {
        alternatives.push(Alternative::new(format!("{life} days"), move |plan| set(plan, Some(life))));
    }
    alternatives.push(Alternative::new("none".to_owned(), move |plan| set(plan, None)));
    alternatives
}

/// A recipe of these sources alone, without a fallback that would hide what they lack.
fn bare(base: &PlacementSpec, sources: &[StageSpec]) -> PlacementSpec {
    let mut spec = with_sources(base, sources);
    spec.fallback.clear();
    // A trial has few artifacts: the history is named only where the exclusions cannot do without.
    if !spec.exclude.contains(&Exclusion::Purchased) {
        spec.history = None;
    }
    spec
}
