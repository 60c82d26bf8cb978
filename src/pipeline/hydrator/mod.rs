//! The second room: features for candidates.

mod attributes;

pub use attributes::Attributes;
