//! What was tried for one decision, how it went, and what counts as good.

use serde::Serialize;

use crate::evaluate::metrics::Metrics;
use crate::recommender::Objective;

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
    /// Every trial.
    pub tried: Vec<Tried>,
}

/// One trial and its quality.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tried {
    /// The recipe, or the value of a training parameter.
    pub what: String,
    /// [`Metrics::hr`], rounded.
    #[serde(rename = "hr@20")]
    pub hr: f64,
    /// [`Metrics::mrr`], rounded.
    #[serde(rename = "mrr@20")]
    pub mrr: f64,
    /// [`Metrics::ndcg`], rounded.
    #[serde(rename = "ndcg@10")]
    pub ndcg: f64,
}

impl Tried {
    pub(super) fn new(what: &str, metrics: &Metrics) -> Self {
        // Five digits: a manifest has hundreds of these, and the sixth is noise even on a million predictions.
        let round = |value: f64| (value * 1e5).round() / 1e5;
        let Metrics { hr, mrr, ndcg, .. } = metrics;
        Self { what: what.to_owned(), hr: round(*hr), mrr: round(*mrr), ndcg: round(*ndcg) }
    }
}

/// What is maximised: hit rate and rank of the hit about alike; for whole users, the ranking of ten.
pub(super) fn goodness(metrics: &Metrics, objective: Objective) -> f64 {
    match objective {
        Objective::UserItems | Objective::NewItems => metrics.ndcg,
        // On real data the mean reciprocal rank is a third to a half of the hit rate: twice the weight makes them about
        // even.
        Objective::NextItem
        | Objective::NextInBasket
        | Objective::NextFromCurrent
        | Objective::NextInCategory => metrics.hr + 2.0 * metrics.mrr,
    }
}
