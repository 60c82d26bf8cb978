//! The requests of a run: read from a recording or generated, sent in order, over and over.

use std::error::Error;
use std::path::{Path, PathBuf};

use hyper::body::Bytes;
use hyper::http::uri::PathAndQuery;
use larder_proto::v1;
use larder_proto::v1::recommend_request::TrafficClass;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use prost::Message as _;

use crate::files::{self, FileError};

/// One request, encoded for both protocols.
// Once, as encoding it at every sending would cost the generator more than the sending itself.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) message: v1::RecommendRequest,
    /// Index into [`Mix::placements`].
    pub(crate) placement: usize,
    /// For gRPC: the message with its length prefix.
    pub(crate) frame: Bytes,
    /// For HTTP.
    pub(crate) path: PathAndQuery,
    pub(crate) body: Bytes,
}

/// Requests in the order in which they are sent; never empty.
#[derive(Debug)]
pub(crate) struct Mix {
    calls: Vec<Call>,
    placements: Vec<String>,
}

/// The traffic class that requests are sent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SentAs {
    Synthetic,
    Shadow,
    Live,
    /// As each request of the recording says.
    Recorded,
}

/// A mix that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MixError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{path}:{line}: not a RecommendRequest: {source}")]
    Malformed { path: PathBuf, line: usize, source: serde_json::Error },
    #[error("request {0} has no placement")]
    NoPlacement(usize),
    #[error("there are no requests: give --placement, --requests, or a scenario with either")]
    Empty,
    #[error("request {number} cannot be sent over HTTP: {source}")]
    Unsendable { number: usize, source: Box<dyn Error + Send + Sync> },
}

impl Mix {
    pub(crate) fn new(requests: Vec<v1::RecommendRequest>, sent_as: SentAs) -> Result<Mix, MixError> {
        let mut placements: Vec<String> = Vec::new();
        let mut calls = Vec::with_capacity(requests.len());
        for (at, request) in requests.into_iter().enumerate() {
            let known = placements.iter().position(|name| *name == request.placement);
            let placement = known.unwrap_or_else(|| {
                placements.push(request.placement.clone());
                placements.len() - 1
            });
            calls.push(Call::new(at + 1, request, placement, sent_as)?);
        }
        if calls.is_empty() { Err(MixError::Empty) } else { Ok(Mix { calls, placements }) }
    }

    /// The `n`th request of a run.
    pub(crate) fn nth(&self, n: u64) -> &Call {
        &self.calls[(n % self.calls.len() as u64) as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// The placements asked for, each once.
    pub(crate) fn placements(&self) -> &[String] {
        &self.placements
    }
}

impl Call {
    fn new(
        number: usize,
        mut message: v1::RecommendRequest,
        placement: usize,
        sent_as: SentAs,
    ) -> Result<Call, MixError> {
        if message.placement.is_empty() {
            return Err(MixError::NoPlacement(number));
        }
        match sent_as {
            SentAs::Synthetic => message.set_traffic_class(TrafficClass::Synthetic),
            SentAs::Shadow => message.set_traffic_class(TrafficClass::Shadow),
            SentAs::Live => message.set_traffic_class(TrafficClass::Live),
            SentAs::Recorded => {}
        }
        let unsendable = |source| MixError::Unsendable { number, source };
        // Placements are named freely; a slash or a space in one must not change the route.
        let segment = utf8_percent_encode(&message.placement, OUTSIDE_SEGMENTS);
        let path: Result<PathAndQuery, _> = format!("/v1/placements/{segment}:recommend").parse();
        let path = path.map_err(|error| unsendable(error.into()))?;
        let body = serde_json::to_vec(&message).map_err(|error| unsendable(error.into()))?;
        Ok(Call { frame: framed(&message), message, placement, path, body: body.into() })
    }
}

/// What has to be escaped in one segment of a path (RFC 3986, 2.3).
const OUTSIDE_SEGMENTS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Reads one JSON request a line; empty lines do not count.
pub(crate) fn read(path: &Path) -> Result<Vec<v1::RecommendRequest>, MixError> {
    let mut requests = Vec::new();
    for (at, line) in files::read(path)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let malformed = |source| MixError::Malformed { path: path.to_owned(), line: at + 1, source };
        requests.push(serde_json::from_str(line).map_err(malformed)?);
    }
    Ok(requests)
}

/// A gRPC frame: a flag for "not compressed", the length, the message.
fn framed(message: &v1::RecommendRequest) -> Bytes {
    let message = message.encode_to_vec();
    let mut frame = Vec::with_capacity(message.len() + 5);
    frame.push(0);
    frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
    frame.extend_from_slice(&message);
    frame.into()
}

/// A request for tests of this and other modules.
#[cfg(test)]
pub(crate) fn request(placement: &str) -> v1::RecommendRequest {
    let traffic_class = TrafficClass::Live.into();
    v1::RecommendRequest { placement: placement.into(), traffic_class, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mix(placements: &[&str], sent_as: SentAs) -> Result<Mix, MixError> {
        Mix::new(placements.iter().map(|placement| request(placement)).collect(), sent_as)
    }

    #[test]
    fn requests_are_sent_in_order_over_and_over_and_not_as_the_live_traffic_that_they_were() {
        let synthetic = mix(&["a", "b/ ü?"], SentAs::Synthetic).unwrap();
        let paths: Vec<&str> = (0..3).map(|n| synthetic.nth(n).path.path()).collect();
        let [a, b] = ["/v1/placements/a:recommend", "/v1/placements/b%2F%20%C3%BC%3F:recommend"];
        assert_eq!(paths, [a, b, a]);
        let recorded = mix(&["a"], SentAs::Recorded).unwrap();
        let class = |mix: &Mix| mix.nth(0).message.traffic_class();
        assert_eq!((class(&synthetic), class(&recorded)), (TrafficClass::Synthetic, TrafficClass::Live));
    }

    #[test]
    fn a_bad_recording_is_refused_with_its_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{\"placement\": \"p\"}\n\n{\"placment\": \"p\"}\n").unwrap();
        let error = read(file.path()).unwrap_err().to_string();
        assert!(error.contains(":3: not a RecommendRequest: unknown field `placment`"), "{error}");
        assert!(matches!(mix(&[], SentAs::Live), Err(MixError::Empty)));
        assert!(matches!(mix(&["p", ""], SentAs::Live), Err(MixError::NoPlacement(2))));
    }
}
