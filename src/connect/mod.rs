//! How events reach the server from outside: records of streams and files, what they say, and what becomes of those
//! that say nothing usable.

mod access;
mod config;
pub mod dead;
pub mod decode;
mod encode;
#[cfg(feature = "kafka")]
pub mod kafka;
mod lines;
mod record;
mod recorder;
pub mod sink;
pub mod source;

pub use access::{KafkaAccess, Mechanism, NOT_BUILT, Security};
pub use config::{Config, FILES};
pub use encode::encode;
pub use lines::{Line, Lines};
pub use record::{Position, Record};
pub use recorder::Recorder;
