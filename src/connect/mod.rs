//! How events reach the server from outside: records of streams and files, what they say, and what becomes of those
//! that say nothing usable.

mod config;
pub mod dead;
pub mod decode;
mod encode;
mod lines;
mod record;
mod recorder;
pub mod source;

pub use config::Config;
pub use encode::encode;
pub use lines::{Line, Lines};
pub use record::{Position, Record};
pub use recorder::Recorder;
