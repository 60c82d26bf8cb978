//! Kafka: a topic as a source of events, and as a place where records go. The one module that names the client.
//!
//! Every server reads all partitions by itself, without a consumer group: all of them have to know every change, and
//! where reading begins depends on the snapshot that is served, not on what was read before.

mod clients;
mod cluster;
mod follow;
mod message;
mod partition;
mod partitioner;
mod progress;
mod sink;
mod source;

/// The filter that keeps the client from logging: it tells of each attempt and calls errors what is dealt with here.
/// What is not is logged here as well.
pub const CLIENT_LOG: &str = "rskafka=off";

pub use cluster::KafkaError;
pub use sink::{KafkaSink, KafkaSinkError};
pub use source::KafkaSource;
