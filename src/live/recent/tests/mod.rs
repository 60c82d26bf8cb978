//! What the tables hold, against a slow and obvious twin, in any order, and beside readers.

mod concurrent;
mod facade;
mod table;
mod tombstones;

use super::{ActionKind, RecentEvent, RecentTable, SubjectHasher, SubjectId, SubjectKey};

/// Some minute that can be kept; tests count from it.
const START: u32 = RecentEvent::FIRST_MINUTE + 100_000;

fn event(minute: u32, item: u32, kind: ActionKind) -> RecentEvent {
    RecentEvent { minute: START + minute, item, kind }
}

fn view(minute: u32, item: u32) -> RecentEvent {
    event(minute, item, ActionKind::View)
}

fn user(hasher: &SubjectHasher, number: u32) -> SubjectKey {
    hasher.key(SubjectId::User(&format!("user {number}")))
}

fn read(table: &RecentTable, key: SubjectKey, now: u32) -> Vec<RecentEvent> {
    let mut events = Vec::new();
    table.read(key, START + now, &mut events);
    events
}
