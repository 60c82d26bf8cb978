//! Between messages and the domain: what a client said becomes a `Request`, a `Recommendation` becomes an answer.

mod check;
mod exposure;
mod fingerprint;
mod request;
mod response;
mod token;

pub(super) use exposure::exposure;
pub(super) use fingerprint::fingerprint;
pub(super) use request::{Asked, batch, recommend};
pub(super) use response::{Answer, answer, uncacheable};

#[cfg(test)]
mod tests;
