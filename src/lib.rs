//! Larder: a recommendation server that is stocked ahead and serves at once.

pub mod artifact;
pub mod domain;
pub mod evaluate;
pub mod feature;
pub mod index;
pub mod pipeline;
pub mod recommender;
#[cfg(feature = "server")]
pub mod server;
pub mod snapshot;
pub mod train;
