//! What comes back for a request: an answer, of which a load test reads little, or a failure.

use std::borrow::Cow;

use hyper::body::Bytes;
use larder_proto::v1;
use larder_proto::v1::degradation::Level;
use prost::Message as _;
use serde::de::{Deserialize as _, Deserializer, Error as _};

use crate::mix::Call;

/// Something that answers recommend requests.
pub(crate) trait Target: Send + Sync + 'static {
    /// Sends one request; ready when the whole answer has arrived.
    fn ask(&self, call: &Call) -> impl Future<Output = Result<Reply, Failure>> + Send;
}

/// A whole answer, not yet decoded.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A `RecommendResponse` in Protocol Buffers.
    Message(Bytes),
    /// The same in JSON.
    Json(Bytes),
}

/// What a load test reads of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Inspection {
    pub(crate) level: Level,
    /// Why the answer is degraded.
    pub(crate) causes: Vec<String>,
    pub(crate) snapshot: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    /// A gRPC code if the server answered so, or one of `TIMEOUT`, `CONNECTION`, `BAD_ANSWER`, `NOT_SENT`.
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    /// By the protocol's rules the server has not begun with the request, so it may be sent again.
    pub(crate) not_begun: bool,
}

impl Reply {
    pub(crate) fn inspect(&self) -> Result<Inspection, Failure> {
        let answer: Inspected = match self {
            Reply::Message(bytes) => Inspected::decode(bytes.clone()).map_err(unreadable)?,
            Reply::Json(body) => serde_json::from_slice(body).map_err(unreadable)?,
        };
        let InspectedDegradation { level, causes } = answer.degradation.unwrap_or_default();
        let snapshot = answer.serving.unwrap_or_default().snapshot_version;
        let level = Level::try_from(level).map_err(unreadable)?;
        Ok(Inspection { level, causes, snapshot })
    }

    /// The answer in full.
    pub(crate) fn message(self) -> Result<v1::RecommendResponse, Failure> {
        match self {
            Reply::Message(bytes) => v1::RecommendResponse::decode(bytes).map_err(unreadable),
            Reply::Json(body) => serde_json::from_slice(&body).map_err(unreadable),
        }
    }
}

/// The part of `RecommendResponse` that is inspected.
// Decoding the items as well would make the generator, not the server, the limit of a search.
#[derive(Clone, PartialEq, prost::Message, serde::Deserialize)]
#[serde(default)]
struct Inspected {
    #[prost(message, optional, tag = "5")]
    degradation: Option<InspectedDegradation>,
    #[prost(message, optional, tag = "8")]
    serving: Option<InspectedServing>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Deserialize)]
#[serde(default)]
struct InspectedDegradation {
    #[prost(int32, tag = "1")]
    #[serde(deserialize_with = "level_by_name")]
    level: i32,
    #[prost(string, repeated, tag = "2")]
    causes: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct InspectedServing {
    #[prost(string, tag = "1")]
    snapshot_version: String,
}

fn level_by_name<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    let name = String::deserialize(from)?;
    let unknown = || D::Error::custom(format!("{name:?} is not a level of degradation"));
    Level::from_str_name(&name).map(i32::from).ok_or_else(unknown)
}

impl Failure {
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl ToString) -> Failure {
        Failure { code: code.into(), message: message.to_string(), not_begun: false }
    }

    /// A failure after which the request may be sent again.
    pub(crate) fn not_begun(message: impl ToString) -> Failure {
        Failure { not_begun: true, ..Failure::new("CONNECTION", message) }
    }
}

fn unreadable(error: impl ToString) -> Failure {
    Failure::new("BAD_ANSWER", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_protocols_are_inspected_alike() {
        let degradation = v1::Degradation {
            level: Level::Partial.into(),
            causes: vec!["deadline".into()],
            ..Default::default()
        };
        let message = v1::RecommendResponse {
            degradation: Some(degradation),
            serving: Some(v1::Serving { snapshot_version: "v7".into(), ..Default::default() }),
            ..Default::default()
        };
        let json = Bytes::from(serde_json::to_vec(&message).unwrap());
        let expected =
            Inspection { level: Level::Partial, causes: vec!["deadline".into()], snapshot: "v7".into() };
        assert_eq!(Reply::Message(message.encode_to_vec().into()).inspect(), Ok(expected.clone()));
        assert_eq!(Reply::Json(json.clone()).inspect(), Ok(expected));
        assert_eq!(Reply::Json(json).message(), Ok(message));

        let empty = Ok(Inspection { level: Level::None, causes: Vec::new(), snapshot: String::new() });
        assert_eq!(Reply::Json(Bytes::from_static(b"{\"degradation\":{}}")).inspect(), empty);
        assert_eq!(Reply::Message(Bytes::new()).inspect(), empty);
        let bad = Reply::Json(Bytes::from_static(b"{\"degradation\":{\"level\":\"TIRED\"}}"));
        assert_eq!(bad.inspect().unwrap_err().code, "BAD_ANSWER");
    }
}
