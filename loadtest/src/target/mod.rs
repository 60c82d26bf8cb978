//! The server under test, over either of its protocols.

pub(crate) mod fleet;
mod grpc;
mod http;

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use hyper::body::Bytes;
use larder_proto::v1;
use larder_proto::v1::degradation::Level;
use prost::Message as _;
use serde::Deserialize;

use crate::mix::Call;

/// Something that answers recommend requests.
pub(crate) trait Target: Send + Sync + 'static {
    /// Sends one request; ready when the whole answer has arrived.
    fn ask(&self, call: &Call) -> impl Future<Output = Result<Reply, Failure>> + Send;
}

/// A whole answer, not yet read.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A `RecommendResponse` in Protocol Buffers.
    Message(Bytes),
    /// The same in JSON.
    Json(Bytes),
}

/// What a load test wants to know of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Glance {
    pub(crate) level: Level,
    /// Why it is degraded.
    pub(crate) causes: Vec<String>,
    pub(crate) snapshot: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    /// A gRPC code for what the server said, or one of `TIMEOUT`, `CONNECTION`, `BAD_ANSWER`, `NOT_SENT`.
    pub(crate) code: Cow<'static, str>,
    /// For people.
    pub(crate) message: String,
    /// The protocol says that the server did not begin with the request: it may be sent again, elsewhere.
    pub(crate) not_begun: bool,
}

/// Where a server listens: `grpc://host:port` or `http://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    protocol: Protocol,
    authority: hyper::http::uri::Authority,
}

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    Http,
}

/// A URL that cannot be used, or a server that cannot be reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("{0:?} is not grpc://host:port or http://host:port")]
    Url(String),
    #[error("cannot connect to {url}: {reason}")]
    Connect { url: String, reason: String },
}

/// A connected server.
#[derive(Debug)]
pub(crate) enum Server {
    Grpc(Box<grpc::Grpc>),
    Http(Box<http::Http>),
}

impl Server {
    /// Opens `connections`, or as many as suit the protocol. Every request is told the deadline, if there is one.
    pub(crate) async fn connect(
        url: &Url,
        connections: Option<usize>,
        deadline: Option<Duration>,
    ) -> Result<Server, TargetError> {
        match url.protocol {
            Protocol::Grpc => {
                let grpc = grpc::Grpc::connect(url, connections.unwrap_or(4), deadline).await?;
                Ok(Server::Grpc(Box::new(grpc)))
            }
            Protocol::Http => {
                let http = http::Http::connect(url, connections.unwrap_or(64), deadline).await?;
                Ok(Server::Http(Box::new(http)))
            }
        }
    }
}

impl Target for Server {
    async fn ask(&self, call: &Call) -> Result<Reply, Failure> {
        match self {
            Server::Grpc(grpc) => grpc.ask(call).await,
            Server::Http(http) => http.ask(call).await,
        }
    }
}

impl Reply {
    pub(crate) fn glance(&self) -> Result<Glance, Failure> {
        match self {
            Reply::Message(bytes) => {
                let answer = MessageGlance::decode(bytes.clone()).map_err(unreadable)?;
                let unknown = |_| Failure::new("BAD_ANSWER", "an unknown level of degradation");
                let MessageDegradation { level, causes } = answer.degradation.unwrap_or_default();
                Ok(Glance {
                    level: Level::try_from(level).map_err(unknown)?,
                    causes,
                    snapshot: answer.serving.unwrap_or_default().snapshot_version,
                })
            }
            Reply::Json(body) => {
                let answer: JsonGlance = serde_json::from_slice(body).map_err(unreadable)?;
                let JsonDegradation { level, causes } = answer.degradation;
                let level = if level.is_empty() { Some(Level::None) } else { Level::from_str_name(&level) };
                let unknown = || Failure::new("BAD_ANSWER", "an unknown level of degradation");
                Ok(Glance {
                    level: level.ok_or_else(unknown)?,
                    causes,
                    snapshot: answer.serving.snapshot_version,
                })
            }
        }
    }

