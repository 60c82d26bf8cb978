//! What became of one event, in the words of answers, metrics and dead letters.

use crate::live::Fate;

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventOutcome {
    /// It is in the state, and in the next epoch.
    Applied,
    /// It says nothing that is not known, or that something newer does not say.
    Stale,
    /// An event with its id was recorded here before.
    Duplicate,
    /// It is in the state, but its item has no row in this snapshot, since all that were reserved are taken.
    NoRow,
    /// There is no memory for it.
    NoRoom,
    /// The catalogue's attribute is of another type; the value before stays.
    WrongType {
        /// The attribute.
        attribute: String,
        /// The type it has.
        expected: &'static str,
    },
    /// It is not about an item: another part takes it.
    NotOfItem,
    /// Its subject has not agreed that it is kept.
    Denied,
    /// Its item is not known.
    UnknownItem,
    /// It names neither a session nor a person.
    NoSubject,
    /// Its subject is forgotten, but a restart will not know it: the disk did not take it.
    NotKept,
}

impl EventOutcome {
    /// What became of the event, for counting.
    pub fn fate(&self) -> Fate {
        match self {
            EventOutcome::Applied => Fate::Applied,
            EventOutcome::Stale => Fate::Stale,
            EventOutcome::Duplicate => Fate::Duplicate,
            _ => Fate::Dead,
        }
    }

    /// Whether others can use it: also what says nothing new here, such as what somebody did long ago, may be new to
    /// them.
    pub fn is_of_use(&self) -> bool {
        matches!(self, EventOutcome::Applied | EventOutcome::Stale)
    }

    /// Why it cannot be used, by a name that stays; `None` where it can.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            EventOutcome::Applied | EventOutcome::Stale | EventOutcome::Duplicate => None,
            EventOutcome::NoRow | EventOutcome::NoRoom => Some("no_room"),
            EventOutcome::WrongType { .. } => Some("wrong_type"),
            EventOutcome::NotOfItem => Some("not_taken"),
            EventOutcome::Denied => Some("consent"),
            EventOutcome::UnknownItem => Some("unknown_item"),
            EventOutcome::NoSubject => Some("no_subject"),
            EventOutcome::NotKept => Some("not_kept"),
        }
    }

    /// What is wrong and what would be right, for people; empty where nothing is.
    pub fn message(&self) -> String {
        match self {
            EventOutcome::Applied | EventOutcome::Stale | EventOutcome::Duplicate => String::new(),
            EventOutcome::NoRow => {
                "no row is left for another new item: raise live.reserve_items, or publish a snapshot that knows it"
                    .to_owned()
            }
            EventOutcome::NoRoom => {
                "there is no memory left for what events say: raise live.states_memory, or publish a newer snapshot"
                    .to_owned()
            }
            EventOutcome::WrongType { attribute, expected } => {
                format!("the catalogue's attribute \"{attribute}\" is of type {expected}")
            }
            EventOutcome::NotOfItem => "events of this type are not taken here".to_owned(),
            EventOutcome::Denied => "the subject has not agreed that this is kept".to_owned(),
            EventOutcome::UnknownItem => "no such item is known: neither in the catalogue nor by an event".to_owned(),
            EventOutcome::NoSubject => "names no session_id, visitor_id or user_id".to_owned(),
            EventOutcome::NotKept => {
                "forgotten until the next restart: the disk of cache_dir does not take it; see to it, and send it again"
                    .to_owned()
            }
        }
    }
}
