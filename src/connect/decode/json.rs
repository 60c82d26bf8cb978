//! Reads JSON strictly: bounded in depth, no key twice, and an error that knows the pointer as well as the line.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::limits::DEPTH;
use super::pointer;
use super::poison::{Poison, Reason};

/// Reads one document.
///
/// # Errors
/// It is no UTF-8, no JSON, too deep, or has a key twice.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, Poison> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("the bytes from {} on are no UTF-8; send JSON", error.valid_up_to());
        Poison::new(Reason::NotUtf8, "", message)
    })?;
    let depth = depth(bytes);
    if depth > DEPTH {
        let message = format!("objects and lists are nested {depth} deep: at most {DEPTH} are read");
        return Err(Poison::new(Reason::TooDeep, "", message));
    }
    let place = Place::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let outcome = Strict(&place).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    outcome.map_err(|error| place.explain(&error))
}

/// How deep objects and lists are nested; brackets in texts do not count. In front of the parser, which would recurse.
fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut most, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' if !quoted => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// Where reading stopped.
#[derive(Default)]
struct Place {
    /// The keys and indices on the way there, innermost first.
    steps: RefCell<Vec<String>>,
    repeated: Cell<bool>,
}

impl Place {
    fn add(&self, step: &str) {
        self.steps.borrow_mut().push(pointer::escaped(step));
    }

    fn explain(&self, error: &serde_json::Error) -> Poison {
        let mut field = String::new();
        for step in self.steps.borrow().iter().rev() {
            field.push('/');
            field.push_str(step);
        }
        let (line, column) = (error.line(), error.column());
        if self.repeated.get() {
            let message = format!("is there twice, at line {line} column {column} the second time");
            return Poison::new(Reason::DuplicateKey, &field, message);
        }
        let text = error.to_string();
        // serde_json ends its message with the place, which is said here in other words.
        let reason = text.split(" at line ").next().unwrap_or(&text);
        let message = format!("malformed JSON at line {line} column {column}: {reason}");
        Poison::new(Reason::BadJson, &field, message)
    }
}

#[derive(Clone, Copy)]
struct Strict<'p>(&'p Place);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        loop {
            match list.next_element_seed(self) {
                Ok(Some(value)) => values.push(value),
                Ok(None) => return Ok(Value::Array(values)),
                Err(error) => {
                    self.0.add(&values.len().to_string());
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            // The parsers of the world keep the first or the last of two: whichever, half of them would be surprised.
            if members.contains_key(&key) {
                self.0.repeated.set(true);
                self.0.add(&key);
                return Err(A::Error::custom("a key is there twice"));
            }
            match object.next_value_seed(self) {
                Ok(value) => drop(members.insert(key, value)),
                Err(error) => {
                    self.0.add(&key);
                    return Err(error);
                }
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_serde_json_reads() {
        let text = r#"{"a": [1, -2, 3.5, 18446744073709551615, null, true, "[\"{é"], "b": {"c": {}}}"#;
        assert_eq!(parse(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn errors_know_the_pointer() {
        for (text, reason, field) in [
            (r#"{"a": {"b/c": [1, {"d": 1, "d": 2}]}}"#, Reason::DuplicateKey, "/a/b~1c/1/d"),
            (r#"{"a": [1, x]}"#, Reason::BadJson, "/a/1"),
            (r#"{"a": 1e999}"#, Reason::BadJson, "/a"),
            ("{} {}", Reason::BadJson, ""),
            ("", Reason::BadJson, ""),
        ] {
            let poison = parse(text.as_bytes()).unwrap_err();
            assert_eq!((poison.reason, poison.field.as_str()), (reason, field), "{text}: {}", poison.message);
        }
        assert_eq!(parse(b"\"\xff\"").unwrap_err().reason, Reason::NotUtf8);
    }

    #[test]
    fn depth_counts_brackets_outside_of_texts() {
        assert_eq!(depth(br#"{"[[\"[[": [[1], "]]]"], "b": {}}"#), 3);
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(parse(&nested(DEPTH)).is_ok());
        assert_eq!(parse(&nested(DEPTH + 1)).unwrap_err().reason, Reason::TooDeep);
    }
}
