//! The `larder.v1` contract: messages, client, server trait, JSON mapping and descriptor.
//!
//! The generated code is checked in, so that building needs no protoc. After a change to `proto/`, run
//! `LARDER_REGENERATE=1 cargo test -p larder-proto`.

mod structs;

pub use pbjson_types::{Duration, Timestamp};
pub use structs::{List, Struct, StructField, Value, value};

/// The encoded `FileDescriptorSet` of the contract and all it imports, with comments; for reflection and documents.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("gen/larder.v1.bin");

/// Version 1 of the contract.
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    clippy::unwrap_used,
    reason = "generated; documented in recommendation.proto"
)]
pub mod v1 {
    include!("gen/larder.v1.rs");
    include!("gen/larder.v1.serde.rs");
}
