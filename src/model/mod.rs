//! Rankers: a row of features becomes a number, for all candidates of a request at once.

mod error;
mod forest;
mod format;
mod input;
mod lightgbm;
mod linear;
mod link;
mod matrix;
#[cfg(feature = "onnx")]
mod onnx;
mod parts;
mod ranker;
mod xgboost;

pub use error::ModelError;
pub use format::Format;
pub use input::{CategoryValue, Input, InputKind};
pub use matrix::Matrix;
pub use ranker::{RankScratch, Ranker};
