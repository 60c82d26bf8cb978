//! What a document is, and what is inside it.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::frame::{Form, Frame};
use super::json;
use super::poison::{Poison, Reason, shown};
use crate::connect::Record;

/// What is inside a document.
pub(super) enum Inner<'v> {
    /// Nothing: it is the event itself.
    Event,
    /// One document, at this pointer.
    One(&'static str, Form, Cow<'v, Value>),
    /// The elements of the list at this pointer.
    Each(&'static str, &'v [Value]),
    /// A message about the transport, which is no event and no fault.
    Nothing,
}

/// What a document is, by its looks.
pub(super) fn form_of(document: &Value) -> Form {
    let has = |name: &str| document.get(name).is_some();
    let is_object = |name: &str| document.get(name).is_some_and(Value::is_object);
    if document.is_array() {
        Form::List
    } else if has("specversion") {
        Form::CloudEvent
    } else if has("detail-type") && has("detail") {
        Form::EventBridge
    } else if document["Type"] == "Notification" && has("Message") {
        Form::Sns
    } else if document["Records"].as_array().is_some_and(|records| records.iter().any(is_change_or_object)) {
        Form::Records
    } else if is_object("dynamodb") {
        Form::DynamoDb
    } else if is_object("s3") && has("eventName") {
        Form::S3Record
    } else if document["op"].is_string() && (has("before") || has("after") || has("source")) {
        Form::Debezium
    } else if document.get("payload").is_some_and(|payload| form_of_payload(payload, has("schema"))) {
        Form::DebeziumSchema
    } else {
        Form::Plain
    }
}

/// Opens a document.
///
/// # Errors
/// It is an envelope, and not as its kind has to be.
pub(super) fn open<'v>(frame: &Frame<'v>) -> Result<Inner<'v>, Poison> {
    let document = frame.document;
    match frame.form {
        Form::List => Ok(list("", document)),
        Form::Records => Ok(list("/Records", &document["Records"])),
        Form::CloudEvent => cloud_event(frame),
        Form::EventBridge => {
            let detail = &document["detail"];
            let form = match (&document["source"], detail.get("object")) {
                (Value::String(source), Some(_)) if source == "aws.s3" => Form::S3Detail,
                _ => form_of(detail),
            };
            Ok(Inner::One("/detail", form, Cow::Borrowed(detail)))
        }
        Form::Sns => match &document["Message"] {
            Value::String(text) => within_text("/Message", text.as_bytes()),
            other => Err(bad("/Message", other, "a text, the message")),
        },
        Form::DebeziumSchema => match &document["payload"] {
            Value::Null => Ok(Inner::Nothing),
            payload => Ok(Inner::One("/payload", form_of(payload), Cow::Borrowed(payload))),
        },
        // A truncated table and a message of the database are about no row.
        Form::Debezium if matches!(frame.text("op"), Some("t" | "m")) => Ok(Inner::Nothing),
        Form::Plain if frame.text("Event") == Some("s3:TestEvent") => Ok(Inner::Nothing),
        _ => Ok(Inner::Event),
    }
}

/// The attributes of a binary CloudEvent, which Kafka has as `ce_id` and HTTP as `ce-id`, with the body as its data.
///
/// # Errors
/// There is a body, and it is no JSON.
pub(super) fn binary_cloud_event(record: &Record<'_>) -> Result<Option<Value>, Poison> {
    let attribute = |name: &str| {
        let (prefix, rest) = name.split_at_checked(3)?;
        (prefix.eq_ignore_ascii_case("ce_") || prefix.eq_ignore_ascii_case("ce-"))
            .then(|| rest.to_ascii_lowercase())
    };
    let mut members = Map::new();
    for (name, value) in record.headers {
        if let Some(name) = attribute(name) {
            members.insert(name, String::from_utf8_lossy(value).into_owned().into());
        }
    }
    if !members.contains_key("type") {
        return Ok(None);
    }
    members.entry("specversion").or_insert_with(|| "1.0".into());
    if !record.body.is_empty() {
        members.insert("data".to_owned(), json::parse(record.body)?);
    }
    Ok(Some(Value::Object(members)))
}

fn cloud_event<'v>(frame: &Frame<'v>) -> Result<Inner<'v>, Poison> {
    let document = frame.document;
    let version = &document["specversion"];
    if !version.as_str().is_some_and(|version| version.starts_with("1.")) {
        return Err(bad("/specversion", version, "\"1.0\""));
    }
    match (document.get("data").filter(|data| !data.is_null()), document.get("data_base64")) {
        (Some(data @ (Value::Object(_) | Value::Array(_))), _) => {
            Ok(Inner::One("/data", form_of(data), Cow::Borrowed(data)))
        }
        (Some(data), _) => Err(bad("/data", data, "an object or a list")),
        (None, Some(Value::String(text))) => {
            let bytes = STANDARD.decode(text).map_err(|error| {
                Poison::new(Reason::BadEnvelope, "/data_base64", format!("is not base64: {error}"))
            })?;
            within_text("/data_base64", &bytes)
        }
        (None, Some(other)) if !other.is_null() => Err(bad("/data_base64", other, "base64")),
        // Type and subject may say all that there is to say: that an item is not sold any more.
        (None, _) => Ok(Inner::One("/data", Form::Plain, Cow::Owned(Value::Object(Map::new())))),
    }
}

fn within_text<'v>(pointer: &'static str, bytes: &[u8]) -> Result<Inner<'v>, Poison> {
    let document = json::parse(bytes).map_err(|poison| poison.below(pointer))?;
    Ok(Inner::One(pointer, form_of(&document), Cow::Owned(document)))
}

fn list<'v>(pointer: &'static str, document: &'v Value) -> Inner<'v> {
    Inner::Each(pointer, document.as_array().map(Vec::as_slice).unwrap_or_default())
}

fn is_change_or_object(record: &Value) -> bool {
    record.get("s3").is_some() || record.get("dynamodb").is_some()
}

fn form_of_payload(payload: &Value, has_schema: bool) -> bool {
    match payload {
        Value::Null => has_schema,
        payload => payload["op"].is_string() && (has_schema || payload.get("source").is_some()),
    }
}

fn bad(field: &str, value: &Value, expected: &str) -> Poison {
    Poison::new(Reason::BadEnvelope, field, format!("is {}: expected {expected}", shown(value)))
}
