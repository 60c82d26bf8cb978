//! Something that happened in the shop, in the form that everything behind the decoders reads.

use std::sync::Arc;

use super::Consent;

/// One event. Which fields say anything depends on its type; a decoder has checked that those are there which the type
/// cannot do without.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its own id, by which a repeated event is known; empty where its producer gave none.
    pub id: String,
    /// What happened.
    pub kind: EventKind,
    /// When it happened, in milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// The item.
    pub item_id: Option<String>,
    /// A signed-in customer.
    pub user_id: Option<String>,
    /// A device or browser.
    pub visitor_id: Option<String>,
    /// The visit.
    pub session_id: Option<String>,
    /// The answer that led to it, by its `recommendation_id`.
    pub recommendation_id: Option<String>,
    /// The price that was paid, or whatever else the shop adds up.
    pub value: Option<f64>,
    /// How many pieces.
    pub quantity: Option<f64>,
    /// Whether what the subject does may be kept.
    pub consent: Consent,
    /// Attributes of the item and their values from now on: absolute ones, so that any order and any repetition ends
    /// in the same state.
    pub attributes: Vec<(Arc<str>, AttributeValue)>,
    /// Whether an item that is not in the catalogue is listed by a change of it.
    pub upsert: bool,
}

impl Event {
    /// An event that says nothing more.
    pub fn new(kind: EventKind, time_ms: i64) -> Self {
        Self {
            id: String::new(),
            kind,
            time_ms,
            item_id: None,
            user_id: None,
            visitor_id: None,
            session_id: None,
            recommendation_id: None,
            value: None,
            quantity: None,
            consent: Consent::default(),
            attributes: Vec::new(),
            upsert: false,
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// `item.changed`: attributes of an item have other values.
    ItemChanged,
    /// `item.listed`: an item is sold, perhaps for the first time.
    ItemListed,
    /// `item.delisted`: an item is not sold any more, and must not be shown.
    ItemDelisted,
    /// `view`, `add_to_cart`, `purchase` and whatever else people do with an item, by its name.
    Interaction(Arc<str>),
    /// `user.forgotten`: what is known of a user or visitor is to be forgotten.
    UserForgotten,
    /// `snapshot.published`: the channel may name another snapshot.
    SnapshotPublished,
}

/// The value of an attribute. Its type is its producer's; what it becomes is up to the catalogue's column.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// None any more.
    Null,
    /// true or false
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number; finite.
    Float(f64),
    /// A text; for a column of times, one in RFC 3339.
    Text(Arc<str>),
    /// A list of texts.
    List(Vec<Arc<str>>),
}

impl EventKind {
    /// The name that events and metrics have for it.
    pub fn as_str(&self) -> &str {
        match self {
            EventKind::ItemChanged => "item.changed",
            EventKind::ItemListed => "item.listed",
            EventKind::ItemDelisted => "item.delisted",
            EventKind::Interaction(name) => name,
            EventKind::UserForgotten => "user.forgotten",
            EventKind::SnapshotPublished => "snapshot.published",
        }
    }
}
