//! NATS: a stream of JetStream as a source of events. The one module that names the client.
//!
//! Every server reads the whole stream by itself, through a consumer that the stream forgets: all of them have to know
//! every change, and where reading begins depends on the snapshot that is served, not on what was read before.

mod follow;
mod link;
mod message;
mod opened;
mod progress;
mod source;

/// The filter that keeps the client from logging: what it tells of a lost connection is dealt with here, and logged.
pub const CLIENT_LOG: &str = "async_nats=off";

pub use link::NatsError;
pub use source::NatsSource;
