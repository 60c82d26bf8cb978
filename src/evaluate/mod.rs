//! The tasting room: replays held-out events through the real recommender, and chooses recipes by it.

mod metrics;
mod recipe;
mod replay;
mod shelf;
mod tune;

pub use metrics::{Latency, Metrics, Report};
pub use recipe::{Recipe, SourceLine};
pub use replay::{ReplayOptions, Replayer};
pub use shelf::{Trial, trial};
pub use tune::{Evidence, Tuned, split, tune};
