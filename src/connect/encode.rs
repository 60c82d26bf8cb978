//! Events in Larder's own words, as [`decode`](super::decode) reads them.

use serde_json::{Map, Value};

use crate::domain::{AttributeValue, Consent, Event};

/// The event as one line of JSON, without a line's end.
pub fn encode(event: &Event) -> Vec<u8> {
    let mut json = Map::new();
    let mut put = |name: &str, value: Value| drop(json.insert(name.to_owned(), value));
    if !event.id.is_empty() {
        put("id", event.id.as_str().into());
    }
    put("type", event.kind.as_str().into());
    put("time", time(event.time_ms));
    let texts = [
        ("item_id", &event.item_id),
        ("user_id", &event.user_id),
        ("visitor_id", &event.visitor_id),
        ("session_id", &event.session_id),
        ("recommendation_id", &event.recommendation_id),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            put(name, text.as_str().into());
        }
    }
    for (name, number) in [("value", event.value), ("quantity", event.quantity)] {
        if let Some(number) = number {
            put(name, number.into());
        }
    }
    match event.consent {
        Consent::Unspecified => {}
        Consent::Granted => put("consent", "GRANTED".into()),
        Consent::Denied => put("consent", "DENIED".into()),
    }
    let (unset, set): (Vec<_>, Vec<_>) =
        event.attributes.iter().partition(|(_, value)| *value == AttributeValue::Null);
    if !set.is_empty() {
        let set: Map<String, Value> =
            set.iter().map(|(name, value)| (name.to_string(), json_of(value))).collect();
        put("set", set.into());
    }
    if !unset.is_empty() {
        put("unset", unset.iter().map(|(name, _)| Value::from(&**name)).collect());
    }
    if event.upsert {
        put("upsert", true.into());
    }
    serde_json::to_vec(&json).unwrap_or_default()
}

fn time(ms: i64) -> Value {
    let time = chrono::DateTime::from_timestamp_millis(ms);
    time.map_or(Value::from(ms), |time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true).into())
}

fn json_of(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Null => Value::Null,
        AttributeValue::Bool(value) => (*value).into(),
        AttributeValue::Int(value) => (*value).into(),
        AttributeValue::Float(value) => (*value).into(),
        AttributeValue::Text(text) => (&**text).into(),
        AttributeValue::List(texts) => texts.iter().map(|text| Value::from(&**text)).collect(),
    }
}
