//! Larder: a recommendation server that is stocked ahead and serves at once.

#[cfg(feature = "server")]
pub mod app;
pub mod artifact;
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod config;
pub mod domain;
pub mod evaluate;
pub mod feature;
pub mod index;
pub mod pipeline;
pub mod recommender;
#[cfg(feature = "server")]
pub mod server;
pub mod snapshot;
#[cfg(feature = "server")]
pub mod telemetry;
pub mod train;
