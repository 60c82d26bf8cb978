//! Values, places and faults of a file, as messages show them.

use std::path::Path;

use toml::Value;
use toml::de::DeValue;

use super::ConfigError;

/// Line and column of a byte, from 1.
pub(super) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// A single value. What is none is kept as something that no setting takes.
pub(super) fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(value) => Value::Boolean(*value),
        // A number that is too large for 64 bits stays a text, and is refused with the setting's own words.
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::String(number.as_str().to_owned()), Value::Integer),
        DeValue::Float(number) => number.as_str().parse().map_or(Value::Float(f64::NAN), Value::Float),
        DeValue::Datetime(time) => Value::Datetime(*time),
        DeValue::Array(_) => Value::Array(Vec::new()),
        DeValue::Table(_) => Value::Table(toml::Table::new()),
    }
}

pub(super) fn shown(value: &DeValue<'_>) -> String {
    show(&plain(value))
}

/// A value for a message.
pub(super) fn show(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

/// What the parser found, without the line that it would show: there may be a secret in it.
pub(super) fn syntax(file: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let span = error.span().unwrap_or_default();
    let (line, column) = position(text, span.start);
    let reason = match error.message().trim_end() {
        // The one message that names no name; the span is that of the key.
        "duplicate key" => format!("the key {} is there already", text.get(span).unwrap_or_default()),
        message => message.to_owned(),
    };
    ConfigError::Syntax { file: file.to_owned(), line, column, reason }
}
