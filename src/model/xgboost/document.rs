//! JSON and UBJSON as one kind of document, in which every value knows its path.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::allowance::{Allowance, DEEPEST, TooMuch};
use crate::model::ModelError;

/// Upper bound on the items of a list of lists or maps: each is given its place in the file for messages.
const MOST_ITEMS: usize = 1 << 20;

/// A value of either format.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Document {
    Null,
    /// True and false are 1 and 0.
    Number(f64),
    Text(String),
    List(Vec<Document>),
    /// A list of numbers only.
    Numbers(Vec<f64>),
    Map(Vec<(String, Document)>),
}

/// A list under construction. Most are long and of numbers: these are never anything larger.
#[derive(Debug, Default)]
pub(super) struct Values {
    numbers: Vec<f64>,
    others: Vec<Document>,
}

impl Values {
    pub(super) fn len(&self) -> usize {
        self.numbers.len() + self.others.len()
    }

    pub(super) fn push(&mut self, value: Document, allowance: &mut Allowance) -> Result<(), TooMuch> {
        match value {
            Document::Number(number) if self.others.is_empty() => {
                allowance.take(size_of::<f64>())?;
                self.numbers.push(number);
            }
            value => {
                allowance.take((self.numbers.len() + 1) * size_of::<Document>())?;
                // The first value that is no number makes a list of documents of it.
                self.others.extend(self.numbers.drain(..).map(Document::Number));
                self.others.push(value);
            }
        }
        Ok(())
    }

    pub(super) fn document(self) -> Document {
        if self.others.is_empty() { Document::Numbers(self.numbers) } else { Document::List(self.others) }
    }
}

/// What a field of a map takes, beside what its value takes elsewhere.
pub(super) fn field_bytes(name: &str) -> usize {
    size_of::<(String, Document)>() + name.len()
}

/// A value and where it is.
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    value: &'a Document,
    place: String,
}

impl<'a> At<'a> {
    pub(super) fn root(value: &'a Document) -> Self {
        Self { value, place: String::new() }
    }

    pub(super) fn place(&self) -> &str {
        if self.place.is_empty() { "the document" } else { &self.place }
    }

    /// A field of a map; `None` if this is no map, or has no such field.
    pub(super) fn maybe(&self, name: &str) -> Option<Self> {
        let Document::Map(fields) = self.value else { return None };
        // Maps of these files have a few keys: a list of them is smaller and as quick as a hash table.
        let (_, value) = fields.iter().find(|(key, _)| key == name)?;
        let dot = if self.place.is_empty() { "" } else { "." };
        Some(Self { value, place: format!("{}{dot}{name}", self.place) })
    }

    pub(super) fn field(&self, name: &str) -> Result<Self, ModelError> {
        self.maybe(name).ok_or_else(|| self.fault(format!("there is no field `{name}`")))
    }

    pub(super) fn items(&self) -> Result<Vec<Self>, ModelError> {
        match self.value {
            Document::List(list) if list.len() > MOST_ITEMS => {
                Err(self.fault(format!("this list has {} items, over the limit of {MOST_ITEMS}", list.len())))
            }
            Document::List(list) => {
                let item = |(at, value)| Self { value, place: format!("{}[{at}]", self.place) };
                Ok(list.iter().enumerate().map(item).collect())
            }
            Document::Numbers(numbers) if numbers.is_empty() => Ok(Vec::new()),
            _ => Err(self.fault("this must be a list")),
        }
    }

    pub(super) fn text(&self) -> Result<&'a str, ModelError> {
        match self.value {
            Document::Text(text) => Ok(text),
            _ => Err(self.fault("this must be a text")),
        }
    }

    pub(super) fn texts(&self) -> Result<Vec<&'a str>, ModelError> {
        self.items()?.iter().map(Self::text).collect()
    }

    /// A number, or one in quotation marks, as XGBoost writes its parameters.
    pub(super) fn number(&self) -> Result<f64, ModelError> {
        let number = match self.value {
            Document::Number(number) => Some(*number),
            // XGBoost writes its parameters as texts, and its trees as numbers.
            Document::Text(text) => text.parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.fault("this must be a number"))
    }

    /// A whole number from 0 to `most`.
    pub(super) fn whole(&self, most: usize) -> Result<usize, ModelError> {
        let number = self.number()?;
        whole(number, most).ok_or_else(|| self.fault(format!("{number} is not a whole number up to {most}")))
    }

    /// Numbers, or true and false as 1 and 0.
    pub(super) fn numbers(&self) -> Result<Vec<f64>, ModelError> {
        match self.value {
            Document::Numbers(numbers) => Ok(numbers.clone()),
            _ => Err(self.fault("this must be a list of numbers")),
        }
    }

    /// Exactly `length` whole numbers from 0 to `most`; −1 is `None`.
    pub(super) fn wholes(&self, length: usize, most: usize) -> Result<Vec<Option<usize>>, ModelError> {
        let numbers = self.of_length(length)?;
        let number = |(at, number): (usize, &f64)| match whole(*number, most) {
            None if *number != -1.0 => {
                Err(self.fault(format!("{number} (number {at}) is not a whole number up to {most}")))
            }
            found => Ok(found),
        };
        numbers.iter().enumerate().map(number).collect()
    }

    /// Exactly `length` numbers.
    pub(super) fn of_length(&self, length: usize) -> Result<Vec<f64>, ModelError> {
        let numbers = self.numbers()?;
        if numbers.len() != length {
            return Err(self.fault(format!("there are {} numbers; {length} were expected", numbers.len())));
        }
        Ok(numbers)
    }

    pub(super) fn fault(&self, reason: impl Into<String>) -> ModelError {
        ModelError::malformed(self.place(), reason)
    }
}

fn whole(number: f64, most: usize) -> Option<usize> {
    (number >= 0.0 && number <= most as f64 && number.fract() == 0.0).then_some(number as usize)
}

/// Reads JSON.
pub(super) fn json(bytes: &[u8]) -> Result<Document, ModelError> {
    let mut allowance = Allowance::of_file(bytes.len());
    let mut text = serde_json::Deserializer::from_slice(bytes);
    let document = Reading { allowance: &mut allowance, depth: 0 }.deserialize(&mut text);
    let ended = document.and_then(|document| text.end().map(|()| document));
    ended.map_err(ModelError::json)
}

/// Reads a value that stands `depth` deep in the document.
struct Reading<'r> {
    allowance: &'r mut Allowance,
    depth: usize,
}

impl Reading<'_> {
    fn deeper<E: Error>(&mut self) -> Result<Reading<'_>, E> {
        if self.depth >= DEEPEST {
            return Err(E::custom(format!("values are more than {DEEPEST} deep")));
        }
        Ok(Reading { allowance: self.allowance, depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Document;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Document;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Document, E> {
        Ok(Document::Number(f64::from(u8::from(yes))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Document, E> {
        Ok(Document::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Document, E> {
        Ok(Document::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Document, E> {
        Ok(Document::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Document, E> {
        self.allowance.take(text.len()).map_err(E::custom)?;
        Ok(Document::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Document, A::Error> {
        let mut values = Values::default();
        while let Some(value) = list.next_element_seed(self.deeper()?)? {
            values.push(value, self.allowance).map_err(A::Error::custom)?;
        }
        Ok(values.document())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Document, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            self.allowance.take(field_bytes(&name)).map_err(A::Error::custom)?;
            fields.push((name, map.next_value_seed(self.deeper()?)?));
        }
        Ok(Document::Map(fields))
    }
}
