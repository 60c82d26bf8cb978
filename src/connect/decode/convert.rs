//! A field of a mapping, ready for use: looked up in a record's documents, and converted.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::frame::Frame;
use super::mapping::{As, Field, MappingError};
use super::pattern::equal;
use super::pointer::{Pointer, number};
use super::poison::{Poison, Reason};
use super::{time, values};

/// A field of a mapping.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    /// Its name in the mapping.
    name: String,
    pointer: Pointer,
    /// Where to look in the record of a deletion.
    before: Vec<Pointer>,
    field: Field,
}

/// The documents of a record in the order in which pointers are looked up in them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Documents<'a> {
    /// All, from the outermost to the innermost.
    pub(super) all: &'a [&'a Frame<'a>],
    /// The first to look in; then those inside, then those around.
    pub(super) first: usize,
    /// Whether a DynamoDB image is among them.
    pub(super) typed: bool,
    /// Whether something was deleted.
    pub(super) deletion: bool,
}

impl Reader {
    /// Checks a field and takes it apart.
    ///
    /// # Errors
    /// Its pointer is none, or its parts do not go together.
    pub(super) fn new(map: usize, name: &str, field: &Field) -> Result<Self, MappingError> {
        let pointer = Pointer::parse(&field.at).ok_or_else(|| MappingError::Pointer {
            map,
            field: name.to_owned(),
            value: field.at.clone(),
        })?;
        let refused = |problem: &str| {
            Err(MappingError::Field { map, field: name.to_owned(), problem: problem.to_owned() })
        };
        if field.gt.is_some() && field.eq.is_some() {
            return refused("has gt and eq: leave one out");
        }
        if field.gt.is_some() && field.kind.is_some_and(|kind| kind != As::Number) {
            return refused("has gt, which compares numbers: write as = \"number\"");
        }
        if field.gt.is_some_and(|limit| !limit.is_finite()) {
            return refused("has a gt that is no number");
        }
        let single = |value: &Value| !value.is_object() && !value.is_array() && !value.is_null();
        if !field.eq.as_ref().is_none_or(single) {
            return refused("has an eq that is no text, number, true or false");
        }
        if !field.map.as_ref().is_none_or(|map| !map.is_empty() && map.values().all(single)) {
            return refused(
                "has a map that is empty, or one with a value that is no text, number, true or false",
            );
        }
        Ok(Self { name: name.to_owned(), before: pointer.before().collect(), pointer, field: field.clone() })
    }

    /// The pointer as the mapping has it.
    pub(super) fn pointer(&self) -> &str {
        self.pointer.as_str()
    }

    /// The converted value; `None` where there is none and there need not be one.
    ///
    /// # Errors
    /// It is missing, or cannot be converted.
    pub(super) fn value(&self, documents: Documents<'_>) -> Result<Option<Value>, Poison> {
        match documents.find(self) {
            Some(value) => self.convert(&value).map(Some).map_err(|poison| self.named(poison)),
            None if self.field.optional => Ok(None),
            None => {
                let message =
                    "is not there; if records may do without it, write optional = true in the mapping";
                Err(self.named(Poison::new(Reason::MissingField, self.pointer(), message)))
            }
        }
    }

    /// The converted value as an id; null is none.
    ///
    /// # Errors
    /// It is missing, cannot be converted, or is no id.
    pub(super) fn id(&self, documents: Documents<'_>) -> Result<Option<String>, Poison> {
        let id = |value: Value| match value {
            // Ids that a database numbers.
            Value::Number(number) if !number.is_f64() => Ok(number.to_string()),
            value => values::id(&value, self.pointer()).map_err(|poison| self.named(poison)),
        };
        self.present(documents)?.map(id).transpose()
    }

    /// The converted value as a number; null is none.
    ///
    /// # Errors
    /// It is missing, or no number.
    pub(super) fn number(&self, documents: Documents<'_>) -> Result<Option<f64>, Poison> {
        let number = |value: Value| {
            let value = as_number(&value, self.pointer());
            value
                .and_then(|value| values::number(&value, self.pointer()))
                .map_err(|poison| self.named(poison))
        };
        self.present(documents)?.map(number).transpose()
    }

    /// The converted value as a time; null is none.
    ///
    /// # Errors
    /// It is missing, or no time.
    pub(super) fn time_ms(&self, documents: Documents<'_>) -> Result<Option<i64>, Poison> {
        let read =
            |value: Value| time::read_converted(&value, self.pointer()).map_err(|poison| self.named(poison));
        self.present(documents)?.map(read).transpose()
    }

    /// A refusal in the words of the mapping.
    pub(super) fn named(&self, mut poison: Poison) -> Poison {
        poison.message = format!("{} {}", self.name, poison.message);
        poison
    }

