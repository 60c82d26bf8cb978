//! From what was asked, as an exposure has it, back to the request.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::domain::{
    FilterValue, Request, RequestContext, ResponseView, Seed, SeedRole, SessionEvent, Subject,
};

/// What [`Asked`](super::Asked) writes. A name that is not here belongs to a newer version, whose request this one
/// cannot ask.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    placement: String,
    locale: Option<String>,
    country: Option<String>,
    channel: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    seed_items: Vec<SeedRecord>,
    #[serde(default)]
    session_events: Vec<EventRecord>,
    filter: Option<String>,
    #[serde(default)]
    filter_params: BTreeMap<String, Value>,
    #[serde(default)]
    exclude_item_ids: Vec<String>,
    #[serde(default)]
    candidate_item_ids: Vec<String>,
    page_size: Option<usize>,
    #[serde(default)]
    offset: usize,
    #[serde(default)]
    item_fields: Vec<String>,
    view: Option<View>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedRecord {
    item_id: String,
    role: Role,
    weight: f32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventRecord {
    item_id: String,
    event_type: Option<String>,
    event_time_ms: Option<i64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Role {
    Viewing,
    InCart,
    Purchased,
    Liked,
    Disliked,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum View {
    Basic,
    Standard,
    Debug,
}

/// The request that was recorded as `asked`, for this subject. What only says how an answer is made (time, class) is
/// not recorded.
///
/// # Errors
/// A record of another version, or none at all.
pub fn request(asked: &str, subject: Subject) -> Result<Request, serde_json::Error> {
    let record: Record = serde_json::from_str(asked)?;
    let seed = |seed: SeedRecord| Seed { item_id: seed.item_id, role: role(seed.role), weight: seed.weight };
    let event = |event: EventRecord| {
        let EventRecord { item_id, event_type, event_time_ms } = event;
        SessionEvent { item_id, event_type, event_time_ms }
    };
    let params = record.filter_params.into_iter().map(|(name, value)| (name, filter_value(value)));
    Ok(Request {
        placement: record.placement,
        subject,
        context: RequestContext {
            locale: record.locale,
            country: record.country,
            channel: record.channel,
            attributes: record.attributes,
        },
        seeds: record.seed_items.into_iter().map(seed).collect(),
        session_events: record.session_events.into_iter().map(event).collect(),
        page_size: record.page_size,
        offset: record.offset,
        filter: record.filter,
        filter_params: params.collect(),
        exclude_item_ids: record.exclude_item_ids,
        candidate_item_ids: record.candidate_item_ids,
        item_fields: record.item_fields,
        view: match record.view {
            Some(View::Basic) => ResponseView::Basic,
            Some(View::Debug) => ResponseView::Debug,
            Some(View::Standard) | None => ResponseView::Standard,
        },
        ..Request::default()
    })
}

fn role(role: Role) -> SeedRole {
    match role {
        Role::Viewing => SeedRole::Viewing,
        Role::InCart => SeedRole::InCart,
        Role::Purchased => SeedRole::Purchased,
        Role::Liked => SeedRole::Liked,
        Role::Disliked => SeedRole::Disliked,
    }
}

fn filter_value(value: Value) -> FilterValue {
    match value {
        Value::Bool(value) => FilterValue::Bool(value),
        Value::Number(number) => FilterValue::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => FilterValue::Text(text),
        Value::Array(values) => FilterValue::List(values.into_iter().map(filter_value).collect()),
        // Not written: a parameter has a value, and no parts.
        Value::Null | Value::Object(_) => FilterValue::List(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Asked;
    use super::*;

    #[test]
    fn what_was_asked_can_be_asked_again() {
        let mut request = Request::new("pdp \"x\"").user("u").event("b").page_size(7);
        let roles =
            [SeedRole::Viewing, SeedRole::InCart, SeedRole::Purchased, SeedRole::Liked, SeedRole::Disliked];
        for (at, role) in roles.into_iter().enumerate() {
            request = request.seed(format!("a{at}"), role);
        }
        request.seeds[0].weight = 0.1;
        let cart = Some("cart".to_owned());
        request.session_events.push(SessionEvent {
            item_id: "c".to_owned(),
            event_type: cart,
            event_time_ms: Some(5),
        });
        request.context.locale = Some("de-CH".to_owned());
        request.context.country = Some("CH".to_owned());
        request.context.channel = Some("app".to_owned());
        request.context.attributes.insert("page".to_owned(), "tea".to_owned());
        request.offset = 20;
        request.filter = Some("price < $most and kind in $some".to_owned());
        let values =
            vec![FilterValue::Bool(true), FilterValue::Text("t".to_owned()), FilterValue::Number(1.5)];
        request.filter_params.insert("some".to_owned(), FilterValue::List(values));
        request.filter_params.insert("most".to_owned(), FilterValue::Number(9.0));
        request.exclude_item_ids = vec!["x".to_owned()];
        request.candidate_item_ids = vec!["y".to_owned(), "z".to_owned()];
        request.item_fields = vec!["title".to_owned()];
        for view in [ResponseView::Basic, ResponseView::Standard, ResponseView::Debug] {
            request.view = view;
            let asked = Asked::by(&request).unwrap();
            assert_eq!(super::request(asked.as_json(), request.subject.clone()).unwrap(), request);
        }
        let least = Request::new("p");
        let asked = Asked::by(&least).unwrap();
        assert_eq!(super::request(asked.as_json(), Subject::default()).unwrap(), least);
        assert!(super::request("{\"placement\":\"p\",\"mood\":1}", Subject::default()).is_err());
    }
}
