//! Records that become one row each: events, wishes to be forgotten, dead letters.

use arrow_array::builder::{Float64Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::artifact::table::{TableError, TableStream};

/// An event as it was written, in Larder's own words.
#[derive(Debug, Deserialize)]
pub(super) struct Written {
    #[serde(default)]
    id: Option<String>,
    #[serde(rename = "type")]
    pub(super) event_type: String,
    time: String,
    item_id: Option<String>,
    user_id: Option<String>,
    visitor_id: Option<String>,
    session_id: Option<String>,
    recommendation_id: Option<String>,
    value: Option<f64>,
    quantity: Option<f64>,
    consent: Option<String>,
    set: Option<Box<RawValue>>,
    unset: Option<Box<RawValue>>,
}

impl Written {
    fn time_ms(&self) -> i64 {
        // Only a time that chrono could not write has another form.
        let time = chrono::DateTime::parse_from_rfc3339(&self.time);
        time.map(|time| time.timestamp_millis()).unwrap_or_default()
    }
}

/// A dead letter as it was written.
#[derive(Debug, Deserialize)]
pub(super) struct Letter {
    source: String,
    partition: String,
    position: String,
    arrived: String,
    #[serde(default)]
    event: i64,
    reason: String,
    field: String,
    message: String,
    payload: Option<String>,
    key: Option<String>,
    headers: Option<Box<RawValue>>,
}

/// Rows under way.
pub(super) trait Rows: Default {
    /// What a row is made of.
    type Record;

    /// Adds a row.
    fn add(&mut self, record: &Self::Record);

    /// Writes the rows.
    fn write(self, table: &mut TableStream<Vec<u8>>) -> Result<(), TableError>;
}

/// A row for each event, with the columns that training reads.
#[derive(Debug, Default)]
pub(super) struct EventRows {
    id: StringBuilder,
    event_type: StringBuilder,
    time: TimestampMillisecondBuilder,
    item_id: StringBuilder,
    user_id: StringBuilder,
    visitor_id: StringBuilder,
    session_id: StringBuilder,
    recommendation_id: StringBuilder,
    value: Float64Builder,
    quantity: Float64Builder,
    consent: StringBuilder,
    set: StringBuilder,
    unset: StringBuilder,
}

impl Rows for EventRows {
    type Record = Written;

    fn add(&mut self, event: &Written) {
        self.id.append_option(event.id.as_ref());
        self.event_type.append_value(&event.event_type);
        self.time.append_value(event.time_ms());
        self.item_id.append_option(event.item_id.as_ref());
        self.user_id.append_option(event.user_id.as_ref());
        self.visitor_id.append_option(event.visitor_id.as_ref());
        self.session_id.append_option(event.session_id.as_ref());
        self.recommendation_id.append_option(event.recommendation_id.as_ref());
        self.value.append_option(event.value);
        self.quantity.append_option(event.quantity);
        self.consent.append_option(event.consent.as_ref());
        self.set.append_option(event.set.as_ref().map(|set| set.get()));
        self.unset.append_option(event.unset.as_ref().map(|unset| unset.get()));
    }

    fn write(mut self, table: &mut TableStream<Vec<u8>>) -> Result<(), TableError> {
        table
            .batch()
            .nullable_column("event_id", self.id.finish())
            .column("event_type", self.event_type.finish())
            .column("timestamp", self.time.finish().with_timezone("UTC"))
            .nullable_column("item_id", self.item_id.finish())
            .nullable_column("user_id", self.user_id.finish())
            .nullable_column("visitor_id", self.visitor_id.finish())
            .nullable_column("session_id", self.session_id.finish())
            .nullable_column("recommendation_id", self.recommendation_id.finish())
            .nullable_column("value", self.value.finish())
            .nullable_column("quantity", self.quantity.finish())
            .nullable_column("consent", self.consent.finish())
            .nullable_column("set", self.set.finish())
            .nullable_column("unset", self.unset.finish())
            .write()
    }
}

/// A row for each wish to be forgotten.
#[derive(Debug, Default)]
pub(super) struct ForgottenRows {
    user_id: StringBuilder,
    visitor_id: StringBuilder,
    time: TimestampMillisecondBuilder,
}

impl Rows for ForgottenRows {
    type Record = Written;

    fn add(&mut self, wish: &Written) {
        self.user_id.append_option(wish.user_id.as_ref());
        self.visitor_id.append_option(wish.visitor_id.as_ref());
        self.time.append_value(wish.time_ms());
    }

    fn write(mut self, table: &mut TableStream<Vec<u8>>) -> Result<(), TableError> {
        table
            .batch()
            .nullable_column("user_id", self.user_id.finish())
            .nullable_column("visitor_id", self.visitor_id.finish())
            .column("time", self.time.finish().with_timezone("UTC"))
            .write()
    }
}

/// A row for each dead letter.
#[derive(Debug, Default)]
pub(super) struct LetterRows {
    source: StringBuilder,
    partition: StringBuilder,
    position: StringBuilder,
    arrived: StringBuilder,
    event: Int64Builder,
    reason: StringBuilder,
    field: StringBuilder,
    message: StringBuilder,
    payload: StringBuilder,
    key: StringBuilder,
    headers: StringBuilder,
}

impl Rows for LetterRows {
    type Record = Letter;

    fn add(&mut self, letter: &Letter) {
        self.source.append_value(&letter.source);
        self.partition.append_value(&letter.partition);
        self.position.append_value(&letter.position);
        self.arrived.append_value(&letter.arrived);
        self.event.append_value(letter.event);
        self.reason.append_value(&letter.reason);
        self.field.append_value(&letter.field);
        self.message.append_value(&letter.message);
        self.payload.append_option(letter.payload.as_ref());
        self.key.append_option(letter.key.as_ref());
        self.headers.append_option(letter.headers.as_ref().map(|headers| headers.get()));
    }

    fn write(mut self, table: &mut TableStream<Vec<u8>>) -> Result<(), TableError> {
        table
            .batch()
            .column("source", self.source.finish())
            .column("partition", self.partition.finish())
            .column("position", self.position.finish())
            .column("arrived", self.arrived.finish())
            .column("event", self.event.finish())
            .column("reason", self.reason.finish())
            .column("field", self.field.finish())
            .column("message", self.message.finish())
            .nullable_column("payload", self.payload.finish())
            .nullable_column("key", self.key.finish())
            .nullable_column("headers", self.headers.finish())
            .write()
    }
}
