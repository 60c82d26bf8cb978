//! Retrieval indexes over dense item numbers: neighbour lists, session kNN, vectors, popularity.
//!
//! Algorithms take slices and know nothing of requests; each takes the scratch it works in.

mod accumulator;
mod fold_in;
mod lists;
mod popularity;
mod session_knn;
mod vectors;

pub use accumulator::Accumulator;
pub use fold_in::{FoldIn, FoldInParams, solve_spd};
pub use lists::{Lists, ListsBuilder};
pub use popularity::Popularity;
pub use session_knn::{
    Decay, Idf, MatchWeight, SessionClicks, SessionKnn, SessionKnnParams, SessionLimits, SessionScratch,
};
pub use vectors::{IndexKind, IndexParams, Metric, VectorIndex, VectorScratch, Vectors, Work};
