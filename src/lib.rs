//! Larder: a recommendation server that is stocked ahead and serves at once.

/// The command line.
#[cfg(feature = "server")]
pub mod cli;

/// Wiring only: a configuration becomes a running server.
#[cfg(feature = "server")]
pub mod app;

/// From a configuration as written to one that is valid.
#[cfg(feature = "server")]
pub mod config;

/// Logs and metrics.
#[cfg(feature = "server")]
pub mod telemetry;

/// The street: gRPC, HTTP/JSON and the admin port.
#[cfg(feature = "server")]
pub mod server;

/// The hall: takes a request, answers with a slate.
pub mod recommender;

/// The corridor: one trait per room, one walk through all of them.
pub mod pipeline;

/// The back door: what was shown, to whoever wants to know.
pub mod exposure;

/// What merchandisers instruct: a part of the view that is empty so far.
pub mod rules;

/// What events say: a part of the view that is empty so far.
pub mod live;

/// The cellar: what is served at one moment, and how one moment follows the other.
pub mod snapshot;

/// Columns of attributes, and expressions over them.
pub mod feature;

/// Retrieval over dense item numbers.
pub mod index;

/// Rankers: trained models that give a candidate its score.
pub mod model;

/// The loading dock: where files come from and go to.
pub mod artifact;

/// How settings are written, printed and refused: durations, sizes, ranges.
pub mod setting;

/// The ground: ids, requests, candidates, slates.
pub mod domain;

/// The foundations: loops that use what the processor has. The only module with `unsafe` code.
pub mod machine;

/// Which instructions of the processor may be used.
pub use machine::cpu;

/// The workshop, beside the house: events and a catalogue become artifacts.
pub mod train;

/// The tasting room: held-out events replayed through the real recommender.
pub mod evaluate;
