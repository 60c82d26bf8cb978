//! Kinesis: a stream as a source of events, and as a place where exposures go.
//!
//! Every server reads all shards by itself, without leases: all of them have to know every change, and where reading
//! begins depends on the snapshot that is served, not on what was read before.

mod aggregate;
mod follow;
mod message;
mod pace;
mod retention;
mod shard;
mod shards;
mod sink;
mod source;

pub use sink::KinesisSink;
pub use source::KinesisSource;
