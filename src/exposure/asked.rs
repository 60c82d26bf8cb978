//! What was asked for, as a record that the same question can be asked from again.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::domain::{KeyVisitor, Request, RequestKey};

/// Upper bound on the bytes of one record. Nearly all requests take some hundred; one that names a thousand candidates
/// would take half a megabyte, ten thousand of which may wait for a sink. Raising it makes fewer records incomplete and
/// the queue larger.
const MOST_BYTES: usize = 2048;

/// All that a request says and that its answer depends on, but who asked, as JSON with the names of the API.
#[derive(Debug, Clone)]
pub struct Asked(Box<RawValue>);

impl Asked {
    /// What this request asks; `None` if that is too long to be recorded.
    pub fn by(request: &Request) -> Option<Self> {
        // Who asked is in the exposure itself, as consent allows.
        let mut writer = Writer { json: vec![b'{'], name: None, is_empty: false };
        RequestKey::answer(request).without_subject().visit(&mut writer);
        writer.json.push(b'}');
        let json = String::from_utf8(writer.json).ok().filter(|json| json.len() <= MOST_BYTES)?;
        RawValue::from_string(json).ok().map(Self)
    }

    /// The record.
    pub fn as_json(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

impl Serialize for Asked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Writes the parts of a request as JSON, and leaves out what the request does not have.
struct Writer {
    json: Vec<u8>,
    name: Option<&'static str>,
    /// Whether the list or map that was just opened has nothing in it, and was not written.
    is_empty: bool,
}

impl Writer {
    fn value(&mut self, value: &impl Serialize) {
        self.begin();
        self.write(value);
    }

    /// What comes before a value: a comma, if it is not the first, and its name, if it has one.
    fn begin(&mut self) {
        if !matches!(self.json.last(), Some(b'{' | b'[' | b':')) {
            self.json.push(b',');
        }
        if let Some(name) = self.name.take() {
            self.write(&name);
            self.json.push(b':');
        }
    }

    fn write(&mut self, value: &impl Serialize) {
        // Neither memory nor a text or number can fail to be written.
        let _ = serde_json::to_writer(&mut self.json, value);
    }

    fn open(&mut self, mark: u8, length: usize) {
        // Left out like what is absent: most requests have most lists empty.
        self.is_empty = length == 0;
        if self.is_empty {
            self.name = None;
        } else {
            self.begin();
            self.json.push(mark);
        }
    }

    fn close(&mut self, mark: u8) {
        if !std::mem::take(&mut self.is_empty) {
            self.json.push(mark);
        }
    }
}

impl KeyVisitor for Writer {
    fn name(&mut self, name: &'static str) {
        self.name = Some(name);
    }

    fn absent(&mut self) {
        self.name = None;
    }

    fn text(&mut self, value: &str) {
        self.value(&value);
    }

    fn integer(&mut self, value: i64) {
        self.value(&value);
    }

    fn number(&mut self, value: f64) {
        self.value(&value);
    }

    fn boolean(&mut self, value: bool) {
        self.value(&value);
    }

    fn choice(&mut self, _number: u8, name: &'static str) {
        self.value(&name);
    }

    fn open_list(&mut self, length: usize) {
        self.open(b'[', length);
    }

    fn close_list(&mut self) {
        self.close(b']');
    }

    fn open_map(&mut self, length: usize) {
        self.open(b'{', length);
    }

    fn close_map(&mut self) {
        self.close(b'}');
    }

    fn entry(&mut self, name: &str) {
        self.value(&name);
        self.json.push(b':');
    }

    fn open_record(&mut self) {
        self.open(b'{', 1);
    }

    fn close_record(&mut self) {
        self.close(b'}');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{FilterValue, SeedRole};

    #[test]
    fn a_record_has_all_that_was_said_and_nothing_that_was_not() {
        let mut request = Request::new("pdp \"x\"").user("u").seed("a", SeedRole::InCart).event("b");
        request.context.attributes.insert("page".to_owned(), "tea".to_owned());
        request.context.attributes.insert("season".to_owned(), "winter".to_owned());
        request.filter = Some("price < $most".to_owned());
        let values = vec![FilterValue::Bool(true), FilterValue::Text("t".to_owned())];
        request.filter_params.insert("some".to_owned(), FilterValue::List(values));
        request.filter_params.insert("most".to_owned(), FilterValue::Number(9.5));
        request.exclude_item_ids = vec!["x".to_owned(), "y".to_owned()];
        let asked = Asked::by(&request).unwrap();
        let record: serde_json::Value = serde_json::from_str(asked.as_json()).unwrap();
        let expected = json!({
            "placement": "pdp \"x\"",
            "attributes": {"page": "tea", "season": "winter"},
            "seed_items": [{"item_id": "a", "role": "IN_CART", "weight": 1.0}],
            "session_events": [{"item_id": "b"}],
            "filter": "price < $most",
            "filter_params": {"some": [true, "t"], "most": 9.5},
            "exclude_item_ids": ["x", "y"],
            "offset": 0,
            "view": "STANDARD",
        });
        assert_eq!(record, expected);
        let least = serde_json::to_value(Asked::by(&Request::new("p")).unwrap()).unwrap();
        assert_eq!(least, json!({"placement": "p", "offset": 0, "view": "STANDARD"}));
    }

    #[test]
    fn what_would_fill_the_queue_is_not_recorded() {
        let mut request = Request::new("p");
        request.candidate_item_ids = vec!["x".repeat(100); 100];
        assert_eq!(Asked::by(&request), None);
    }
}
