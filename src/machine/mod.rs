//! The foundations: loops that use what the processor has, each with a scalar twin that gives equal results.
//!
//! This is the only module with `unsafe` code; every block says why it is sound. A [`crate::machine::Level`] is a proof that the
//! processor has the instructions it stands for: it cannot be made in another way than by asking for it.

#![allow(unsafe_code)]

#[cfg(feature = "server")]
mod allocator;
mod bytes;
mod columns;
/// Numbers become bytes: which cuts they exceed, which sets they belong to.
pub mod cuts;
mod floats;
mod level;
mod pages;
mod prefetch;
/// Decision trees over such bytes, for many rows at once.
pub mod trees;

#[cfg(feature = "server")]
pub use allocator::give_back_at_once;
pub use bytes::{Admission, byte_dots, byte_dots_at, pass_threshold};
pub use columns::{greater_products, members, reaches, reaching, scores};
pub use floats::{dot, dot_at, squared_distance};
pub use level::{Level, level, limit_to};
pub use pages::{large_vec, large_zeroed};
pub use prefetch::prefetch;
