//! Rankers: a row of features becomes a number, for all candidates of a request at once.

mod matrix;

pub use matrix::Matrix;
