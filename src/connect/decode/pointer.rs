//! JSON Pointers (RFC 6901), and how they are looked up in the images of change records.

use std::borrow::Cow;

use serde_json::Value;

/// A pointer, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer {
    text: String,
    steps: Vec<String>,
}

impl Pointer {
    /// Reads a pointer; `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self { text: String::new(), steps: Vec::new() });
        }
        let steps = text.strip_prefix('/')?.split('/').map(unescaped).collect::<Option<_>>()?;
        Some(Self { text: text.to_owned(), steps })
    }

    /// As it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// What it points at in a plain document.
    pub(super) fn find<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(document, step)
    }

    /// What it points at in a document with a DynamoDB change record: inside an image the letter of a value's type, as
    /// in `{"N": "3"}`, need not be written.
    pub(super) fn find_typed<'v>(&self, document: &'v Value) -> Option<Cow<'v, Value>> {
        let mut value = document;
        let mut in_image = false;
        for name in &self.steps {
            value = match (step(value, name), in_image) {
                (Some(found), _) => found,
                (None, true) => step(value.get("M").or_else(|| value.get("L"))?, name)?,
                (None, false) => return None,
            };
            in_image |= IMAGES.contains(&name.as_str());
        }
        let last_is_image = self.steps.last().is_some_and(|name| IMAGES.contains(&name.as_str()));
        match plain(value) {
            Some(plain) if in_image && !last_is_image => Some(Cow::Owned(plain)),
            _ => Some(Cow::Borrowed(value)),
        }
    }

    /// The pointers to look at in the record of a deletion, whose new image is not there: those to what was before.
    pub(super) fn before(&self) -> impl Iterator<Item = Self> + '_ {
        let renamed = |from: &str, to: &str| {
            let at = self.steps.iter().position(|name| name == from)?;
            let mut steps = self.steps.clone();
            steps[at] = to.to_owned();
            Some(Self { text: self.text.clone(), steps })
        };
        [("after", "before"), ("NewImage", "OldImage"), ("NewImage", "Keys")]
            .into_iter()
            .filter_map(move |(from, to)| renamed(from, to))
    }
}

/// The members of a DynamoDB change record whose values have types.
const IMAGES: [&str; 3] = ["NewImage", "OldImage", "Keys"];

/// A key, as a step of a pointer.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn unescaped(step: &str) -> Option<String> {
    let mut text = String::with_capacity(step.len());
    let mut letters = step.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '~' => text.push(match letters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            }),
            letter => text.push(letter),
        }
    }
    Some(text)
}

fn step(value: &Value, name: impl AsRef<str>) -> Option<&Value> {
    let name = name.as_ref();
    match value {
        Value::Object(members) => members.get(name),
        // RFC 6901 has no signs and no leading zeros, which `parse` would take.
        Value::Array(values) if name == "0" || name.starts_with(|c: char| ('1'..='9').contains(&c)) => {
            values.get(name.parse::<usize>().ok()?)
        }
        _ => None,
    }
}

/// The value that a DynamoDB value with its type stands for; `None` if it is not one, or is no single value or list.
fn plain(typed: &Value) -> Option<Value> {
    let members = typed.as_object().filter(|members| members.len() == 1)?;
    let (letter, value) = members.iter().next()?;
    match (letter.as_str(), value) {
        ("S" | "B", Value::String(_)) | ("BOOL", Value::Bool(_)) | ("SS" | "NS" | "BS", Value::Array(_)) => {
            Some(value.clone())
        }
        ("N", Value::String(text)) => number(text),
        ("NULL", Value::Bool(true)) => Some(Value::Null),
        // A member that has no type, such as an object in the list, stays as it is and is refused where it is used.
        ("L", Value::Array(values)) => {
            Some(values.iter().map(|value| plain(value).unwrap_or_else(|| value.clone())).collect())
        }
        _ => None,
    }
}

/// A number written as text; a whole one stays exact where 64 bits have room for it.
pub(super) fn number(text: &str) -> Option<Value> {
    match text.parse::<i64>() {
        Ok(whole) => Some(Value::from(whole)),
        Err(_) => text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pointers_are_those_of_the_rfc() {
        let document = json!({"a": [{"b/c~": 1}, 2], "": 3});
        let find = |text: &str| Pointer::parse(text).unwrap().find(&document).cloned();
        assert_eq!(find("/a/0/b~1c~0"), Some(json!(1)));
        assert_eq!(find("/a/1"), Some(json!(2)));
        assert_eq!(find("/"), Some(json!(3)));
        assert_eq!(find(""), Some(document.clone()));
        for text in ["/a/01", "/a/+1", "/a/-", "/a/2", "/b", "/a/1/x", "/a/99999999999999999999"] {
            assert_eq!(find(text), None, "{text}");
        }
        for text in ["a", "a/b", "/a~", "/a~2"] {
            assert_eq!(Pointer::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_letter_of_a_type_need_not_be_written() {
        let image = json!({"qty": {"N": "3"}, "rate": {"N": "2.5"}, "tags": {"SS": ["x"]}, "gone": {"NULL": true},
            "more": {"M": {"list": {"L": [{"S": "y"}, {"N": "1"}]}}}, "name": {"S": "tea"}});
        let document = json!({"dynamodb": {"NewImage": image}, "qty": {"N": "4"}});
        let find = |text: &str| Pointer::parse(text).unwrap().find_typed(&document).map(Cow::into_owned);
        for (pointer, value) in [
            ("qty", json!(3)),
            ("qty/N", json!("3")),
            ("rate", json!(2.5)),
            ("tags", json!(["x"])),
            ("gone", Value::Null),
            ("more/list", json!(["y", 1])),
            ("more/list/0", json!("y")),
            ("more/M/list/L/1/N", json!("1")),
        ] {
            assert_eq!(find(&format!("/dynamodb/NewImage/{pointer}")), Some(value), "{pointer}");
        }
        assert_eq!(find("/qty"), Some(json!({"N": "4"})), "outside of an image nothing has a type");
        assert_eq!(find("/dynamodb/NewImage/none"), None);
    }
}
