//! Between messages and the domain: a message becomes a `Request`, a `Recommendation` becomes an answer.

mod check;
mod exposure;
mod fingerprint;
mod request;
mod response;
mod token;

pub(super) use exposure::exposure;
pub(super) use request::{ParsedRequest, ParsedSlot, batch, recommend};
pub(in crate::server) use response::MaxAge;
pub(super) use response::{Answer, answer, uncacheable};
pub(super) use token::PageToken;
pub(in crate::server) use token::PageTokenSeal;
pub use token::SealError;

#[cfg(test)]
mod tests;
