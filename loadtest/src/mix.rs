//! The requests of a run: read from a recording or generated, sent in order, over and over.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use hyper::body::Bytes;
use hyper::http::uri::PathAndQuery;
use larder_proto::v1;
use larder_proto::v1::recommend_request::TrafficClass;
use prost::Message as _;

/// One request, ready to be sent over either protocol.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) message: v1::RecommendRequest,
    /// Which of the mix's placements it asks for.
    pub(crate) placement: usize,
    /// Over gRPC: the message with its prefix, encoded once.
    pub(crate) frame: Bytes,
    /// Over HTTP: where to, and what.
    pub(crate) path: PathAndQuery,
    pub(crate) body: Bytes,
}

/// Requests in the order in which they are sent; never empty.
#[derive(Debug)]
pub(crate) struct Mix {
    calls: Vec<Call>,
    placements: Vec<String>,
}

/// Which traffic class the requests are sent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SentAs {
    Synthetic,
    Shadow,
    Live,
    /// As each request says itself.
    Recorded,
}

/// A mix that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MixError {
    #[error("{path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path}:{line}: not a RecommendRequest: {reason}")]
    Malformed { path: PathBuf, line: usize, reason: String },
    #[error("request {0}: no placement")]
    NoPlacement(usize),
    #[error("no requests, and no placements to make them up for")]
    Empty,
    #[error("request {number}: {reason}")]
    Unsendable { number: usize, reason: String },
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

    /// The request for the `n`th turn.
    pub(crate) fn turn(&self, n: u64) -> &Call {
        &self.calls[(n % self.calls.len() as u64) as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Names of the placements asked for, each once.
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
        let unsendable = |reason: String| MixError::Unsendable { number, reason };
        let path = format!("/v1/placements/{}:recommend", escaped(&message.placement));
        let path = path.parse().map_err(|error| unsendable(format!("placement: {error}")))?;
        let body = serde_json::to_vec(&message).map_err(|error| unsendable(error.to_string()))?;
        Ok(Call { frame: framed(&message), message, placement, path, body: body.into() })
    }
}

/// Reads one JSON request a line. Empty lines are passed over.
pub(crate) fn read(path: &Path) -> Result<Vec<v1::RecommendRequest>, MixError> {
    let request = |(at, text): (usize, String)| {
        serde_json::from_str(&text).map_err(|error| MixError::Malformed {
            path: path.to_owned(),
            line: at + 1,
            reason: error.to_string(),
        })
    };
    let lines = lines(path)?.into_iter().enumerate();
    lines.filter(|(_, text)| !text.trim().is_empty()).map(request).collect()
}

/// Reads one id a line. Empty lines are passed over.
pub(crate) fn read_ids(path: &Path) -> Result<Vec<String>, MixError> {
    let ids = lines(path)?.into_iter().map(|line| line.trim().to_owned());
    Ok(ids.filter(|id| !id.is_empty()).collect())
}

fn lines(path: &Path) -> Result<Vec<String>, MixError> {
    let failed = |source| MixError::Read { path: path.to_owned(), source };
    BufReader::new(File::open(path).map_err(failed)?).lines().collect::<Result<_, _>>().map_err(failed)
}

/// gRPC's frame: not compressed, the length, the message.
fn framed(message: &v1::RecommendRequest) -> Bytes {
    let message = message.encode_to_vec();
    let mut frame = Vec::with_capacity(message.len() + 5);
    frame.push(0);
    frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
    frame.extend_from_slice(&message);
    frame.into()
}

/// Percent-encoding for one segment of a path.
fn escaped(segment: &str) -> String {
    let mut text = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let written = write!(text, "%{byte:02X}");
            debug_assert!(written.is_ok(), "a string takes everything");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(placement: &str, class: TrafficClass) -> v1::RecommendRequest {
        v1::RecommendRequest {
            placement: placement.into(),
            traffic_class: class.into(),
            ..Default::default()
        }
    }

    #[test]
    fn the_mix_is_cycled_in_order() {
        let requests = ["a", "b", "c"].map(|placement| request(placement, TrafficClass::Live)).to_vec();
        let mix = Mix::new(requests, SentAs::Synthetic).unwrap();
        let placements: Vec<&str> = (0..7).map(|n| mix.turn(n).message.placement.as_str()).collect();
        assert_eq!(placements, ["a", "b", "c", "a", "b", "c", "a"]);
    }

    #[test]
    fn a_recording_of_live_traffic_is_not_live_when_replayed() {
        let class = |sent_as| {
            let mix = Mix::new(vec![request("p", TrafficClass::Live)], sent_as).unwrap();
            let call = mix.turn(0);
            assert_eq!(serde_json::from_slice::<v1::RecommendRequest>(&call.body).unwrap(), call.message);
            call.message.traffic_class()
        };
        assert_eq!(class(SentAs::Synthetic), TrafficClass::Synthetic);
        assert_eq!(class(SentAs::Recorded), TrafficClass::Live);
    }

    #[test]
    fn every_placement_can_be_put_into_a_path() {
        let path = |placement| {
            let mix = Mix::new(vec![request(placement, TrafficClass::Live)], SentAs::Live).unwrap();
            mix.turn(0).path.to_string()
        };
        assert_eq!(path("pdp.similar"), "/v1/placements/pdp.similar:recommend");
        assert_eq!(path("a/b ?ü"), "/v1/placements/a%2Fb%20%3F%C3%BC:recommend");
    }

    #[test]
    fn a_bad_recording_is_told_where() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{\"placement\": \"p\"}\n\n{\"placment\": \"p\"}\n").unwrap();
        let error = read(file.path()).unwrap_err().to_string();
        assert!(error.contains(":3: not a RecommendRequest: unknown field `placment`"), "{error}");

        assert!(matches!(Mix::new(Vec::new(), SentAs::Live), Err(MixError::Empty)));
        let nowhere = vec![request("", TrafficClass::Live)];
        assert!(matches!(Mix::new(nowhere, SentAs::Live), Err(MixError::NoPlacement(1))));
        assert!(matches!(read(Path::new("no/such/file")), Err(MixError::Read { .. })));
    }
}