    /// A value that must be there, unless it is optional; null does not count as one.
    pub(super) fn present(&self, documents: Documents<'_>) -> Result<Option<Value>, Poison> {
        match self.value(documents)? {
            Some(Value::Null) if !self.field.optional => {
                let message = "is null; if records may do without it, write optional = true in the mapping";
                Err(self.named(Poison::new(Reason::MissingField, self.pointer(), message)))
            }
            value => Ok(value.filter(|value| !value.is_null())),
        }
    }

    fn convert(&self, value: &Value) -> Result<Value, Poison> {
        let field = &self.field;
        let at = self.pointer();
        // A change record says null for "none any more", whatever it would be converted to.
        if value.is_null() {
            return Ok(Value::Null);
        }
        let mut value = Cow::Borrowed(value);
        if let Some(prefix) = &field.strip_prefix {
            let rest = value.as_str().and_then(|text| text.strip_prefix(prefix.as_str()));
            let rest =
                rest.ok_or_else(|| self.refused(&value, &format!("a text that begins with {prefix:?}")))?;
            value = Cow::Owned(rest.into());
        }
        if let Some(map) = &field.map {
            let found = single_text(&value).and_then(|text| map.get(&*text));
            value = Cow::Owned(found.ok_or_else(|| self.refused(&value, &one_of(map)))?.clone());
        }
        if let Some(limit) = field.gt {
            let number = values::number(&as_number(&value, at)?, at)?;
            return Ok(Value::Bool(number > limit));
        }
        let value = match field.kind {
            None => value.into_owned(),
            Some(As::Number) => as_number(&value, at)?,
            Some(As::Bool) => as_bool(&value)
                .ok_or_else(|| self.refused(&value, "true or false, 1 or 0, or a text of one of them"))?,
            Some(As::Text) => {
                let text = single_text(&value).ok_or_else(|| self.refused(&value, "a single value"))?;
                Value::String(text.into_owned())
            }
            Some(As::List) => {
                let texts = value.as_array().and_then(|values| {
                    values
                        .iter()
                        .map(|value| single_text(value).map(|text| text.into_owned().into()))
                        .collect()
                });
                Value::Array(texts.ok_or_else(|| self.refused(&value, "a list of single values"))?)
            }
            // As a text, which is what a column of times takes.
            Some(As::TimeMs) => time::rfc3339(time::read_millis(&value, at)?)
                .map(Value::String)
                .ok_or_else(|| self.refused(&value, "a time"))?,
        };
        match &field.eq {
            Some(wanted) => Ok(Value::Bool(is(&value, wanted))),
            None => Ok(value),
        }
    }

    /// A value that cannot be converted. That of a person's id is not shown.
    fn refused(&self, value: &Value, expected: &str) -> Poison {
        if ["user_id", "visitor_id", "session_id"].contains(&self.name.as_str()) {
            let message = format!("cannot be converted: expected {expected}");
            return Poison::new(Reason::BadValue, self.pointer(), message);
        }
        Poison::bad_value(self.pointer(), value, expected)
    }
}

impl<'a> Documents<'a> {
    fn find(&self, reader: &Reader) -> Option<Cow<'a, Value>> {
        let (outer, inner) = self.all.split_at(self.first.min(self.all.len()));
        let look = |pointer: &Pointer| {
            inner.iter().chain(outer.iter().rev()).find_map(|frame| {
                if self.typed {
                    pointer.find_typed(frame.document)
                } else {
                    pointer.find(frame.document).map(Cow::Borrowed)
                }
            })
        };
        let before = || reader.before.iter().filter(|_| self.deletion).find_map(look);
        look(&reader.pointer).or_else(before)
    }
}

fn as_number(value: &Value, field: &str) -> Result<Value, Poison> {
    match value {
        Value::Number(_) => Ok(value.clone()),
        Value::String(text) => number(text.trim()).ok_or_else(|| Poison::bad_value(field, value, "a number")),
        other => Err(Poison::bad_value(field, other, "a number")),
    }
}

fn as_bool(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(value) => Some(Value::Bool(*value)),
        // MySQL has no truth values but TINYINT.
        Value::Number(number) if number.as_f64() == Some(1.0) => Some(Value::Bool(true)),
        Value::Number(number) if number.as_f64() == Some(0.0) => Some(Value::Bool(false)),
        Value::String(text) if text == "1" || text.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
        Value::String(text) if text == "0" || text.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
        _ => None,
    }
}

fn single_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a value is the wanted one; a number may come as text, as in a DynamoDB image.
fn is(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::String(text), Value::Number(_)) => number(text).is_some_and(|number| equal(&number, wanted)),
        _ => equal(value, wanted),
    }
}

fn one_of(map: &BTreeMap<String, Value>) -> String {
    const SHOWN: usize = 5;
    let mut names: Vec<String> = map.keys().take(SHOWN).map(|name| format!("{name:?}")).collect();
    if map.len() > SHOWN {
        names.push(format!("{} more", map.len() - SHOWN));
    }
    format!("one of those in map: {}", names.join(", "))
}
