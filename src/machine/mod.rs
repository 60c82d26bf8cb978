//! Loops that use what the processor has, each with a scalar twin that gives equal results.
//!
//! This is the only module with `unsafe` code; every block says why it is sound. A [`crate::machine::Level`] is a proof
//! that the processor has the instructions it stands for: it cannot be made in another way than by asking for it.

#![allow(unsafe_code)]

#[cfg(feature = "server")]
mod allocator;
mod bytes;
mod columns;
pub mod cpu;
/// Numbers become bytes: which cuts they exceed, which sets they belong to.
pub(crate) mod cuts;
mod floats;
mod pages;
mod prefetch;
/// Decision trees over such bytes, for many rows at once.
pub(crate) mod trees;

#[cfg(feature = "server")]
pub(crate) use allocator::give_back_at_once;
pub(crate) use bytes::{Admission, byte_dots, byte_dots_at, pass_threshold};
pub(crate) use columns::{ByteScale, Probe, at_least, greater_products, members, scores, upper_bounds};
#[cfg(feature = "server")]
pub(crate) use cpu::limit_to;
pub(crate) use cpu::{Level, level};
pub(crate) use floats::{dot, squared_distance};
pub(crate) use pages::{large_vec, large_zeroed, zeroed_atomics};
pub(crate) use prefetch::prefetch;
