//! An event in Larder's own words.

use serde_json::{Map, Value};

use super::clock::Clock;
use super::frame::Frame;
use super::limits::ATTRIBUTES;
use super::poison::{Poison, Reason, cut, shown};
use super::{defaults, pointer, time, values};
use crate::domain::{AttributeValue, Consent, Event, EventKind};
use crate::feature::{did_you_mean, nearest};

/// All keys that an event may have. A misspelt one is refused: were it left out, the event would say something else.
const KEYS: [&str; 15] = [
    "id",
    "type",
    "time",
    "item_id",
    "user_id",
    "visitor_id",
    "session_id",
    "recommendation_id",
    "attribution_token",
    "value",
    "quantity",
    "consent",
    "set",
    "unset",
    "upsert",
];

/// The types that are no interactions.
const TYPES: [&str; 5] =
    ["item.changed", "item.listed", "item.delisted", "user.forgotten", "snapshot.published"];

/// What types begin with that Larder keeps for itself.
const RESERVED: [&str; 3] = ["item.", "user.", "snapshot."];

/// Bytes of an interaction's name.
const NAME_BYTES: usize = 64;

/// Reads the event that `frame` is.
///
/// # Errors
/// It is none, or one that cannot be used.
pub(super) fn read(frame: &Frame<'_>, clock: Clock) -> Result<Event, Poison> {
    let location = frame.location();
    let below = |poison: Poison| poison.below(&location);
    let object = frame.document.as_object().ok_or_else(|| {
        let message = format!("is {}: expected an object, an event", shown(frame.document));
        Poison::new(Reason::NotCanonical, &location, message)
    })?;
    check_keys(object).map_err(below)?;
    let kind = match (given(object, "type"), defaults::kind(frame)) {
        (Some(Value::String(name)), _) => kind_of(name, "/type").map_err(below)?,
        (Some(other), _) => return Err(Poison::bad_value("/type", other, "a text").below(&location)),
        (None, Some((name, field))) => kind_of(name, &field)?,
        (None, None) => return Err(missing("/type", "an event").below(&location)),
    };
    let time_ms = match given(object, "time") {
        Some(value) => Some(time::read(value, "/time").map_err(below)?),
        None => defaults::time_ms(frame)?,
    };
    let time_ms = time::settle(time_ms, clock, "/time").map_err(below)?;
    let mut event = fields(object, kind, time_ms).map_err(below)?;
    if event.id.is_empty() {
        event.id = defaults::id(frame);
    }
    take_subject(&mut event, frame)?;
    check(&event).map_err(below)?;
    Ok(event)
}

/// Whether a document that no mapping is for looks as if it should be an event in Larder's own words.
pub(super) fn is_meant(frame: &Frame<'_>) -> bool {
    let name = frame.text("type").or_else(|| defaults::kind(frame).map(|(name, _)| name));
    name.is_some_and(|name| {
        RESERVED.iter().any(|prefix| name.starts_with(prefix))
            || is_interaction(name) && frame.document.get("item_id").is_some()
    })
}

/// The type with this name.
///
/// # Errors
/// There is none.
pub(super) fn kind_of(name: &str, field: &str) -> Result<EventKind, Poison> {
    Ok(match name {
        "item.changed" => EventKind::ItemChanged,
        "item.listed" => EventKind::ItemListed,
        "item.delisted" => EventKind::ItemDelisted,
        "user.forgotten" => EventKind::UserForgotten,
        "snapshot.published" => EventKind::SnapshotPublished,
        name if is_interaction(name) && !RESERVED.iter().any(|prefix| name.starts_with(prefix)) => {
            EventKind::Interaction(name.into())
        }
        name => {
            let hint = match nearest(name, TYPES) {
                None => format!(
                    "; an interaction has 1 to {NAME_BYTES} of a-z, 0-9, '_', '.', '-', and does not begin with \
                     item., user. or snapshot."
                ),
                near => did_you_mean(near),
            };
            let message = format!("no such type: {:?}{hint}", cut(name, NAME_BYTES));
            return Err(Poison::new(Reason::UnknownType, field, message));
        }
    })
}

/// Checks that an event has what its type cannot do without, and nothing that it has no use for.
///
/// # Errors
/// It has not, or it has.
pub(super) fn check(event: &Event) -> Result<(), Poison> {
    let kind = &event.kind;
    let name = kind.as_str();
    let is_item = matches!(kind, EventKind::ItemChanged | EventKind::ItemListed | EventKind::ItemDelisted);
    let is_interaction = matches!(kind, EventKind::Interaction(_));
    if (is_item || is_interaction) && event.item_id.is_none() {
        return Err(missing("/item_id", name));
    }
    if *kind == EventKind::UserForgotten && event.user_id.is_none() && event.visitor_id.is_none() {
        return Err(missing("/user_id", "user.forgotten, which needs it or visitor_id"));
    }
    let misplaced = |field: &str, home: &str| {
        let message = format!("belongs to {home}, not to {name}");
        Err(Poison::new(Reason::MisplacedField, field, message))
    };
    if !event.attributes.is_empty() && !is_item {
        return misplaced("/set", "events about items");
    }
    if event.upsert && !matches!(kind, EventKind::ItemChanged | EventKind::ItemListed) {
        return misplaced("/upsert", "item.changed and item.listed");
    }
    if event.value.is_some() && !is_interaction {
        return misplaced("/value", "interactions");
    }
    if event.quantity.is_some() && !is_interaction {
        return misplaced("/quantity", "interactions");
    }
    Ok(())
}

