//! Tokens of issuers: JSON Web Tokens (RFC 7519), verified by the issuer's keys.
//!
//! Over ring, which TLS brings along, and without a crate for the format: what a server has to read of it is small, and
//! most of what such crates do besides is what has gone wrong with tokens elsewhere.

mod algorithm;
mod claims;
mod fetch;
mod issuer;
mod jwks;
mod source;
mod verify;

pub use algorithm::Algorithm;
pub use issuer::Issuer;
pub(super) use issuer::KnownIssuer;
pub use source::sources;
pub(super) use verify::{Good, verify};
