//! The limits of a request, and the checks that hold it to them. Every refusal names the field.

use std::fmt::{Arguments, Display};

use larder_proto::{Value, v1, value};

use crate::domain::{FilterValue, Seed, SeedRole, SessionEvent, TrafficClass};
use crate::server::edge::{class, limits};
use crate::server::problem::Problem;

/// An id or name: 1 to 512 bytes.
pub(super) fn id(text: &str, field: Arguments<'_>) -> Result<(), Problem> {
    match text.len() {
        0 => Err(Problem::invalid(field, "must not be empty")),
        1..=limits::ID_BYTES => Ok(()),
        bytes => {
            Err(Problem::invalid(field, format!("must be at most {} bytes, got {bytes}", limits::ID_BYTES)))
        }
    }
}

/// An id that may be absent. Empty is absent too: some clients cannot leave a field out.
pub(super) fn optional(text: Option<String>, field: Arguments<'_>) -> Result<Option<String>, Problem> {
    // Templates and spreadsheets write "" for nothing: as an id it would make all such callers one person.
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    id(&text, field)?;
    Ok(Some(text))
}

/// A list of at most `most` entries.
pub(super) fn count(len: usize, most: usize, field: impl Display) -> Result<(), Problem> {
    if len <= most {
        return Ok(());
    }
    Err(Problem::invalid(field.to_string(), format!("must have at most {most} entries, got {len}")))
}

/// A list of at most `most` ids.
pub(super) fn ids(ids: &[String], most: usize, field: &str) -> Result<(), Problem> {
    count(ids.len(), most, field)?;
    ids.iter().enumerate().try_for_each(|(i, text)| id(text, format_args!("{field}[{i}]")))
}

/// Names without repetitions, in the order in which they first come; there are at most a hundred.
pub(super) fn distinct(mut names: Vec<String>) -> Vec<String> {
    let mut known = 0;
    while known < names.len() {
        if names[..known].contains(&names[known]) {
            names.remove(known);
        } else {
            known += 1;
        }
    }
    names
}

/// The number of an enum of the contract.
pub(super) fn variant<T: TryFrom<i32>>(number: i32, field: Arguments<'_>) -> Result<T, Problem> {
    T::try_from(number).map_err(|_| Problem::invalid(field, format!("no such enum value: {number}")))
}

pub(super) fn traffic_class(number: i32) -> Result<TrafficClass, Problem> {
    class::traffic_class(number)
        .ok_or_else(|| Problem::invalid("traffic_class", format!("no such enum value: {number}")))
}

pub(super) fn page_size(size: Option<i32>) -> Result<Option<usize>, Problem> {
    match size {
        None => Ok(None),
        Some(size @ 1..=limits::PAGE_SIZE) => Ok(Some(size as usize)),
        Some(size) => Err(Problem::invalid(
            "page_size",
            format!(
                "must be between 1 and {}, got {size}; leave it out for the placement's own",
                limits::PAGE_SIZE
            ),
        )),
    }
}

pub(super) fn filter(text: Option<String>) -> Result<Option<String>, Problem> {
    // A blank filter is none: clients build it from optional parts.
    let text = text.filter(|text| !text.trim().is_empty());
    match text.as_deref().map_or(0, str::len) {
        0..=limits::FILTER_BYTES => Ok(text),
        bytes => {
            let most = limits::FILTER_BYTES;
            Err(Problem::invalid("filter", format!("must be at most {most} bytes, got {bytes}")))
        }
    }
}

pub(super) fn seeds(items: Vec<v1::SeedItem>) -> Result<Vec<Seed>, Problem> {
    count(items.len(), limits::SEEDS, "seed_items")?;
    let one = |(i, item): (usize, v1::SeedItem)| {
        id(&item.item_id, format_args!("seed_items[{i}].item_id"))?;
        let weight = item.weight.unwrap_or(1.0);
        // The range keeps sums of products finite; NaN is in no range.
        if weight != 0.0 && !(1e-6..=1e6).contains(&weight) {
            let reason = format!("must be 0, or 0.000001 to 1000000, got {weight}");
            return Err(Problem::invalid(format_args!("seed_items[{i}].weight"), reason));
        }
        let role = match variant(item.role, format_args!("seed_items[{i}].role"))? {
            v1::seed_item::Role::Unspecified | v1::seed_item::Role::Viewing => SeedRole::Viewing,
            v1::seed_item::Role::InCart => SeedRole::InCart,
            v1::seed_item::Role::Purchased => SeedRole::Purchased,
            v1::seed_item::Role::Liked => SeedRole::Liked,
            v1::seed_item::Role::Disliked => SeedRole::Disliked,
        };
        Ok(Seed { item_id: item.item_id, role, weight })
    };
    items.into_iter().enumerate().map(one).collect()
}

pub(super) fn events(events: Vec<v1::SessionEvent>) -> Result<Vec<SessionEvent>, Problem> {
    count(events.len(), limits::EVENTS, "session_events")?;
    let one = |(i, event): (usize, v1::SessionEvent)| {
        id(&event.item_id, format_args!("session_events[{i}].item_id"))?;
        Ok(SessionEvent {
            item_id: event.item_id,
            event_type: optional(event.event_type, format_args!("session_events[{i}].event_type"))?,
            event_time_ms: event.event_time.map(|time| {
                // Any 64 bits may come here.
                time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos / 1_000_000))
            }),
        })
    };
    events.into_iter().enumerate().map(one).collect()
}

pub(super) fn param(value: Value, field: Arguments<'_>) -> Result<FilterValue, Problem> {
    match value.kind {
        Some(value::Kind::Bool(value)) => Ok(FilterValue::Bool(value)),
        // Infinity and NaN have no JSON, so that a filter with them would mean something over gRPC only.
        Some(value::Kind::Number(value)) if value.is_finite() => Ok(FilterValue::Number(value)),
        Some(value::Kind::String(text)) => Ok(FilterValue::Text(text)),
        Some(value::Kind::List(list)) => {
            count(list.values.len(), limits::LIST_PARAM, field)?;
            let one = |(i, value): (usize, Value)| match value.kind {
                // One level is what the predicate language has; deeper ones would be recursion that a client decides
                // on.
                Some(value::Kind::List(_)) => {
                    Err(Problem::invalid(format_args!("{field}[{i}]"), "a list cannot hold lists"))
                }
                _ => param(value, format_args!("{field}[{i}]")),
            };
            list.values.into_iter().enumerate().map(one).collect::<Result<_, _>>().map(FilterValue::List)
        }
        _ => Err(Problem::invalid(field, "must be a boolean, a finite number, a string or a list of these")),
    }
}
