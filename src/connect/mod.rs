//! How events reach the server from outside: records of streams and files, what they say, and what becomes of those
//! that say nothing usable.

mod access;
mod amazon;
#[cfg(feature = "aws")]
pub mod aws;
mod config;
pub mod dead;
pub mod decode;
mod encode;
#[cfg(feature = "kafka")]
pub mod kafka;
mod lines;
#[cfg(feature = "nats")]
pub mod nats;
mod record;
#[cfg(any(feature = "kafka", feature = "kinesis", feature = "firehose", feature = "eventbridge"))]
mod record_key;
mod recorder;
mod retry;
pub mod sink;
pub mod source;

pub use access::{KafkaAccess, Mechanism, NatsAccess, Security};
pub use amazon::AwsAccess;
pub use config::{Config, FILES};
pub use encode::encode;
pub use lines::{Line, Lines};
pub use record::{Position, Record};
pub use recorder::Recorder;
