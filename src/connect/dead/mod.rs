//! What could not be used is kept for people: a folder of JSON lines, bounded, the oldest file dropped first.

mod folder;
mod letter;
mod read;
mod write;

pub use letter::{Content, DeadLetter};
pub use read::{DeadError, Letters, read};
pub use write::{DeadLetters, DeadOptions, PersonalPayloads};

/// The folder in the cache directory, where no other is configured.
pub const DEAD_LETTERS: &str = "dead-letters";
