//! From the text of a file, a variable or a flag to a value, and back.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serializer};

/// How values of one kind are written.
///
/// A trait with types for the kinds, and not one function each, so that `auto` and `none` can be put around them.
pub trait Form {
    /// What is written.
    type Value;

    /// Whether only a text in quotes will do in a file. Else a number or a truth value is taken as its text:
    /// `keep_previous = true` says the same as `keep_previous = "true"`.
    const QUOTED: bool = false;

    /// What would be taken, to follow the word "expected".
    fn expected() -> String;

    /// The value of a text; `None` where it has none.
    fn parse(text: &str) -> Option<Self::Value>;

    /// The text of a value.
    fn show(value: &Self::Value) -> String;
}

/// Reads and writes a field in a [`Form`], as serde's `with` wants it.
#[derive(Debug)]
pub struct As<F>(PhantomData<F>);

impl<F: Form> As<F> {
    /// Reads the field.
    ///
    /// # Errors
    /// A value that the form does not take.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<F::Value, D::Error> {
        // A number or a table where a text belongs is refused in the form's own words, not in serde's.
        let text =
            if F::QUOTED { String::deserialize(from).ok() } else { from.deserialize_any(Written).ok() };
        let value = text.and_then(|text| F::parse(&text));
        value.ok_or_else(|| D::Error::custom(format_args!("expected {}", F::expected())))
    }

    /// Writes the field.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &F::Value, to: S) -> Result<S::Ok, S::Error> {
        // Always as text, which every form reads; so what is shown can be copied into a file.
        to.serialize_str(&F::show(value))
    }
}

/// `auto`, which the program settles for itself, or a value.
#[derive(Debug)]
pub struct AutoOr<F>(PhantomData<F>);

impl<F: Form> Form for AutoOr<F> {
    type Value = Option<F::Value>;

    const QUOTED: bool = F::QUOTED;

    fn expected() -> String {
        format!("auto, or {}", F::expected())
    }

    fn parse(text: &str) -> Option<Self::Value> {
        word_or::<F>("auto", text)
    }

    fn show(value: &Self::Value) -> String {
        value.as_ref().map_or_else(|| "auto".to_owned(), F::show)
    }
}

/// `none`, which switches something off, or a value.
#[derive(Debug)]
pub struct NoneOr<F>(PhantomData<F>);

impl<F: Form> Form for NoneOr<F> {
    type Value = Option<F::Value>;

    const QUOTED: bool = F::QUOTED;

    fn expected() -> String {
        format!("none, or {}", F::expected())
    }

    fn parse(text: &str) -> Option<Self::Value> {
        word_or::<F>("none", text)
    }

    fn show(value: &Self::Value) -> String {
        value.as_ref().map_or_else(|| "none".to_owned(), F::show)
    }
}

fn word_or<F: Form>(word: &str, text: &str) -> Option<Option<F::Value>> {
    if text == word { Some(None) } else { F::parse(text).map(Some) }
}

/// A text, or a plain value as its text.
struct Written;

impl Visitor<'_> for Written {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }
}
