//! What the tables hold, against a slow and obvious twin, in any order, and beside readers.

mod concurrent;
mod facade;
mod signing_in;
mod table;
mod tombstones;

use super::{ActionKind, RecentEvent, RecentTable, SubjectHasher, SubjectId, SubjectKey};

/// Some tick that can be kept; tests count from it.
const START: u32 = RecentEvent::FIRST_TICK + 100_000;

fn event(tick: u32, item: u32, kind: ActionKind) -> RecentEvent {
    RecentEvent { tick: START + tick, item, kind }
}

fn view(tick: u32, item: u32) -> RecentEvent {
    event(tick, item, ActionKind::View)
}

fn user(hasher: &SubjectHasher, number: u32) -> SubjectKey {
    hasher.key(SubjectId::User(&format!("user {number}")))
}

fn read(table: &RecentTable, key: SubjectKey, now: u32) -> Vec<RecentEvent> {
    let mut events = Vec::new();
    table.read(key, START + now, &mut events);
    events
}
