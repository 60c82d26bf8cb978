//! Held-out sessions and users, replayed as requests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use rayon::prelude::*;

use super::metrics::{Prediction, Report, summarise};
use crate::domain::{DegradationLevel, ItemMask, Request};
use crate::feature::Value;
use crate::index::Popularity;
use crate::pipeline::filter::Exclusion;
use crate::recommender::{Objective, Recommender};
use crate::snapshot::{Snapshot, UserItems, UserVectors};
use crate::train::{EventKind, EventLog, Session, baskets, sessions};

/// Items asked for in every request.
const SLATE: usize = 20;
/// Session events sent at most, as in the API.
const MAX_EVENTS: usize = 50;

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

/// The held-out part of a log, ready to be asked about.
#[derive(Debug)]
pub struct Replayer<'a> {
    log: &'a EventLog,
    ids: &'a [String],
    sessions: Vec<Replayed>,
    baskets: Vec<Replayed>,
}

#[derive(Debug)]
struct Replayed {
    user: Option<u32>,
    items: Vec<u32>,
}

/// One request to be made, and what would be right.
struct Question {
    request: Request,
    relevant: Vec<u32>,
}

impl<'a> Replayer<'a> {
    /// `held` has the events to be predicted; `ids` are the catalogue's item ids by number.
    pub fn new(held: &'a EventLog, ids: &'a [String]) -> Self {
        let replayed = |sessions: Vec<Session>| {
            sessions.into_iter().map(|s| Replayed { user: s.user, items: s.items() }).collect()
        };
        Self { log: held, ids, sessions: replayed(sessions(held)), baskets: replayed(baskets(held)) }
    }

    /// Asks one placement.
    ///
    /// # Errors
    /// An unknown placement, or a recommender without a snapshot.
    pub fn replay(
        &self,
        recommender: &Recommender,
        placement: &str,
        options: &ReplayOptions,
    ) -> Result<Report, crate::recommender::RecommendError> {
        let served = recommender.served().ok_or(crate::recommender::RecommendError::NotReady)?;
        let recipe = served.placement(placement)?;
        let objective = options.objective.unwrap_or(recipe.objective);
        let snapshot = &served.snapshot;
        let mut questions = match objective {
            Objective::UserItems => self.user_questions(placement, snapshot, false),
            Objective::NewItems => self.user_questions(placement, snapshot, true),
            _ => self.session_questions(placement, objective, snapshot, options),
        };
        if let Some(most) = options.most.filter(|most| *most < questions.len()) {
            let (mut kept, total) = (0, questions.len());
            let mut at = 0;
            questions.retain(|_| {
                let keep = at * most / total >= kept;
                (kept, at) = (kept + usize::from(keep), at + 1);
                keep
            });
        }
        let predictions: Vec<Prediction> = questions
            .par_iter()
            .filter_map(|question| ask(recommender, question, self.ids, snapshot))
            .collect();
        let popularity = popularity(snapshot, self.ids);
        let (metrics, latency_us) = summarise(&predictions, self.ids.len(), &popularity);
        Ok(Report {
            placement: placement.to_owned(),
            protocol: protocol(objective, options, &recipe.exclude),
            predictions: predictions.len(),
            metrics,
            latency_us,
        })
    }

    fn session_questions(
        &self,
        placement: &str,
        objective: Objective,
        snapshot: &Snapshot,
        options: &ReplayOptions,
    ) -> Vec<Question> {
        let mut questions = Vec::new();
        let sessions = match objective {
            Objective::NextInBasket => &self.baskets,
            _ => &self.sessions,
        };
        for session in sessions {
            let user = session.user.filter(|_| !options.anonymous);
            for at in 1..session.items.len() {
                let target = session.items[at];
                let mut request = Request::new(placement).page_size(SLATE);
                request.subject.user_id = user.map(|user| self.log.users[user as usize].clone());
                request = match objective {
                    Objective::NextItem | Objective::NextInBasket => session.items
                        [at.saturating_sub(MAX_EVENTS)..at]
                        .iter()
                        .fold(request, |request, item| request.event(&self.ids[*item as usize])),
                    Objective::NextFromCurrent => request.viewing(&self.ids[session.items[at - 1] as usize]),
                    Objective::NextInCategory | Objective::UserItems | Objective::NewItems => {
                        let Some(item) = snapshot.item(&self.ids[target as usize]) else { continue };
                        let Value::Text(category) = snapshot.catalog().value("category", item.row()) else {
                            continue;
                        };
                        request.context.attributes.insert("category".to_owned(), category.to_owned());
                        request
                    }
                };
                questions.push(Question { request, relevant: vec![target] });
            }
        }
        questions
    }

