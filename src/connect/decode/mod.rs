//! Records become events: bytes in, [`Event`](crate::domain::Event)s and refusals out, without any IO.
//!
//! A record is JSON that says an event in Larder's own words, or in anybody's words that a [`Mapping`] translates. It
//! may come in envelopes (SNS, EventBridge, CloudEvents, S3 notifications, DynamoDB and Debezium change records, one
//! inside the other); they are told by their looks and opened. `docs/events.md` has the forms for users.

mod canonical;
mod clock;
mod convert;
mod decoder;
mod defaults;
mod envelope;
mod frame;
mod json;
pub mod limits;
mod mapped;
mod mapping;
mod pattern;
mod pointer;
mod poison;
mod published;
mod time;
mod values;

pub use clock::MissingTime;
pub use decoder::{Decoded, Decoder};
pub use mapping::{As, Field, Mapping, MappingError, TypeField};
pub use pattern::PatternError;
pub use poison::{Poison, Reason};
