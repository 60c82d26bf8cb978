//! The API's protocols: gRPC and HTTP/JSON from one set of messages, and what both do with a decoded request.

pub(crate) mod access;
pub(crate) mod convert;
pub(crate) mod events;
pub mod fuzzing;
pub(crate) mod grpc;
pub(crate) mod http;
mod json;
mod openapi;
mod probes;
mod query;
pub(crate) mod service;
