//! From values to the codes that a model knows them by.

use hashbrown::HashMap;

use crate::feature::Texts;
use crate::model::CategoryValue;

/// The codes of one categorical input. A value without a code is missing to the model.
#[derive(Debug, Default)]
pub(super) struct Codes {
    texts: HashMap<Box<str>, f32>,
    /// Sorted by value.
    numbers: Vec<(f32, f32)>,
}

impl Codes {
    pub(super) fn new(categories: &[CategoryValue]) -> Self {
        let mut codes = Self::default();
        for (code, value) in categories.iter().enumerate() {
            let code = code as f32;
            match value {
                CategoryValue::Text(text) => drop(codes.texts.insert(text.as_str().into(), code)),
                CategoryValue::Number(number) => codes.numbers.push((*number as f32, code)),
                CategoryValue::Bool(value) => codes.numbers.push((f32::from(u8::from(*value)), code)),
            }
        }
        // Sorted and searched and not hashed: f32 has no hash, and a list of categories is short.
        codes.numbers.sort_by(|a, b| a.0.total_cmp(&b.0));
        codes
    }

    /// Whether nothing is said: numbers are codes themselves.
    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.numbers.is_empty()
    }

    pub(super) fn has_texts(&self) -> bool {
        !self.texts.is_empty()
    }

    pub(super) fn has_numbers(&self) -> bool {
        !self.numbers.is_empty()
    }

    /// The code of a text.
    pub(super) fn text(&self, text: &str) -> f32 {
        self.texts.get(text).copied().unwrap_or(f32::NAN)
    }

    /// The code of a number: the number itself where nothing is said.
    pub(super) fn number(&self, number: f32) -> f32 {
        if self.is_empty() {
            return number;
        }
        // NaN is found nowhere, which makes a missing value missing to the model too.
        let found = self.numbers.binary_search_by(|known| known.0.total_cmp(&number)).ok();
        found.and_then(|at| self.numbers.get(at)).map_or(f32::NAN, |known| known.1)
    }

    /// The code of a value that came as text: a text, a number or a truth value.
    pub(super) fn any(&self, text: &str) -> f32 {
        // A context attribute is always a text: "30" may be the text or the number of the model's list.
        match self.texts.get(text) {
            Some(code) => *code,
            None if self.has_texts() && !self.has_numbers() => f32::NAN,
            None => number(text).map_or(f32::NAN, |value| self.number(value)),
        }
    }

    /// The model's code for each of a column's own codes.
    pub(super) fn table(self, texts: Option<&Texts>) -> TextCodes {
        let by_code = texts.into_iter().flat_map(Texts::iter).map(|text| self.text(text)).collect();
        TextCodes { by_code, codes: self }
    }
}

/// The model's codes of the texts of one column.
#[derive(Debug)]
pub(super) struct TextCodes {
    /// By the column's own code.
    by_code: Box<[f32]>,
    codes: Codes,
}

impl TextCodes {
    /// The model's code of the text with this code in the column. Events may bring texts that the column was not made
    /// with: only those are looked up by what they say.
    pub(super) fn of<'a>(&self, code: u32, text: impl FnOnce() -> Option<&'a str>) -> f32 {
        let known = self.by_code.get(code as usize).copied();
        known.unwrap_or_else(|| text().map_or(f32::NAN, |text| self.codes.text(text)))
    }
}

/// A number that came as text.
pub(super) fn number(text: &str) -> Option<f32> {
    match text {
        "true" => Some(1.0),
        "false" => Some(0.0),
        _ => text.trim().parse().ok().filter(|number: &f32| number.is_finite()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_codes_of_their_places() {
        let codes = Codes::new(&[CategoryValue::Text("tea".into()), CategoryValue::Text("coffee".into())]);
        assert_eq!((codes.text("tea"), codes.any("coffee")), (0.0, 1.0));
        assert!(codes.any("cocoa").is_nan() && codes.any("1").is_nan() && codes.number(1.0).is_nan());
        let codes = Codes::new(&[CategoryValue::Number(30.0), CategoryValue::Number(-2.0)]);
        assert_eq!((codes.number(30.0), codes.number(-2.0), codes.any("30")), (0.0, 1.0, 0.0));
        assert!(codes.number(f32::NAN).is_nan() && codes.any("tea").is_nan());
        let codes = Codes::new(&[CategoryValue::Bool(true), CategoryValue::Bool(false)]);
        assert_eq!((codes.any("true"), codes.number(0.0)), (0.0, 1.0));
        let codes = Codes::new(&[]);
        assert_eq!((codes.number(7.0), codes.any("7")), (7.0, 7.0));
    }
}
