//! A mapping as the configuration has it: which records it is for, and where in them the parts of an event are.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::pattern::PatternError;

/// One `[[events.source.map]]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// A pattern of EventBridge, as JSON; without one the mapping is for every record.
    #[serde(default, rename = "match")]
    pub pattern: Option<String>,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: TypeField,
    /// The event's own id [default: that of the envelope].
    pub id: Option<Field>,
    /// When it happened [default: the time of the envelope].
    pub time: Option<Field>,
    /// The item.
    pub item_id: Option<Field>,
    /// A signed-in customer.
    pub user_id: Option<Field>,
    /// A device or browser.
    pub visitor_id: Option<Field>,
    /// The visit.
    pub session_id: Option<Field>,
    /// The answer that led to it.
    pub recommendation_id: Option<Field>,
    /// The price that was paid.
    pub value: Option<Field>,
    /// How many pieces.
    pub quantity: Option<Field>,
    /// Whether what the subject does may be kept.
    pub consent: Option<Field>,
    /// Attributes of the item and where their values are.
    #[serde(default)]
    pub set: BTreeMap<String, Field>,
    /// Attributes that the item has no more.
    #[serde(default)]
    pub unset: Vec<String>,
    /// Whether an item that is not in the catalogue is listed by a change of it.
    #[serde(default)]
    pub upsert: bool,
}

/// Where an event's type comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum TypeField {
    /// It is always this one.
    Name(String),
    /// The record says it.
    At(Field),
}

/// Where a part of an event is, and what is done with it: first `strip_prefix`, then `map`, `as`, and `gt` or `eq`. A
/// text alone is the pointer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Field {
    /// A JSON Pointer.
    pub at: String,
    /// What it is converted to.
    pub kind: Option<As>,
    /// What the text begins with, which is left out.
    pub strip_prefix: Option<String>,
    /// Values by the texts that stand for them.
    pub map: Option<BTreeMap<String, Value>>,
    /// Makes true of what is greater.
    pub gt: Option<f64>,
    /// Makes true of what is equal.
    pub eq: Option<Value>,
    /// Whether a record may do without it.
    pub optional: bool,
}

/// What a value is converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum As {
    /// A number, also from a text.
    Number,
    /// true or false, also from 1 and 0, and from texts.
    Bool,
    /// A text, also from a number or a truth value.
    Text,
    /// A list of texts.
    List,
    /// A time, from RFC 3339 or a number of milliseconds since 1970.
    TimeMs,
}

/// Why a mapping cannot be used. Mappings are counted from 1.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MappingError {
    /// A pointer that is none.
    #[error("map {map}: {field} is \"{value}\": expected a JSON Pointer, such as \"/detail/sku\"")]
    Pointer {
        /// The mapping.
        map: usize,
        /// Its field.
        field: String,
        /// What it has.
        value: String,
    },
    /// A pattern that cannot be used.
    #[error("map {map}: match: {source}")]
    Pattern {
        /// The mapping.
        map: usize,
        /// What is wrong with it.
        source: PatternError,
    },
    /// Parts that do not go together.
    #[error("map {map}: {field} {problem}")]
    Field {
        /// The mapping.
        map: usize,
        /// Its field.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl MappingError {
    /// Which mapping it is about, counted from 1.
    pub fn map(&self) -> usize {
        match self {
            Self::Pointer { map, .. } | Self::Pattern { map, .. } | Self::Field { map, .. } => *map,
        }
    }
}

/// A field that is more than a pointer, as serde reads it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    at: String,
    #[serde(rename = "as")]
    kind: Option<As>,
    strip_prefix: Option<String>,
    map: Option<BTreeMap<String, Value>>,
    gt: Option<f64>,
    eq: Option<Value>,
    #[serde(default)]
    optional: bool,
}

impl From<Table> for Field {
    fn from(table: Table) -> Self {
        let Table { at, kind, strip_prefix, map, gt, eq, optional } = table;
        Self { at, kind, strip_prefix, map, gt, eq, optional }
    }
}

// By hand: an untagged enum would lose serde's own words on which key of the table is wrong.
impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrTable;

        impl<'de> Visitor<'de> for TextOrTable {
            type Value = Field;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a JSON Pointer, or a table such as { at = \"/price\", as = \"number\" }")
            }

            fn visit_str<E>(self, at: &str) -> Result<Field, E> {
                Ok(Field { at: at.to_owned(), ..Field::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Field, A::Error> {
                Table::deserialize(MapAccessDeserializer::new(table)).map(Field::from)
            }
        }

        deserializer.deserialize_any(TextOrTable)
    }
}

impl<'de> Deserialize<'de> for TypeField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrTable;

        impl<'de> Visitor<'de> for NameOrTable {
            type Value = TypeField;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a type such as \"item.changed\", or a table such as { at = \"/event\" }")
            }

            fn visit_str<E>(self, name: &str) -> Result<TypeField, E> {
                Ok(TypeField::Name(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<TypeField, A::Error> {
                Table::deserialize(MapAccessDeserializer::new(table)).map(|table| TypeField::At(table.into()))
            }
        }

        deserializer.deserialize_any(NameOrTable)
    }
}
