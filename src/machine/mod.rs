//! The foundations: loops that use what the processor has, each with a scalar twin that gives equal results.
//!
//! This is the only module with `unsafe` code; every block says why it is sound. A [`Level`] is a proof that the processor
//! has the instructions it stands for: it cannot be made in another way than by asking for it.

#![allow(unsafe_code)]

mod level;
mod prefetch;

pub use level::{Level, level, limit_to};
pub use prefetch::prefetch;
