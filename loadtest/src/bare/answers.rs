//! The answers of a real server, by placement, given again in turn.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::body::Bytes;
use larder_proto::v1;

use crate::target::{Failure, Protocol, Reply, Url};

/// Answers of one protocol each; a placement that was not asked for has none.
#[derive(Debug)]
pub(super) struct Answers {
    at_most: usize,
    messages: HashMap<String, Turns<v1::RecommendResponse>>,
    texts: HashMap<String, Turns<Bytes>>,
}

#[derive(Debug)]
struct Turns<T> {
    all: Vec<T>,
    next: AtomicUsize,
}

impl Answers {
    /// Keeps `at_most` answers of each placement and protocol.
    pub(super) fn new(at_most: usize) -> Answers {
        Answers { at_most, messages: HashMap::new(), texts: HashMap::new() }
    }

    /// Whether a further answer would be kept.
    pub(super) fn wants(&self, from: &Url, placement: &str) -> bool {
        let kept = match from.protocol() {
            Protocol::Grpc => self.messages.get(placement).map_or(0, |turns| turns.all.len()),
            Protocol::Http => self.texts.get(placement).map_or(0, |turns| turns.all.len()),
        };
        kept < self.at_most
    }

    pub(super) fn keep(&mut self, placement: &str, reply: Reply) -> Result<(), Failure> {
        if let Reply::Json(text) = reply {
            self.texts.entry(placement.to_owned()).or_default().all.push(text);
        } else {
            self.messages.entry(placement.to_owned()).or_default().all.push(reply.message()?);
        }
        Ok(())
    }

    /// A message as a handler has it in hand: its own, to be encoded by the service.
    pub(super) fn message(&self, placement: &str) -> Option<v1::RecommendResponse> {
        self.messages.get(placement)?.turn().cloned()
    }

    pub(super) fn text(&self, placement: &str) -> Option<Bytes> {
        self.texts.get(placement)?.turn().cloned()
    }
}

impl<T> Turns<T> {
    fn turn(&self) -> Option<&T> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.all.get(turn.checked_rem(self.all.len())?)
    }
}

impl<T> Default for Turns<T> {
    fn default() -> Turns<T> {
        Turns { all: Vec::new(), next: AtomicUsize::new(0) }
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages: usize = self.messages.values().map(|turns| turns.all.len()).sum();
        let texts: usize = self.texts.values().map(|turns| turns.all.len()).sum();
        write!(out, "answers {messages} over gRPC, {texts} over HTTP")
    }
}
