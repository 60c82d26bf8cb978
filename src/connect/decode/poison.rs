//! Why a record, or one event in it, cannot be used.

use std::fmt;

use serde_json::Value;

/// Characters of a pointer or a value in a message; the rest is cut off, so that a refusal stays small.
const SHOWN: usize = 64;

/// An event that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Poison {
    /// Its number in the record, from 0.
    pub event: usize,
    /// Why, for counting.
    pub reason: Reason,
    /// The JSON Pointer of what is at fault, from the record's outermost document; through a text that holds JSON it
    /// goes on inside. For a mapping, the pointer that the mapping has. Empty where it is the whole record.
    pub field: String,
    /// Why, for people. It has no id of a person.
    pub message: String,
}

/// Makes the enum, the names and the list of all of them from one table.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// Why an event cannot be used. The names are those of metrics, dead letters and the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)+];

            /// The stable name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Reason::$variant => $name,)+
                }
            }
        }
    };
}

reasons! {
    /// The record has more bytes than [`limits::RECORD_BYTES`](super::limits::RECORD_BYTES).
    TooLarge = "too_large",
    /// Objects and lists are nested deeper than [`limits::DEPTH`](super::limits::DEPTH).
    TooDeep = "too_deep",
    /// More envelopes inside each other than [`limits::ENVELOPES`](super::limits::ENVELOPES).
    TooManyEnvelopes = "too_many_envelopes",
    /// More events than a record may have.
    TooManyEvents = "too_many_events",
    /// More attributes, or a longer list, than an event may have.
    TooMany = "too_many",
    /// An id, a name or a text is too long.
    TooLong = "too_long",
    /// Avro with the header of a schema registry, which is not read.
    AvroHeader = "avro_header",
    /// The bytes are no UTF-8.
    NotUtf8 = "not_utf8",
    /// The text is no JSON.
    BadJson = "bad_json",
    /// An object has a key twice.
    DuplicateKey = "duplicate_key",
    /// An envelope that is not as its kind has to be.
    BadEnvelope = "bad_envelope",
    /// No event in Larder's own words, and no mapping for it.
    NotCanonical = "not_canonical",
    /// A key that no event has.
    UnknownField = "unknown_field",
    /// A type that there is not.
    UnknownType = "unknown_type",
    /// Something that the type, or the mapping, cannot do without is not there.
    MissingField = "missing_field",
    /// There is something that the type has no use for.
    MisplacedField = "misplaced_field",
    /// No time.
    MissingTime = "missing_time",
    /// What should be a time is none.
    BadTime = "bad_time",
    /// More than [`limits::FUTURE_MS`](super::limits::FUTURE_MS) ahead of this machine's clock.
    FutureTime = "future_time",
    /// A value of the wrong type, or one that cannot be converted.
    BadValue = "bad_value",
    /// An object, or a list in a list, where a single value or a list of texts belongs.
    NestedValue = "nested_value",
    /// An attribute is set and unset by the same event.
    Conflict = "conflict",
    /// There is no memory for it, or no row for its item.
    NoRoom = "no_room",
    /// The catalogue's attribute is of another type.
    WrongType = "wrong_type",
    /// Its subject has not agreed that it is kept.
    Consent = "consent",
    /// Its item is not known.
    UnknownItem = "unknown_item",
    /// It names neither a session nor a person.
    NoSubject = "no_subject",
    /// Its subject is forgotten, but not beyond a restart.
    NotKept = "not_kept",
    /// Nothing here takes events of this type.
    NotTaken = "not_taken",
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Poison {
    /// A refusal of what `field` points at.
    pub(super) fn new(reason: Reason, field: &str, message: impl Into<String>) -> Self {
        Self { event: 0, reason, field: cut(field, 4 * SHOWN), message: message.into() }
    }

    /// An event that was read and cannot be applied, for the reason of this name.
    pub fn not_applied(reason: &str, message: String) -> Self {
        let known = Reason::ALL.iter().find(|known| known.as_str() == reason);
        Self::new(known.copied().unwrap_or(Reason::NotTaken), "", message)
    }

    /// A document that should be one event.
    pub fn not_one_event(events: usize) -> Self {
        Self::new(Reason::NotCanonical, "", format!("has {events} events: expected one"))
    }

    /// A value that is not what is expected.
    pub(super) fn bad_value(field: &str, value: &Value, expected: &str) -> Self {
        Self::new(Reason::BadValue, field, format!("is {}: expected {expected}", shown(value)))
    }

    /// The same, found in a document that is itself at `location`.
    pub(super) fn below(mut self, location: &str) -> Self {
        if !location.is_empty() {
            self.field = cut(&format!("{location}{}", self.field), 4 * SHOWN);
        }
        self
    }
}

/// A text of at most `most` characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A value for a message, shortened.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{:?}", cut(text, SHOWN)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        scalar => scalar.to_string(),
    }
}
