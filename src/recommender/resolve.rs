//! Ids become item numbers, once, before anything else is done with a request.

use std::collections::HashSet;

use super::remembered::{self, Remembered};
use crate::domain::{ItemIdx, Request, Seed, SeedRole};
use crate::pipeline::{Query, QuerySeed, SessionItem};
use crate::recommender::{Placement, RecommendError, View};
use crate::snapshot::UserItems;

/// A request in the numbers of one snapshot.
#[derive(Debug)]
pub(super) struct Resolved<'a> {
    pub(super) query: Query<'a>,
    pub(super) unknown_user: bool,
    /// Whether events said anything of the subject.
    pub(super) is_remembered: bool,
}

/// The memory of the last query, for the next.
#[derive(Debug, Default)]
pub(super) struct Spare {
    query: Query<'static>,
    only: Vec<ItemIdx>,
    remembered: remembered::Spare,
}

impl Spare {
    /// Takes the memory of a query that is done with.
    pub(super) fn keep(&mut self, mut query: Query<'_>) {
        if let Some(mut only) = query.only.take() {
            only.clear();
            self.only = only;
        }
        self.query = query.recycle();
    }
}

/// Resolves a request over items `shown` elsewhere on the page; ids that the catalogue does not know are added to
/// `missing`.
pub(super) fn resolve<'a>(
    request: &'a Request,
    view: &'a View,
    placement: &Placement,
    remembered: Option<Remembered<'_>>,
    shown: &[ItemIdx],
    spare: &mut Spare,
    missing: &mut Vec<String>,
) -> Result<Resolved<'a>, RecommendError> {
    let (snapshot, live) = (&*view.snapshot, &view.live);
    // A set, which takes no memory while it is empty: to compare each of a thousand ids with those before it would take
    // longer than most answers.
    let mut told = HashSet::new();
    let mut find = |id: &'a str| {
        let item = live.item(id);
        if item.is_none() && told.insert(id) {
            missing.push(id.to_owned());
        }
        item
    };
    // What may be refused comes first: the memory of the last query is not lost with a refusal.
    check_weights(&request.seeds)?;
    let mut query: Query<'a> = std::mem::take(&mut spare.query);
    for (at, event) in request.session_events.iter().enumerate() {
        if let Some(item) = find(&event.item_id) {
            query.session.push(SessionItem { item, event: Some(at as u32), seed: None, action: None });
        }
    }
    for seed in &request.seeds {
        match find(&seed.item_id) {
            Some(item) if seed.role == SeedRole::Disliked => query.disliked.push(item),
            Some(item) => query.seeds.push(QuerySeed { item, role: seed.role, weight: seed.weight }),
            None => {}
        }
    }
    let memory = &mut spare.remembered;
    let fill = |known: Remembered<'_>| known.fill(request, placement, view, memory, &mut query);
    let is_remembered = remembered.is_some_and(fill);
    // Whatever else the request says of an item: one that is disliked is never looked from.
    query.session.retain(|entry| !query.disliked.contains(&entry.item));
    query.seeds.retain(|seed| !query.disliked.contains(&seed.item));
    query.excluded.extend_from_slice(&query.disliked);
    append_seeds(&mut query);
    query.current = query.session.last().map(|entry| entry.item);
    // Not among the missing: to exclude what is not sold any more is no mistake.
    query.excluded.extend(request.exclude_item_ids.iter().filter_map(|id| live.item(id)));
    query.excluded.extend_from_slice(shown);
    if !request.candidate_item_ids.is_empty() {
        // An empty list of known candidates admits nothing, which is what was asked for: it is `Some` all the same.
        let mut only = std::mem::take(&mut spare.only);
        only.extend(request.candidate_item_ids.iter().filter_map(|id| find(id)));
        query.only = Some(only);
    }
    let forgotten = |user: &&str| remembered.is_some_and(|remembered| remembered.has_forgotten(view, user));
    query.user = request.subject.user().filter(|user| !forgotten(user));
    let history = placement.history.as_deref();
    let history = history.and_then(|name| snapshot.artifact(name)?.downcast_ref::<UserItems>());
    if let (Some(user), Some(lists)) = (query.user, history)
        && let Some(row) = lists.users.number(user)
    {
        query.history = lists.rows.row(row as usize).0;
    }
    let unknown_user = query.user.is_some_and(|user| !snapshot.knows_user(user));
    Ok(Resolved { query, unknown_user, is_remembered })
}

/// Embedders come here without the checks of the API.
fn check_weights(seeds: &[Seed]) -> Result<(), RecommendError> {
    for (at, seed) in seeds.iter().enumerate() {
        if seed.weight != 0.0 && !(1e-6..=1e6).contains(&seed.weight) {
            let field = format!("seed_items[{at}].weight");
            let reason = format!("is {}, expected 0, or 0.000001 to 1000000", seed.weight);
            return Err(RecommendError::Invalid { field, reason });
        }
    }
    Ok(())
}

/// Adds the seeds to the end of the session.
fn append_seeds(query: &mut Query<'_>) {
    for (at, seed) in query.seeds.iter().enumerate() {
        let at = Some(at as u32);
        match query.session.last_mut() {
            // A page often sends the product that it shows as an event and as a seed: that is one visit.
            Some(last) if last.item == seed.item => last.seed = at,
            _ => query.session.push(SessionItem { item: seed.item, event: None, seed: at, action: None }),
        }
    }
}
