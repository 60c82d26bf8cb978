//! The workshop: events and a catalogue become artifacts. Offline; no request ever enters, no pipeline is known.

mod als;
mod attributes;
mod bad_rows;
mod catalog;
mod ease;
mod events;
mod interactions;
mod popularity;
mod rules;
mod sessions;
mod workshop;

pub use als::{AlsOptions, Factors, als};
pub use attributes::Attribute;
pub use bad_rows::BadRows;
pub use catalog::Catalog;
pub use ease::ease;
pub use events::{Event, EventKind, EventLog, parse_time_ms};
pub use interactions::{Interactions, buy_again, histories};
pub use popularity::popularity;
pub use rules::{RuleKind, RuleOptions, rules};
pub use sessions::{Session, baskets, sessions};
pub use workshop::{BuiltArtifact, TrainPlan, sequence_options, stock, together_options};
