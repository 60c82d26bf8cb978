//! Events grouped into sessions.

use hashbrown::HashSet;

use super::event_kind::EventKind;
use super::events::{Event, EventLog};

/// One session: its events, oldest first.
#[derive(Debug, Clone)]
pub struct Session {
    /// The session's number in the log.
    pub number: u32,
    /// The first signed-in user of the session.
    pub user: Option<u32>,
    /// The events, by time, then file order; undone events are left out.
    pub events: Vec<Event>,
    /// Whether every event is a purchase: a basket, in which an item occurs once.
    pub is_basket: bool,
}

impl Session {
    /// The items, oldest first.
    pub fn items(&self) -> Vec<u32> {
        self.events.iter().map(|event| event.item).collect()
    }

    /// When the session began.
    pub fn start_ms(&self) -> i64 {
        self.events.first().map_or(0, |event| event.time_ms)
    }

    /// When its last event happened.
    pub fn end_ms(&self) -> i64 {
        self.events.last().map_or(0, |event| event.time_ms)
    }
}

/// What was put into the cart or bought in each session, each item once; sessions of fewer than two such items are left
/// out.
pub fn baskets(log: &EventLog) -> Vec<Session> {
    let mut baskets =
        sessions(&log.filtered(|event| matches!(event.kind, EventKind::Cart | EventKind::Purchase)));
    for basket in &mut baskets {
        let mut seen = HashSet::new();
        basket.events.retain(|event| seen.insert(event.item));
    }
    baskets.retain(|basket| basket.events.len() > 1);
    baskets
}

/// The sessions of a log, by start, then number. In a basket, repeats of an item are dropped (the first stays).
pub fn sessions(log: &EventLog) -> Vec<Session> {
    let mut events: Vec<Event> =
        log.events.iter().filter(|event| event.kind != EventKind::Undone).copied().collect();
    // Files are seldom in order; rows of one time stay as the file has them.
    events.sort_by_key(|event| (event.session, event.time_ms, event.row));
    let mut sessions: Vec<Session> = events
        .chunk_by(|a, b| a.session == b.session)
        .map(|events| {
            // An order lists an item once a line, and two lines of it are no step from one item to the next.
            let is_basket = events.iter().all(|event| event.kind == EventKind::Purchase);
            let mut events = events.to_vec();
            if is_basket {
                let mut seen = HashSet::new();
                events.retain(|event| seen.insert(event.item));
            }
            let user = events.iter().find_map(|event| event.user);
            Session { number: events.first().map_or(0, |e| e.session), user, events, is_basket }
        })
        .collect();
    sessions.sort_by_key(|session| (session.start_ms(), session.number));
    sessions
}