    /// One question per user whom the snapshot knows and who took something in the held-out time.
    fn user_questions(&self, placement: &str, snapshot: &Snapshot, new_only: bool) -> Vec<Question> {
        let any_purchase = self.log.events.iter().any(|event| event.kind == EventKind::Purchase);
        let mut users: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for event in &self.log.events {
            let counts = match any_purchase {
                true => event.kind == EventKind::Purchase,
                false => event.kind != EventKind::Undone,
            };
            if let Some(user) = event.user.filter(|_| counts) {
                users.entry(user).or_default().insert(event.item);
            }
        }
        let mut questions = Vec::new();
        for (user, mut items) in users {
            let id = &self.log.users[user as usize];
            let Some(history) = history(snapshot, id) else { continue };
            if new_only {
                items.retain(|item| {
                    snapshot.item(&self.ids[*item as usize]).is_none_or(|item| !history.contains(&item.0))
                });
            }
            if !items.is_empty() {
                let request = Request::new(placement).page_size(SLATE).user(id);
                questions.push(Question { request, relevant: items.into_iter().collect() });
            }
        }
        questions
    }
}

fn ask(
    recommender: &Recommender,
    question: &Question,
    ids: &[String],
    snapshot: &Snapshot,
) -> Option<Prediction> {
    let started = Instant::now();
    let answer = recommender.recommend(&question.request).ok()?;
    let nanos = started.elapsed().as_nanos() as u64;
    let degradation = answer.slate.degradation.level;
    // The catalogue of the snapshot may have another order than the one the log was read with.
    let same_order = snapshot.items().len() == ids.len();
    let number = |item: crate::domain::ItemIdx| match same_order && ids[item.row()] == snapshot.id(item) {
        true => Some(item.0),
        false => ids.iter().position(|id| id == snapshot.id(item)).map(|at| at as u32),
    };
    Some(Prediction {
        shown: answer.slate.items.iter().filter_map(|item| number(item.item)).collect(),
        relevant: question.relevant.clone(),
        degraded: degradation != DegradationLevel::None,
        nanos,
    })
}

/// What the snapshot knows a user to have had: the largest of its lists for that user.
fn history<'s>(snapshot: &'s Snapshot, user: &str) -> Option<&'s [u32]> {
    let lists = snapshot
        .of_kind::<UserItems>()
        .filter_map(|(_, lists)| Some(lists.rows.row(lists.users.number(user)? as usize).0));
    let known_by_vector =
        snapshot.of_kind::<UserVectors>().any(|(_, users)| users.users.number(user).is_some());
    lists.max_by_key(|list| list.len()).or(known_by_vector.then_some(&[]))
}

fn popularity(snapshot: &Snapshot, ids: &[String]) -> Vec<f64> {
    let mut scores = vec![0.0; ids.len()];
    let mut mask = ItemMask::default();
    mask.reset(snapshot.items().len());
    if let Some((_, lists)) = snapshot.of_kind::<Popularity>().next() {
        for (item, score) in lists.top(None, usize::MAX, &mask) {
            if let Some(cell) = scores.get_mut(item.row()) {
                *cell = f64::from(score);
            }
        }
    }
    scores
}

fn protocol(objective: Objective, options: &ReplayOptions, exclude: &[Exclusion]) -> String {
    use Exclusion::{Purchased, Seeds, Seen};
    let any = |groups: &[Exclusion]| exclude.iter().any(|group| groups.contains(group));
    let session = any(&[Exclusion::Session, Seen]);
    let word = |excluded: bool| if excluded { "excluded" } else { "allowed" };
    let allowed = format!(
        "current item {}, other session items {}, earlier purchases {}",
        word(session || any(&[Exclusion::Current, Seeds])),
        word(session),
        word(any(&[Purchased, Seen])),
    );
    let users = if options.anonymous { "user ids withheld" } else { "user ids sent where the log has them" };
    let sample =
        options.most.map(|most| format!("; at most {most} predictions, spread evenly")).unwrap_or_default();
    let what = match objective {
        Objective::NextItem => format!("next item over every prefix of each session, {users}"),
        Objective::NextInBasket => format!("next item of each cart or order over every prefix, {users}"),
        Objective::NextFromCurrent => format!("next item of a session given the one before it, {users}"),
        Objective::NextInCategory => format!("next item of a session given its category, {users}"),
        Objective::NewItems => {
            "items per known user over the held-out time, only items new to the user".to_owned()
        }
        Objective::UserItems => "items per known user over the held-out time, repurchases count".to_owned(),
    };
    format!("{what}; {allowed}; ranked over all items; repeats inside a basket dropped{sample}")
}
