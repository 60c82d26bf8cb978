//! Held-out events as questions: a request that could have been made then, and what would have been a right answer.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::domain::Request;
use crate::feature::Value;
use crate::recommender::{Objective, RecommendError};
use crate::snapshot::{Snapshot, UserItems, UserVectors};
use crate::train::{EventKind, EventLog, Session, baskets, sessions};

/// Items asked for in every request: as deep as the metrics look.
const SLATE: usize = 20;
/// Session events sent at most, as in the API.
const MAX_EVENTS: usize = 50;

/// Why there is no figure for a placement.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NothingToReplay {
    /// A protocol of sessions, and no session to predict in.
    #[error("no session of the held-out events has two items of the catalogue")]
    NoSessions,
    /// A protocol of carts and orders, and none of two items.
    #[error("no session of the held-out events has two items in its cart or bought")]
    NoBaskets,
    /// A protocol of categories, and no category to ask for.
    #[error("no held-out session of two items leads to one with a `category` in the snapshot's catalogue")]
    NoCategories,
    /// A protocol of users, and none of them known.
    #[error("no user of the held-out events is known to the snapshot")]
    NoKnownUsers,
    /// A protocol of new items, and nobody took one.
    #[error("no user that the snapshot knows took anything new in the held-out time")]
    NothingNew,
    /// There were requests, and the recommender refused them all.
    #[error("the recommender refused every request; the first: {0}")]
    Refused(#[source] RecommendError),
}

/// One request to be made, and what would be right.
pub(super) struct Question {
    pub(super) request: Request,
    pub(super) relevant: Vec<u32>,
}

/// The held-out part of a log, grouped by what can be asked about.
#[derive(Debug)]
pub(super) struct HeldOut<'a> {
    log: &'a EventLog,
    ids: &'a [String],
    sessions: Vec<ItemSequence>,
    baskets: Vec<ItemSequence>,
}

/// The items of a session or basket, oldest first.
#[derive(Debug)]
struct ItemSequence {
    user: Option<u32>,
    items: Vec<u32>,
}

impl<'a> HeldOut<'a> {
    /// `log` has the events to be predicted; `ids` are the catalogue's item ids by number.
    pub(super) fn new(log: &'a EventLog, ids: &'a [String]) -> Self {
        let sequences = |sessions: Vec<Session>| {
            sessions.into_iter().map(|s| ItemSequence { user: s.user, items: s.items() }).collect()
        };
        Self { log, ids, sessions: sequences(sessions(log)), baskets: sequences(baskets(log)) }
    }

    /// Everything that can be asked of a placement by an objective; never empty.
    pub(super) fn questions(
        &self,
        placement: &str,
        objective: Objective,
        snapshot: &Snapshot,
        anonymous: bool,
    ) -> Result<Vec<Question>, NothingToReplay> {
        let (questions, nothing) = match objective {
            Objective::NextItem | Objective::NextFromCurrent => (
                self.about_sessions(&self.sessions, placement, objective, snapshot, anonymous),
                NothingToReplay::NoSessions,
            ),
            Objective::NextInBasket => (
                self.about_sessions(&self.baskets, placement, objective, snapshot, anonymous),
                NothingToReplay::NoBaskets,
            ),
            Objective::NextInCategory => (
                self.about_sessions(&self.sessions, placement, objective, snapshot, anonymous),
                NothingToReplay::NoCategories,
            ),
            Objective::UserItems => {
                (self.about_users(placement, snapshot, false), NothingToReplay::NoKnownUsers)
            }
            Objective::NewItems => (self.about_users(placement, snapshot, true), NothingToReplay::NothingNew),
        };
        if questions.is_empty() { Err(nothing) } else { Ok(questions) }
    }

    /// One question for each item of a session but the first.
    fn about_sessions(
        &self,
        sessions: &[ItemSequence],
        placement: &str,
        objective: Objective,
        snapshot: &Snapshot,
        anonymous: bool,
    ) -> Vec<Question> {
        let mut questions = Vec::new();
        for session in sessions {
            // Without the id the same session is that of a visitor who has not signed in.
            let user = session.user.filter(|_| !anonymous);
            // Every prefix is a question: the first item has nothing before it to be predicted from.
            for (at, target) in session.items.iter().copied().enumerate().skip(1) {
                let mut request = Request::new(placement).page_size(SLATE);
                request.subject.user_id = user.map(|user| self.log.users[user as usize].clone());
                if objective == Objective::NextFromCurrent {
                    request = request.viewing(&self.ids[session.items[at - 1] as usize]);
                } else if objective == Objective::NextInCategory {
                    let Some(category) = category(snapshot, &self.ids[target as usize]) else { continue };
                    request.context.attributes.insert("category".to_owned(), category.to_owned());
                } else {
                    for item in &session.items[at.saturating_sub(MAX_EVENTS)..at] {
                        request = request.event(&self.ids[*item as usize]);
                    }
                }
                questions.push(Question { request, relevant: vec![target] });
            }
        }
        questions
    }

    /// One question per user whom the snapshot knows and who took something in the held-out time.
    fn about_users(&self, placement: &str, snapshot: &Snapshot, new_only: bool) -> Vec<Question> {
        // As in training: in a log of clicks alone, what a user looked at is all there is.
        let any_purchase = self.log.events.iter().any(|event| event.kind == EventKind::Purchase);
        let mut users: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for event in &self.log.events {
            let counts = if any_purchase {
                event.kind == EventKind::Purchase
            } else {
                event.kind != EventKind::Undone
            };
            if let Some(user) = event.user.filter(|_| counts) {
                users.entry(user).or_default().insert(event.item);
            }
        }
        let mut questions = Vec::new();
        for (user, mut items) in users {
            let id = &self.log.users[user as usize];
            // A user unknown to the snapshot gets what everybody gets, which other protocols measure.
            let Some(history) = history(snapshot, id) else { continue };
            if new_only {
                items.retain(|item| {
                    // An item that the snapshot does not have is new to everybody.
                    let known = snapshot.item(&self.ids[*item as usize]);
                    known.is_none_or(|item| !history.contains(&item.0))
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

/// The category of an item in the snapshot's catalogue.
fn category<'s>(snapshot: &'s Snapshot, id: &str) -> Option<&'s str> {
    match snapshot.catalog().value("category", snapshot.item(id)?.row()) {
        Value::Text(category) => Some(category),
        _ => None,
    }
}

/// What the snapshot knows a user to have had: the largest of its lists for that user.
fn history<'s>(snapshot: &'s Snapshot, user: &str) -> Option<&'s [u32]> {
    let lists = snapshot
        .of_kind::<UserItems>()
        .filter_map(|(_, lists)| Some(lists.rows.row(lists.users.number(user)? as usize).0));
    let known_by_vector =
        snapshot.of_kind::<UserVectors>().any(|(_, users)| users.users.number(user).is_some());
    // Of history and repurchase list the longer one: either may have been cut short.
    lists.max_by_key(|list| list.len()).or(known_by_vector.then_some(&[]))
}
