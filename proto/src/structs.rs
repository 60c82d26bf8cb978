//! `google.protobuf.Struct` and `Value` with fields in the order they were written.
//!
//! A map on the wire is a repeated key-value message. Keeping it as a list makes equal answers equal byte for byte,
//! which a hash map does not.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{self, Serialize, Serializer};

/// An ordered JSON object.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Struct {
    /// The members, each name once.
    #[prost(message, repeated, tag = "1")]
    pub fields: Vec<StructField>,
}

/// One member of a [`Struct`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct StructField {
    /// The name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The value; absent means null.
    #[prost(message, optional, tag = "2")]
    pub value: Option<Value>,
}

/// A JSON value.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Value {
    /// What it holds; absent means null.
    #[prost(oneof = "value::Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub kind: Option<value::Kind>,
}

/// Parts of [`Value`].
pub mod value {
    /// What a value holds.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Kind {
        /// null
        #[prost(int32, tag = "1")]
        Null(i32),
        /// A finite number.
        #[prost(double, tag = "2")]
        Number(f64),
        /// Text.
        #[prost(string, tag = "3")]
        String(String),
        /// true or false
        #[prost(bool, tag = "4")]
        Bool(bool),
        /// An object.
        #[prost(message, tag = "5")]
        Struct(super::Struct),
        /// A list.
        #[prost(message, tag = "6")]
        List(super::List),
    }
}

/// A list of values.
#[derive(Clone, PartialEq, prost::Message)]
pub struct List {
    /// The values in order.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Value>,
}

impl Value {
    /// null
    pub fn null() -> Self {
        Self { kind: Some(value::Kind::Null(0)) }
    }

    /// A list of values.
    pub fn list(values: impl IntoIterator<Item = Value>) -> Self {
        Self { kind: Some(value::Kind::List(List { values: values.into_iter().collect() })) }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self { kind: Some(value::Kind::Bool(value)) }
    }
}

impl From<f64> for Value {
    /// A number; null if it is not finite, since JSON has no such numbers.
    fn from(value: f64) -> Self {
        if value.is_finite() { Self { kind: Some(value::Kind::Number(value)) } } else { Self::null() }
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self { kind: Some(value::Kind::String(value)) }
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::from(value.to_owned())
    }
}

impl Serialize for Struct {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.fields.iter().map(|field| (&field.key, &field.value)))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.kind {
            None | Some(value::Kind::Null(_)) => serializer.serialize_unit(),
            // A whole number is written without a fraction, as other proto3 JSON writers do.
            Some(value::Kind::Number(number)) if number.fract() == 0.0 && number.abs() < 9e15 => {
                serializer.serialize_i64(*number as i64)
            }
            Some(value::Kind::Number(number)) if number.is_finite() => serializer.serialize_f64(*number),
            Some(value::Kind::Number(number)) => {
                Err(ser::Error::custom(format!("{number} is not a JSON number")))
            }
            Some(value::Kind::String(text)) => serializer.serialize_str(text),
            Some(value::Kind::Bool(value)) => serializer.serialize_bool(*value),
            Some(value::Kind::Struct(object)) => object.serialize(serializer),
            Some(value::Kind::List(list)) => serializer.collect_seq(&list.values),
        }
    }
}

impl<'de> Deserialize<'de> for Struct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)?.kind {
            Some(value::Kind::Struct(object)) => Ok(object),
            _ => Err(de::Error::custom("expected an object")),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::null())
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::null())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::list(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut fields: Vec<StructField> = Vec::new();
        while let Some((key, value)) = members.next_entry::<String, Value>()? {
            fields.push(StructField { key, value: Some(value) });
        }
        Ok(Value { kind: Some(value::Kind::Struct(Struct { fields })) })
    }
}
