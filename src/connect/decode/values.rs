//! Ids, numbers and attributes out of JSON, each within its bounds.

use std::sync::Arc;

use serde_json::Value;

use super::limits::{ID_BYTES, LIST_VALUES, TEXT_BYTES};
use super::poison::{Poison, Reason};
use crate::domain::{AttributeValue, Consent};

/// Reads an id. Its value is in no message, since it may be that of a person.
///
/// # Errors
/// It is no text, empty or too long.
pub(super) fn id(value: &Value, field: &str) -> Result<String, Poison> {
    let refused = |what: &str| {
        Poison::new(
            Reason::BadValue,
            field,
            format!("is {what}: expected an id, a text of 1 to {ID_BYTES} bytes"),
        )
    };
    match value {
        Value::String(text) if text.is_empty() => Err(refused("empty")),
        Value::String(text) if text.len() > ID_BYTES => {
            let message = format!("has {} bytes: an id has at most {ID_BYTES}", text.len());
            Err(Poison::new(Reason::TooLong, field, message))
        }
        Value::String(text) => Ok(text.clone()),
        Value::Null => Err(refused("null")),
        Value::Bool(_) => Err(refused("true or false")),
        Value::Number(_) => Err(refused("a number")),
        Value::Array(_) => Err(refused("a list")),
        Value::Object(_) => Err(refused("an object")),
    }
}

/// Reads a number.
///
/// # Errors
/// It is none.
pub(super) fn number(value: &Value, field: &str) -> Result<f64, Poison> {
    value
        .as_f64()
        .filter(|number| number.is_finite())
        .ok_or_else(|| Poison::bad_value(field, value, "a number"))
}

/// Reads a consent.
///
/// # Errors
/// It is none of the known ones.
pub(super) fn consent(value: &Value, field: &str) -> Result<Consent, Poison> {
    match value.as_str() {
        Some("GRANTED" | "granted") => Ok(Consent::Granted),
        // A consent that cannot be read is refused: taking it for "nothing was said" might keep what must not be kept.
        Some("DENIED" | "denied") => Ok(Consent::Denied),
        Some("UNSPECIFIED" | "unspecified" | "CONSENT_UNSPECIFIED") => Ok(Consent::Unspecified),
        _ => Err(Poison::bad_value(field, value, "\"GRANTED\", \"DENIED\" or \"UNSPECIFIED\"")),
    }
}

/// Reads the name of an attribute.
///
/// # Errors
/// It is empty or too long.
pub(super) fn attribute_name(name: &str, field: &str) -> Result<Arc<str>, Poison> {
    match name.len() {
        0 => Err(Poison::new(
            Reason::BadValue,
            field,
            "is a name without letters: expected an attribute's name",
        )),
        1..=ID_BYTES => Ok(name.into()),
        bytes => {
            let message = format!("is a name of {bytes} bytes: at most {ID_BYTES} are allowed");
            Err(Poison::new(Reason::TooLong, field, message))
        }
    }
}

/// Reads the value of an attribute.
///
/// # Errors
/// It is an object, a list of something else than texts, or too long.
pub(super) fn attribute(value: &Value, field: &str) -> Result<AttributeValue, Poison> {
    match value {
        Value::Null => Ok(AttributeValue::Null),
        Value::Bool(value) => Ok(AttributeValue::Bool(*value)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Ok(AttributeValue::Int(whole)),
            None => self::number(value, field).map(AttributeValue::Float),
        },
        Value::String(text) => self::text(text, field).map(AttributeValue::Text),
        Value::Array(values) => list(values, field).map(AttributeValue::List),
        Value::Object(_) => {
            let message = "is an object: expected a single value or a list of texts; give its members names of their \
                own";
            Err(Poison::new(Reason::NestedValue, field, message))
        }
    }
}

/// Reads an attribute's text.
///
/// # Errors
/// It is too long.
pub(super) fn text(text: &str, field: &str) -> Result<Arc<str>, Poison> {
    if text.len() > TEXT_BYTES {
        let message = format!("is a text of {} bytes: at most {TEXT_BYTES} are allowed", text.len());
        return Err(Poison::new(Reason::TooLong, field, message));
    }
    Ok(text.into())
}

/// Reads a list of texts.
///
/// # Errors
/// It is too long, or has something else in it.
pub(super) fn list(values: &[Value], field: &str) -> Result<Vec<Arc<str>>, Poison> {
    if values.len() > LIST_VALUES {
        let message = format!("is a list of {} values: at most {LIST_VALUES} are allowed", values.len());
        return Err(Poison::new(Reason::TooMany, field, message));
    }
    let element = |(at, value): (usize, &Value)| match value {
        Value::String(text) => self::text(text, &format!("{field}/{at}")),
        Value::Array(_) | Value::Object(_) => {
            let message = "is in a list: expected texts in it";
            Err(Poison::new(Reason::NestedValue, &format!("{field}/{at}"), message))
        }
        value => Err(Poison::bad_value(&format!("{field}/{at}"), value, "a text, as in every list")),
    };
    values.iter().enumerate().map(element).collect()
}
