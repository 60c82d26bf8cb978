//! How events reach the server from outside: records of streams and files, what they say, and what becomes of those
//! that say nothing usable.

pub mod dead;
pub mod decode;
mod lines;
mod record;

pub use lines::{Line, Lines};
pub use record::{Position, Record};