    /// The answer in full.
    pub(crate) fn message(self) -> Result<v1::RecommendResponse, Failure> {
        match self {
            Reply::Message(bytes) => v1::RecommendResponse::decode(bytes).map_err(unreadable),
            Reply::Json(body) => serde_json::from_slice(&body).map_err(unreadable),
        }
    }
}

/// The few fields of an answer that count; the rest is skipped over unread, to keep the generator cheap.
#[derive(Clone, PartialEq, prost::Message)]
struct MessageGlance {
    #[prost(message, optional, tag = "5")]
    degradation: Option<MessageDegradation>,
    #[prost(message, optional, tag = "8")]
    serving: Option<MessageServing>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MessageDegradation {
    #[prost(int32, tag = "1")]
    level: i32,
    #[prost(string, repeated, tag = "2")]
    causes: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MessageServing {
    #[prost(string, tag = "1")]
    snapshot_version: String,
}

/// The same in JSON.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct JsonGlance {
    degradation: JsonDegradation,
    serving: JsonServing,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JsonDegradation {
    level: String,
    causes: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct JsonServing {
    snapshot_version: String,
}

impl Url {
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }
}

impl Failure {
    pub(crate) fn new(code: &'static str, message: impl ToString) -> Failure {
        Failure { code: Cow::Borrowed(code), message: message.to_string(), not_begun: false }
    }

    /// One after which the request may be sent again.
    pub(crate) fn not_begun(message: impl ToString) -> Failure {
        Failure { not_begun: true, ..Failure::new("CONNECTION", message) }
    }
}

fn unreadable(error: impl ToString) -> Failure {
    Failure::new("BAD_ANSWER", error)
}

impl FromStr for Url {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Url, TargetError> {
        let wrong = || TargetError::Url(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let protocol = match scheme {
            "grpc" => Protocol::Grpc,
            "http" => Protocol::Http,
            _ => return Err(wrong()),
        };
        let authority: hyper::http::uri::Authority =
            rest.strip_suffix('/').unwrap_or(rest).parse().map_err(|_| wrong())?;
        if authority.port().is_none() { Err(wrong()) } else { Ok(Url { protocol, authority }) }
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = match self.protocol {
            Protocol::Grpc => "grpc",
            Protocol::Http => "http",
        };
        write!(out, "{scheme}://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_the_protocol() {
        for good in ["grpc://127.0.0.1:50051", "http://localhost:8080", "grpc://[::1]:50051"] {
            assert_eq!(good.parse::<Url>().unwrap().to_string(), good);
        }
        assert_eq!("http://h:1/".parse::<Url>().unwrap().to_string(), "http://h:1");
        for bad in ["", "localhost:8080", "https://h:1", "http://h", "http://h:1/path", "grpc://"] {
            assert!(bad.parse::<Url>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn both_protocols_tell_the_same_at_a_glance() {
        let message = v1::RecommendResponse {
            degradation: Some(v1::Degradation {
                level: Level::Partial.into(),
                causes: vec!["deadline".into()],
                ..Default::default()
            }),
            serving: Some(v1::Serving { snapshot_version: "v7".into(), ..Default::default() }),
            ..Default::default()
        };
        let json = Bytes::from(serde_json::to_vec(&message).unwrap());
        let expected =
            Ok(Glance { level: Level::Partial, causes: vec!["deadline".into()], snapshot: "v7".into() });
        assert_eq!(Reply::Message(message.encode_to_vec().into()).glance(), expected);
        assert_eq!(Reply::Json(json.clone()).glance(), expected);
        assert_eq!(Reply::Json(json).message(), Ok(message));

        let bare = Ok(Glance { level: Level::None, causes: Vec::new(), snapshot: String::new() });
        assert_eq!(Reply::Json(Bytes::from_static(b"{\"degradation\":{}}")).glance(), bare);
        assert_eq!(Reply::Message(Bytes::new()).glance(), bare);
        assert_eq!(Reply::Json(Bytes::from_static(b"<html>")).glance().unwrap_err().code, "BAD_ANSWER");
    }
}
