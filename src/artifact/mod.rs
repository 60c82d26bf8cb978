//! The loading dock.

pub mod table;
