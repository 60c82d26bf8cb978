//! Asks a placement the held-out questions and measures the answers.

use std::time::Instant;

use rayon::prelude::*;
use thiserror::Error;

use super::metrics::{Prediction, Report, summarise};
use super::protocol::describe;
use super::questions::{HeldOut, NothingToReplay, Question};
use crate::domain::{Deadline, DeadlineCheck, DegradationLevel, ItemIdx, ItemMask};
use crate::index::Popularity;
use crate::recommender::{Objective, RecommendError, Recommender};
use crate::snapshot::Snapshot;
use crate::train::EventLog;

/// What is replayed.
#[derive(Debug, Clone, Default)]
pub struct ReplayOptions {
    /// The protocol; the placement's own objective where `None`.
    pub objective: Option<Objective>,
    /// Leave user ids out of the requests of session protocols.
    pub anonymous: bool,
    /// At most this many predictions, spread evenly; `None`: all.
    pub most: Option<usize>,
}

/// Why a placement has no report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// An unknown placement, or a recommender without a snapshot.
    #[error(transparent)]
    Request(#[from] RecommendError),
    /// The held-out events have no question for it.
    #[error("{placement}: nothing to replay: {reason}")]
    Nothing {
        /// The placement.
        placement: String,
        /// What would have been replayed.
        protocol: String,
        /// Why it could not be.
        #[source]
        reason: NothingToReplay,
    },
}

/// The held-out part of a log, ready to be asked about.
#[derive(Debug)]
pub struct Replayer<'a> {
    ids: &'a [String],
    held: HeldOut<'a>,
}

impl<'a> Replayer<'a> {
    /// `held` has the events to be predicted; `ids` are the catalogue's item ids by number.
    pub fn new(held: &'a EventLog, ids: &'a [String]) -> Self {
        Self { ids, held: HeldOut::new(held, ids) }
    }

    /// Asks one placement.
    ///
    /// # Errors
    /// An unknown placement, a recommender without a snapshot, or held-out events that have nothing to ask.
    pub fn replay(
        &self,
        recommender: &Recommender,
        placement: &str,
        options: &ReplayOptions,
    ) -> Result<Report, ReplayError> {
        let served = recommender.served().ok_or(RecommendError::NotReady)?;
        let recipe = served.placement(placement)?;
        let objective = options.objective.unwrap_or(recipe.objective);
        let protocol = describe(objective, options.anonymous, options.most, &recipe.exclude);
        match self.ask_all(recommender, placement, objective, &served.snapshot, options) {
            Ok(predictions) => {
                // By the snapshot's own list: what was popular before the held-out time is what a recommender could
                // lean on.
                let popularity = popularity(&served.snapshot, self.ids);
                let (metrics, latency_us) = summarise(&predictions, self.ids.len(), &popularity);
                let placement = placement.to_owned();
                Ok(Report { placement, protocol, predictions: predictions.len(), metrics, latency_us })
            }
            Err(reason) => Err(ReplayError::Nothing { placement: placement.to_owned(), protocol, reason }),
        }
    }

    fn ask_all(
        &self,
        recommender: &Recommender,
        placement: &str,
        objective: Objective,
        snapshot: &Snapshot,
        options: &ReplayOptions,
    ) -> Result<Vec<Prediction>, NothingToReplay> {
        let mut questions = self.held.questions(placement, objective, snapshot, options.anonymous)?;
        if let Some(most) = options.most {
            spread(&mut questions, most.max(1));
        }
        let answers: Vec<Result<Prediction, RecommendError>> =
            questions.par_iter().map(|question| ask(recommender, question, self.ids, snapshot)).collect();
        // A request that is refused by itself (its filter, its size) is none of a slate's quality: the others are
        // measured.
        let refused = answers.iter().find_map(|answer| answer.as_ref().err()).cloned();
        let predictions: Vec<Prediction> = answers.into_iter().filter_map(Result::ok).collect();
        match refused {
            Some(error) if predictions.is_empty() => Err(NothingToReplay::Refused(error)),
            _ => Ok(predictions),
        }
    }
}

/// Keeps at most this many questions, evenly spread over all: the first ones would be those of the oldest sessions.
fn spread(questions: &mut Vec<Question>, most: usize) {
    let total = questions.len();
    if most >= total {
        return;
    }
    let (mut at, mut kept) = (0, 0);
    questions.retain(|_| {
        let keep = at * most / total >= kept;
        at += 1;
        kept += usize::from(keep);
        keep
    });
}

fn ask(
    recommender: &Recommender,
    question: &Question,
    ids: &[String],
    snapshot: &Snapshot,
) -> Result<Prediction, RecommendError> {
    // The clock runs for the recommendation alone; numbers are translated after it.
    let started = Instant::now();
    let answer = recommender.recommend(&question.request)?;
    let nanos = started.elapsed().as_nanos() as u64;
    let degradation = answer.slate.degradation.level;
    // The catalogue of the snapshot may have another order than the one the log was read with.
    let same_order = snapshot.items().len() == ids.len();
    let number = |item: ItemIdx| {
        if same_order && ids[item.row()] == snapshot.id(item) {
            Some(item.0)
        } else {
            ids.iter().position(|id| id == snapshot.id(item)).map(|at| at as u32)
        }
    };
    Ok(Prediction {
        shown: answer.slate.items.iter().filter_map(|item| number(item.item)).collect(),
        relevant: question.relevant.clone(),
        degraded: degradation != DegradationLevel::None,
        nanos,
    })
}

/// The popularity of each item by the snapshot's own list, 0 where it has none.
fn popularity(snapshot: &Snapshot, ids: &[String]) -> Vec<f64> {
    let mut scores = vec![0.0; ids.len()];
    let mut mask = ItemMask::default();
    mask.reset(snapshot.items().len());
    if let Some((_, lists)) = snapshot.of_kind::<Popularity>().next() {
        let mut check = DeadlineCheck::new(Deadline::NEVER);
        for (item, score) in lists.top(None, usize::MAX, &mask, &mut check) {
            if let Some(cell) = scores.get_mut(item.row()) {
                *cell = f64::from(score);
            }
        }
    }
    scores
}
