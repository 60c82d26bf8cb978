//! Larder, a recommendation server, as a library: what it serves from, and how it answers, without the server.
//!
//! # Answer a request
//!
//! ```no_run
//! use larder::domain::Request;
//! use larder::recommender::Recommender;
//!
//! let recommender = Recommender::open("models")?; // a store's root, or one snapshot's directory
//! let answer = recommender.recommend(&Request::new("pdp.similar").viewing("P00042").page_size(8))?;
//! for item in &answer.slate.items {
//!     println!("{} {:.3} from {}", answer.id(item.item), item.score, item.source);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With `--no-default-features` the crate is synchronous and has no runtime: that is what to embed. `examples/embed.rs`
//! is a whole program; `examples/custom_source.rs` and `examples/custom_scorer.rs` add stages of their own.
//!
//! # Core concepts
//!
//! - A [**snapshot**](snapshot::Snapshot) is everything that one training run published: a catalogue, models, features
//!   and recipes, as artifacts listed in a manifest. It is decoded and checked as a whole and never changes.
//! - A [**placement**](recommender::Placement) is a named spot where a slate is shown, with its recipe in
//!   `placements.toml`: candidate sources, filters, a scorer, re-rankers, and fallback sources.
//! - A [**View**](recommender::View) is what a request pins: a snapshot with its recipes compiled, the rules and the
//!   live state. It is immutable; a new one replaces it by one pointer swap, and requests under way keep theirs.
//! - A [**slate**](domain::Slate) is the ordered answer. Its item numbers are valid in the snapshot that comes with it.
//! - Scores have one [total order](domain::score): the same request on the same View gives the same slate.
//!
//! # What happens to a request
//!
//! 1. [`Recommender::recommend`](recommender::Recommender::recommend) pins the View and finds the placement.
//! 2. Ids become dense numbers. Unknown users and items are no errors.
//! 3. Filters say what may be shown, so that sources do not look for anything else.
//! 4. The [`pipeline`] runs: sources, features, scorer, re-rankers, selector. With a deadline, optional stages are left
//!    out where time is short, and the answer says so.
//! 5. A short slate is filled from the placement's fallback sources, and last from whatever may be shown.
//!
//! Once a thread has answered a few requests, the next one allocates nothing but its answer.
//!
//! # Features
//!
//! | feature | what it adds | default |
//! | --- | --- | --- |
//! | `server` | gRPC, HTTP/JSON and admin listeners, and the command line | yes |
//! | `s3` | snapshots from any S3-compatible object store | yes |
//! | `sample` | `larder sample`: a generated shop to try all of it on | yes |
//! | `onnx` | rankers that are ONNX networks | no |
#![cfg_attr(docsrs, feature(doc_cfg))]

/// The command line.
#[cfg(feature = "server")]
mod cli;

/// Wiring only: a configuration becomes a running server.
#[cfg(feature = "server")]
mod app;

/// The configuration, put together from defaults, file, environment and flags.
#[cfg(feature = "server")]
pub mod config;

/// Logs, and the metrics that are read from state.
#[cfg(feature = "server")]
pub mod telemetry;

/// Listeners, admission, the API's protocols, and the admin port.
#[cfg(feature = "server")]
pub mod server;

/// Requests in, slates out: the View, placements, fallback, time budget, result cache.
pub mod recommender;

/// One trait for each kind of stage, and the runner that takes a request through them.
pub mod pipeline;

/// Records of streams and files become events.
#[cfg(feature = "server")]
pub mod connect;

/// What was shown, and where that is written.
pub mod exposure;

/// What merchandisers instruct: a part of the View that is empty so far.
pub mod rules;

/// What events say: a part of the View that is empty so far.
pub mod live;

/// Everything that was published together: loading, checking, following a channel, swapping.
pub mod snapshot;

/// Columns of attributes, and expressions over them.
pub mod feature;

/// Retrieval over dense item numbers.
pub mod index;

/// Rankers: trained models that give a candidate its score.
pub mod model;

/// Files and stores: where artifacts come from and go to.
pub mod artifact;

/// How settings are written, printed and refused: durations, sizes, ranges.
pub mod setting;

/// Ids, requests, candidates, slates: what everything else speaks of.
pub mod domain;

/// Loops that use what the processor has. The only module with `unsafe` code.
mod machine;

/// Which instructions of the processor may be used.
pub use machine::cpu;

/// Events and a catalogue become artifacts.
pub mod train;

/// Held-out events, replayed through the real recommender.
pub mod evaluate;

/// What became of what was shown.
pub mod report;

/// Runs the program `larder` with this process's arguments.
#[cfg(feature = "server")]
#[doc(hidden)]
pub fn main() -> std::process::ExitCode {
    cli::main()
}
