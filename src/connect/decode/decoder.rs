//! From a record to its events: opens the envelopes, and hands each event to what reads it.

use std::sync::Arc;

use serde_json::Value;

use super::clock::{Clock, MissingTime};
use super::envelope::{Inner, binary_cloud_event, form_of, open};
use super::frame::{Form, Frame};
use super::limits::{ENVELOPES, EVENTS, RECORD_BYTES};
use super::mapped::{self, Rule};
use super::mapping::{Mapping, MappingError};
use super::poison::{Poison, Reason};
use super::{canonical, json, published};
use crate::connect::Record;
use crate::domain::Event;

/// Decodes the records of one source.
#[derive(Debug, Clone)]
pub struct Decoder {
    rules: Arc<[Rule]>,
    missing_time: MissingTime,
}

/// What became of a record. Events are with the caller already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Events that were added to the caller's.
    pub events: usize,
    /// Events in it for which there are mappings, but none that matches.
    pub unmatched: usize,
    /// Messages about the transport: tombstones, tests, notifications about other files.
    pub ignored: usize,
    /// Events that cannot be used, by their number in the record.
    pub poison: Vec<Poison>,
    /// Whether there is poison, and the record seems to name a person.
    pub names_a_person: bool,
}

impl Decoder {
    /// A decoder with these mappings, of which the first that matches counts.
    ///
    /// # Errors
    /// A mapping that could not be applied to any record.
    pub fn new(mappings: &[Mapping]) -> Result<Self, MappingError> {
        let rules = mappings.iter().enumerate().map(|(at, mapping)| Rule::new(at, mapping));
        Ok(Self { rules: rules.collect::<Result<_, _>>()?, missing_time: MissingTime::default() })
    }

    /// A decoder of events in Larder's own words.
    pub fn canonical() -> Self {
        Self { rules: Arc::new([]), missing_time: MissingTime::default() }
    }

    /// The same with another answer to events without a time.
    #[must_use]
    pub fn with_missing_time(self, missing_time: MissingTime) -> Self {
        Self { missing_time, ..self }
    }

    /// Decodes a record that arrived at `now_ms`, and adds its events to `out`, in their order.
    pub fn decode(&self, record: &Record<'_>, now_ms: i64, out: &mut Vec<Event>) -> Decoded {
        let mut decoded = match document(record) {
            Ok(Some(document)) => self.decode_document(&document, now_ms, out),
            Ok(None) => Decoded { ignored: 1, ..Decoded::default() },
            Err(poison) => Decoded { poison: vec![poison], ..Decoded::default() },
        };
        decoded.names_a_person = !decoded.poison.is_empty() && self.names_a_person(record);
        decoded
    }

    /// As [`Decoder::decode`], for a record that is parsed already, and is neither too large nor too deep.
    pub fn decode_document(&self, document: &Value, now_ms: i64, out: &mut Vec<Event>) -> Decoded {
        let clock = Clock { now_ms, missing: self.missing_time };
        let mut run = Run { rules: &self.rules, clock, out, seen: 0, decoded: Decoded::default() };
        let form = form_of(document);
        run.open(&Frame { document, form, outer: None, pointer: "", index: None }, 0);
        run.decoded
    }

    /// Whether a record seems to name a person. Guessed from the bytes, since what cannot be parsed may name somebody
    /// as well.
    pub fn names_a_person(&self, record: &Record<'_>) -> bool {
        let named_in = |text: &[u8]| {
            PERSONAL
                .iter()
                .any(|name| text.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name.as_bytes())))
        };
        self.rules.iter().any(Rule::names_a_person)
            || named_in(record.body)
            || record.headers.iter().any(|(name, value)| named_in(name.as_bytes()) || named_in(value))
    }
}

/// How keys are spelt that have ids of people.
const PERSONAL: [&str; 9] = [
    "user_id",
    "userid",
    "visitor_id",
    "visitorid",
    "session_id",
    "sessionid",
    "customer_id",
    "customerid",
    "user.forgotten",
];

