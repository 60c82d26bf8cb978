//! What envelopes say of the event inside: its id, type, time and subject, for where it does not say so itself.

use std::borrow::Cow;

use serde_json::Value;

use super::frame::{Form, Frame};
use super::limits::ID_BYTES;
use super::poison::Poison;
use super::time;

/// The id that the innermost envelope gives; empty where none does, or where it is too long to be kept.
pub(super) fn id(frame: &Frame<'_>) -> String {
    // Several events of one envelope must not have one id, or all but the first would pass for repetitions.
    let mut suffix = String::new();
    for frame in frame.outwards() {
        if let Some(id) = own_id(frame) {
            let id = format!("{id}{suffix}");
            return if id.len() <= ID_BYTES { id } else { String::new() };
        }
        if let Some(index) = frame.index {
            suffix = format!("#{index}{suffix}");
        }
    }
    String::new()
}

/// The time that the innermost envelope gives.
///
/// # Errors
/// It is none.
pub(super) fn time_ms(frame: &Frame<'_>) -> Result<Option<i64>, Poison> {
    for frame in frame.outwards() {
        if let Some((pointer, value)) = own_time(frame) {
            return time::read_converted(value, pointer)
                .map(Some)
                .map_err(|poison| poison.below(&frame.location()));
        }
    }
    Ok(None)
}

/// The type that the innermost envelope gives, and the pointer to it.
pub(super) fn kind<'a>(frame: &'a Frame<'_>) -> Option<(&'a str, String)> {
    frame.outwards().find_map(|frame| {
        let name = match frame.form {
            Form::CloudEvent => "type",
            Form::EventBridge => "detail-type",
            _ => return None,
        };
        Some((frame.text(name)?, format!("{}/{name}", frame.location())))
    })
}

/// The subject of the innermost CloudEvent, and the pointer to it.
pub(super) fn subject<'a>(frame: &'a Frame<'_>) -> Option<(&'a Value, String)> {
    let event = frame.outwards().find(|frame| frame.form == Form::CloudEvent)?;
    Some((event.member("subject")?, format!("{}/subject", event.location())))
}

fn own_id<'a>(frame: &Frame<'a>) -> Option<Cow<'a, str>> {
    let object = |object: &'a Value| {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        Some(Cow::Owned(format!("{}@{}", text("key")?, text("sequencer").or_else(|| text("etag"))?)))
    };
    match frame.form {
        // An id is unique within its source only.
        Form::CloudEvent => {
            let id = frame.text("id")?;
            Some(frame.text("source").map_or(Cow::Borrowed(id), |source| format!("{source}#{id}").into()))
        }
        Form::EventBridge => frame.text("id").map(Cow::Borrowed),
        Form::Sns => frame.text("MessageId").map(Cow::Borrowed),
        Form::DynamoDb => frame.text("eventID").map(Cow::Borrowed),
        Form::S3Record => object(frame.document.get("s3")?.get("object")?),
        Form::S3Detail => object(frame.document.get("object")?),
        Form::List | Form::Records | Form::DebeziumSchema | Form::Debezium | Form::Plain => None,
    }
}

fn own_time<'a>(frame: &Frame<'a>) -> Option<(&'static str, &'a Value)> {
    let at = |pointer: &'static str| {
        Some((pointer, frame.document.pointer(pointer).filter(|value| !value.is_null())?))
    };
    match frame.form {
        Form::CloudEvent | Form::EventBridge => at("/time"),
        Form::Sns => at("/Timestamp"),
        Form::S3Record => at("/eventTime"),
        Form::DynamoDb => at("/dynamodb/ApproximateCreationDateTime"),
        // When the row changed; `ts_ms` outside is when Debezium read that.
        Form::Debezium => at("/source/ts_ms").or_else(|| at("/ts_ms")),
        Form::List | Form::Records | Form::S3Detail | Form::DebeziumSchema | Form::Plain => None,
    }
}
