//! The servers under test, over either of their protocols.

pub(crate) mod answer;
mod grpc;
mod http;
pub(crate) mod pool;
pub(crate) mod server;
pub(crate) mod url;
