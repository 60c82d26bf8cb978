//! How artifacts are made: events and a catalogue become the files of a snapshot. Offline; no request comes here, and
//! no pipeline is known.
//!
//! [`Dataset::read`](crate::train::Dataset::read) reads what a shop exports, [`train_all`](crate::train::train_all)
//! trains every artifact from it, and each algorithm is a function of its own. Choosing parameters and recipes by what
//! they achieve is [`evaluate`](crate::evaluate)'s.

mod als;
mod attributes;
mod bad_rows;
mod catalog;
mod dataset;
mod ease;
mod event_cells;
mod event_kind;
mod event_reader;
mod event_table;
mod event_types;
mod events;
mod events_error;
mod inputs;
mod interactions;
mod plan;
mod popularity;
mod rules;
mod sessions;
mod trainers;
mod writer;

pub use als::{AlsOptions, Factors, als};
pub use attributes::Attribute;
pub use bad_rows::{BadRows, RowFault, RowFaults};
pub use catalog::Catalog;
pub use dataset::Dataset;
pub use ease::ease;
pub use event_cells::parse_time_ms;
pub use event_kind::EventKind;
pub use event_reader::EventOptions;
pub use event_table::EventTable;
pub use event_types::{EventMeaning, EventTypeError, EventTypes, UnknownTypes};
pub use events::{Event, EventLog};
pub use events_error::EventsError;
pub use interactions::{Interactions, buy_again, histories};
pub use plan::TrainPlan;
pub use popularity::{PopularItem, popularity};
pub use rules::{RuleKind, RuleOptions, rules};
pub use sessions::{Session, baskets, sessions};
pub use trainers::train_all;
pub use writer::BuiltArtifact;