/// The outermost document of a record; `None` for a tombstone.
fn document(record: &Record<'_>) -> Result<Option<Value>, Poison> {
    let bytes = record.body.len();
    if bytes > RECORD_BYTES {
        let message = format!("the record has {bytes} bytes: at most {RECORD_BYTES} are read");
        return Err(Poison::new(Reason::TooLarge, "", message));
    }
    // Registries of schemas put a zero and the schema's number in front, whatever the content type says.
    if record.body.first() == Some(&0) && bytes >= 5 {
        let message = "the record is Avro with a schema registry's header, which is not read: send JSON";
        return Err(Poison::new(Reason::AvroHeader, "", message));
    }
    match binary_cloud_event(record) {
        Ok(Some(event)) => Ok(Some(event)),
        Ok(None) if record.body.trim_ascii().is_empty() => Ok(None),
        Ok(None) => json::parse(record.body).map(Some),
        Err(poison) => Err(poison),
    }
}

/// One record being decoded.
struct Run<'r> {
    rules: &'r [Rule],
    clock: Clock,
    out: &'r mut Vec<Event>,
    /// Events so far, of whatever outcome.
    seen: usize,
    decoded: Decoded,
}

impl Run<'_> {
    fn open(&mut self, frame: &Frame<'_>, envelopes: usize) {
        let inner = match open(frame) {
            Ok(inner) => inner,
            Err(poison) => return self.refuse(poison.below(&frame.location())),
        };
        match inner {
            Inner::Event => self.event(frame),
            Inner::Nothing => {
                self.seen += 1;
                self.decoded.ignored += 1;
            }
            Inner::One(..) | Inner::Each(..) if envelopes == ENVELOPES => {
                let message = format!("envelopes are {ENVELOPES} deep: no more are opened");
                self.refuse(Poison::new(Reason::TooManyEnvelopes, &frame.location(), message));
            }
            Inner::One(pointer, form, document) => {
                let inner = Frame { document: &document, form, outer: Some(frame), pointer, index: None };
                self.open(&inner, envelopes + 1);
            }
            Inner::Each(pointer, documents) => self.each(frame, pointer, documents, envelopes),
        }
    }

    fn each(&mut self, frame: &Frame<'_>, pointer: &'static str, documents: &[Value], envelopes: usize) {
        // All or none: the first 500 of 600 would look like a success.
        if self.seen + documents.len() > EVENTS {
            let message = format!("{} events in one record: at most {EVENTS} are read", documents.len());
            return self.refuse(Poison::new(Reason::TooManyEvents, &(frame.location() + pointer), message));
        }
        // A list alone is no envelope, but one in a list counts, so that lists cannot go on and on.
        let depth = envelopes + usize::from(frame.form != Form::List || frame.index.is_some());
        for (index, document) in documents.iter().enumerate() {
            let form = form_of(document);
            let inner = Frame { document, form, outer: Some(frame), pointer, index: Some(index) };
            self.open(&inner, depth);
        }
    }

    fn event(&mut self, frame: &Frame<'_>) {
        if let Some(outcome) = mapped::apply(self.rules, frame, self.clock) {
            return self.settle(outcome);
        }
        let outcome = match frame.form {
            Form::S3Record | Form::S3Detail => published::read(frame, self.clock),
            _ if !self.rules.is_empty() && !canonical::is_meant(frame) => {
                self.seen += 1;
                self.decoded.unmatched += 1;
                return;
            }
            Form::DynamoDb | Form::Debezium => Err(unmapped(frame)),
            _ => canonical::read(frame, self.clock).map(Some),
        };
        self.settle(outcome);
    }

    fn settle(&mut self, outcome: Result<Option<Event>, Poison>) {
        match outcome {
            Ok(Some(event)) => {
                self.out.push(event);
                self.seen += 1;
                self.decoded.events += 1;
            }
            Ok(None) => {
                self.seen += 1;
                self.decoded.ignored += 1;
            }
            Err(poison) => self.refuse(poison),
        }
    }

    fn refuse(&mut self, poison: Poison) {
        self.decoded.poison.push(Poison { event: self.seen, ..poison });
        self.seen += 1;
    }
}

fn unmapped(frame: &Frame<'_>) -> Poison {
    let what = if frame.form == Form::DynamoDb { "a DynamoDB" } else { "a Debezium" };
    let message =
        format!("is {what} change record, whose columns only a mapping can name: add [[events.source.map]]");
    Poison::new(Reason::NotCanonical, &frame.location(), message)
}
