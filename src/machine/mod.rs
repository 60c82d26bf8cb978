//! The foundations: loops that use what the processor has, each with a scalar twin that gives equal results.
//!
//! This is the only module with `unsafe` code; every block says why it is sound. A [`crate::machine::Level`] is a proof that the processor
//! has the instructions it stands for: it cannot be made in another way than by asking for it.

#![allow(unsafe_code)]

/// Numbers become bytes: which cuts they exceed, which sets they belong to.
pub mod cuts;
mod level;
/// Decision trees over such bytes, for many rows at once.
pub mod trees;

pub use level::{Level, level, limit_to};
