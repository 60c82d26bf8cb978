//! Who was forgotten is taken out of what is still to be delivered.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Record, What};

/// Somebody, by an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person<'a> {
    /// A signed-in customer.
    User(&'a str),
    /// A device or browser.
    Visitor(&'a str),
    /// A visit.
    Session(&'a str),
}

/// Knows who was forgotten. Asked by those who deliver, never by a request.
pub trait Forgotten: Send + Sync + fmt::Debug {
    /// Whether anybody was.
    fn is_anybody(&self) -> bool;

    /// Whether what somebody did at this time, in milliseconds since 1970-01-01 UTC, is forgotten.
    fn is(&self, person: Person<'_>, time_ms: i64) -> bool;
}

/// Looks at records before they are delivered.
#[derive(Debug, Clone)]
pub struct Screen {
    /// What they are.
    pub what: What,
    /// Who was forgotten.
    pub forgotten: Arc<dyn Forgotten>,
}

/// The ids in a record, wherever it is from.
#[derive(Deserialize)]
struct Ids<'a> {
    #[serde(borrow, default)]
    user_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    visitor_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    session_id: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "type")]
    event_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    time: Option<Cow<'a, str>>,
}

/// The keys of those ids.
const KEYS: [&str; 3] = ["user_id", "visitor_id", "session_id"];

impl Screen {
    /// What may still go out of a record: all of it (`None`), or these bytes, which are none where nothing may.
    pub(super) fn left_of(&self, record: &Record<'_>) -> Option<Vec<u8>> {
        // A dead letter has no record that names a person, unless that was wanted.
        if self.what == What::Dead || !self.forgotten.is_anybody() {
            return None;
        }
        let ids: Ids<'_> = serde_json::from_slice(record.bytes).ok()?;
        if ids.event_type.as_deref() == Some(FORGET) {
            return None; // the wish itself: others have to hear of it
        }
        let time_ms = ids.time.as_deref().and_then(time_ms_of).unwrap_or(record.time_ms);
        let persons = [
            ids.user_id.as_deref().map(Person::User),
            ids.visitor_id.as_deref().map(Person::Visitor),
            ids.session_id.as_deref().map(Person::Session),
        ];
        if !persons.into_iter().flatten().any(|person| self.forgotten.is(person, time_ms)) {
            return None;
        }
        match self.what {
            // What was shown still counts for the placement; to whom is nobody's business any more.
            What::Exposures => Some(without_ids(record.bytes)),
            _ => Some(Vec::new()),
        }
    }
}

/// The type of a wish to be forgotten.
pub(super) const FORGET: &str = "user.forgotten";

fn without_ids(json: &[u8]) -> Vec<u8> {
    // Of a record that cannot be taken apart nothing goes out.
    let fields: Option<BTreeMap<String, Box<RawValue>>> = serde_json::from_slice(json).ok();
    let Some(mut fields) = fields else { return Vec::new() };
    fields.retain(|key, _| !KEYS.contains(&key.as_str()));
    serde_json::to_vec(&fields).unwrap_or_default()
}

fn time_ms_of(text: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has forgotten the user `ada` and the session `s` up to a time.
    #[derive(Debug)]
    struct Until(i64);

    impl Forgotten for Until {
        fn is_anybody(&self) -> bool {
            true
        }

        fn is(&self, person: Person<'_>, time_ms: i64) -> bool {
            matches!(person, Person::User("ada") | Person::Session("s")) && time_ms <= self.0
        }
    }

    fn left(what: What, json: &str) -> Option<String> {
        let screen = Screen { what, forgotten: Arc::new(Until(1_000)) };
        let left = screen.left_of(&Record { time_ms: 900, bytes: json.as_bytes() });
        left.map(|left| String::from_utf8(left).unwrap())
    }

    #[test]
    fn an_exposure_loses_its_subject_and_nothing_else() {
        let shown = r#"{"seq":1,"user_id":"ada","visitor_id":"v","score":0.10,"asked":{"a":[1.50]}}"#;
        assert_eq!(left(What::Exposures, shown).unwrap(), r#"{"asked":{"a":[1.50]},"score":0.10,"seq":1}"#);
        assert_eq!(left(What::Exposures, r#"{"user_id":"bob","session_id":"t"}"#), None);
        assert_eq!(left(What::Exposures, r#"{"session_id":"s"}"#).unwrap(), "{}");
    }

    #[test]
    fn an_event_from_before_is_withdrawn_and_later_ones_and_the_wish_itself_are_not() {
        let event =
            |kind: &str, time: &str| format!(r#"{{"type":"{kind}","time":"{time}","user_id":"ada"}}"#);
        let (before, after) = ("1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z");
        assert_eq!(left(What::Events, &event("view", before)).unwrap(), "");
        assert_eq!(left(What::Events, &event("view", after)), None);
        assert_eq!(left(What::Events, &event(FORGET, before)), None);
    }
}