fn check_keys(object: &Map<String, Value>) -> Result<(), Poison> {
    match object.keys().find(|key| !KEYS.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let hint = did_you_mean(nearest(key, KEYS));
            let message = format!("no event has {:?}{hint}", cut(key, NAME_BYTES));
            Err(Poison::new(Reason::UnknownField, &format!("/{}", pointer::escaped(key)), message))
        }
    }
}

fn fields(object: &Map<String, Value>, kind: EventKind, time_ms: i64) -> Result<Event, Poison> {
    let id = |name: &str| given(object, name).map(|value| values::id(value, &format!("/{name}"))).transpose();
    let number =
        |name: &str| given(object, name).map(|value| values::number(value, &format!("/{name}"))).transpose();
    // Checked so that a wrong one is seen, and not kept: what it says is in the exposure with the recommendation's id.
    id("attribution_token")?;
    Ok(Event {
        id: id("id")?.unwrap_or_default(),
        item_id: id("item_id")?,
        user_id: id("user_id")?,
        visitor_id: id("visitor_id")?,
        session_id: id("session_id")?,
        recommendation_id: id("recommendation_id")?,
        value: number("value")?,
        quantity: number("quantity")?,
        consent: given(object, "consent")
            .map_or(Ok(Consent::default()), |value| values::consent(value, "/consent"))?,
        attributes: attributes(given(object, "set"), given(object, "unset"))?,
        upsert: match given(object, "upsert") {
            None => false,
            Some(Value::Bool(upsert)) => *upsert,
            Some(other) => return Err(Poison::bad_value("/upsert", other, "true or false")),
        },
        ..Event::new(kind, time_ms)
    })
}

fn attributes(
    set: Option<&Value>,
    unset: Option<&Value>,
) -> Result<Vec<(std::sync::Arc<str>, AttributeValue)>, Poison> {
    let empty = Map::new();
    let set = match set {
        None => &empty,
        Some(Value::Object(members)) => members,
        Some(other) => return Err(Poison::bad_value("/set", other, "an object of attributes")),
    };
    let unset = match unset {
        None => &[],
        Some(Value::Array(names)) => names.as_slice(),
        Some(other) => return Err(Poison::bad_value("/unset", other, "a list of attributes' names")),
    };
    let count = set.len() + unset.len();
    if count > ATTRIBUTES {
        let message =
            format!("has {count} attributes, with those of unset: at most {ATTRIBUTES} are allowed");
        return Err(Poison::new(Reason::TooMany, "/set", message));
    }
    let mut attributes = Vec::with_capacity(count);
    for (name, value) in set {
        let field = format!("/set/{}", pointer::escaped(name));
        attributes.push((values::attribute_name(name, &field)?, values::attribute(value, &field)?));
    }
    for (at, name) in unset.iter().enumerate() {
        let field = format!("/unset/{at}");
        let name = name.as_str().ok_or_else(|| Poison::bad_value(&field, name, "an attribute's name"))?;
        if set.contains_key(name) {
            let message = format!("{:?} is in set too: leave it out of one of them", cut(name, NAME_BYTES));
            return Err(Poison::new(Reason::Conflict, &field, message));
        }
        attributes.push((values::attribute_name(name, &field)?, AttributeValue::Null));
    }
    Ok(attributes)
}

/// Takes the subject of a CloudEvent for the id that the event's type is about.
fn take_subject(event: &mut Event, frame: &Frame<'_>) -> Result<(), Poison> {
    let id = match event.kind {
        EventKind::UserForgotten if event.visitor_id.is_none() => &mut event.user_id,
        EventKind::UserForgotten | EventKind::SnapshotPublished => return Ok(()),
        _ => &mut event.item_id,
    };
    if id.is_none()
        && let Some((subject, field)) = defaults::subject(frame)
    {
        *id = Some(values::id(subject, &field)?);
    }
    Ok(())
}

/// null stands for an absent field, as in the API.
fn given<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    object.get(name).filter(|value| !value.is_null())
}

fn missing(field: &str, whose: &str) -> Poison {
    Poison::new(Reason::MissingField, field, format!("is not there, and is needed for {whose}"))
}

fn is_interaction(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
    (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(plain)
}
