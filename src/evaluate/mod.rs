//! Replays held-out events through the real recommender, and chooses training parameters and recipes by what they
//! achieve.
//!
//! [`Replayer`](crate::evaluate::Replayer) measures one placement; [`tune`](crate::evaluate::tune) searches for good
//! recipes by it; [`train_snapshot`](crate::evaluate::train_snapshot) is all of training: tune, train, verify.

mod error;
mod metrics;
mod protocol;
mod questions;
mod replay;
mod snapshot;
mod trial;
mod tune;

pub use error::TrainError;
pub use metrics::{Latency, Metrics, Report};
pub use questions::NothingToReplay;
pub use replay::{ReplayError, ReplayOptions, Replayer};
pub use snapshot::{TrainOptions, TrainedSnapshot, train_snapshot};
pub use trial::{Trial, offline_recommender, trial};
pub use tune::{Evidence, Tried, Tuned, split, tune};
