//! Requests over gRPC: a fixed number of HTTP/2 connections, taken in turn, and opened anew when the server says
//! goodbye. Speaks HTTP/2 itself, with requests encoded beforehand: a general client costs more than the server.

use std::error::Error as _;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use h2::client::SendRequest;
use hyper::body::Bytes;
use hyper::http::uri::Authority;
use hyper::http::{HeaderMap, HeaderValue, Request, Uri, header};
use tokio::net::TcpStream;

use super::{Failure, Reply, Target, TargetError, Url};
use crate::mix::Call;

const METHOD: &str = "/larder.v1.RecommendationService/Recommend";
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 1 << 24;

#[derive(Debug)]
pub(crate) struct Grpc {
    authority: Authority,
    uri: Uri,
    headers: HeaderMap,
    slots: Vec<Slot>,
    turn: AtomicUsize,
    opened: AtomicU64,
}

/// A place for one connection.
#[derive(Debug, Default)]
struct Slot {
    open: Mutex<Option<Open>>,
    /// Held while a connection is opened: one is enough for all that wait for it.
    opening: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone)]
struct Open {
    number: u64,
    sender: SendRequest<Bytes>,
}

impl Grpc {
    pub(super) async fn connect(
        url: &Url,
        connections: usize,
        deadline: Option<Duration>,
    ) -> Result<Grpc, TargetError> {
        let failed = |reason: String| TargetError::Connect { url: url.to_string(), reason };
        let uri =
            Uri::builder().scheme("http").authority(url.authority.clone()).path_and_query(METHOD).build();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        if let Some(deadline) = deadline {
            // At most eight digits: microseconds last for a minute and a half.
            let micros = deadline.as_micros();
            let value =
                if micros < 100_000_000 { format!("{micros}u") } else { format!("{}S", deadline.as_secs()) };
            headers.insert(
                "grpc-timeout",
                value.parse().map_err(|_| failed("the deadline is too long".into()))?,
            );
        }
        let grpc = Grpc {
            authority: url.authority.clone(),
            uri: uri.map_err(|error| failed(error.to_string()))?,
            headers,
            slots: (0..connections.max(1)).map(|_| Slot::default()).collect(),
            turn: AtomicUsize::new(0),
            opened: AtomicU64::new(0),
        };
        for slot in &grpc.slots {
            grpc.connection(slot).await.map_err(failed)?;
        }
        Ok(grpc)
    }

    /// The slot's connection, opened if need be.
    async fn connection(&self, slot: &Slot) -> Result<Open, String> {
        if let Some(open) = slot.get() {
            return Ok(open);
        }
        let _opening = slot.opening.lock().await;
        if let Some(open) = slot.get() {
            return Ok(open);
        }
        let stream = TcpStream::connect(self.authority.as_str()).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
        builder.enable_push(false);
        let (sender, connection) = builder.handshake(stream).await.map_err(|error| error.to_string())?;
        tokio::spawn(async move { drop(connection.await) }); // its end is seen by the requests
        let open = Open { number: self.opened.fetch_add(1, Ordering::Relaxed), sender };
        *slot.lock() = Some(open.clone());
        Ok(open)
    }

    async fn exchange(&self, mut sender: SendRequest<Bytes>, call: &Call) -> Result<Exchanged, h2::Error> {
        let mut request = Request::new(());
        *request.method_mut() = hyper::Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = hyper::Version::HTTP_2;
        *request.headers_mut() = self.headers.clone();
        let (response, mut body) = sender.send_request(request, false)?;
        body.send_data(call.frame.clone(), true)?;
        let response = response.await?;
        let (head, mut body) = response.into_parts();
        let mut message = Bytes::new();
        while let Some(data) = poll_fn(|context| body.poll_data(context)).await {
            let data = data?;
            body.flow_control().release_capacity(data.len())?;
            message = if message.is_empty() { data } else { [&message[..], &data[..]].concat().into() };
        }
        let trailers = poll_fn(|context| body.poll_trailers(context)).await?;
        Ok(Exchanged { status: head.status, headers: head.headers, message, trailers })
    }
}

/// All that came back.
struct Exchanged {
    status: hyper::StatusCode,
    headers: HeaderMap,
    message: Bytes,
    trailers: Option<HeaderMap>,
}

impl Slot {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self) -> Option<Open> {
        self.lock().clone()
    }

    /// This connection takes no more requests.
    fn give_up(&self, number: u64) {
        self.lock().take_if(|open| open.number == number);
    }
}

impl Target for Grpc {
    async fn ask(&self, call: &Call) -> Result<Reply, Failure> {
        let slot = &self.slots[self.turn.fetch_add(1, Ordering::Relaxed) % self.slots.len()];
        let Open { number, sender } = self.connection(slot).await.map_err(Failure::not_begun)?;
        let sender = match sender.ready().await {
            Ok(sender) => sender,
            Err(error) => {
                slot.give_up(number);
                return Err(Failure::not_begun(error)); // nothing was sent
            }
        };
        match self.exchange(sender, call).await {
            Ok(exchanged) => exchanged.reply(),
            Err(error) => {
                if !error.is_reset() {
                    slot.give_up(number); // a goodbye, or the connection is gone
                }
                Err(failure(&error))
            }
        }
    }
}

impl Exchanged {
    fn reply(self) -> Result<Reply, Failure> {
        let trailers = self.trailers.as_ref().unwrap_or(&self.headers); // a refusal has all in its headers
        let text = |name| trailers.get(name).and_then(|value| value.to_str().ok());
        match text("grpc-status").and_then(|status| status.parse::<usize>().ok()) {
            Some(0) => {}
            Some(code) => {
                let name = CODES.get(code).copied().unwrap_or("UNKNOWN");
                return Err(Failure::new(name, unescaped(text("grpc-message").unwrap_or_default())));
            }
            None => return Err(Failure::new("BAD_ANSWER", format!("{}: no grpc-status", self.status))),
        }
        let length =
            self.message.get(1..5).and_then(|length| Some(u32::from_be_bytes(length.try_into().ok()?)));
        match length {
            Some(length) if self.message[0] == 0 && self.message.len() - 5 == length as usize => {
                Ok(Reply::Message(self.message.slice(5..)))
            }
            _ => Err(Failure::new("BAD_ANSWER", "not one uncompressed message")),
        }
    }
}

/// What the protocol says of a request that failed: a GOAWAY ends streams above the last that the server has begun
/// with, and REFUSED_STREAM one that it has not (RFC 9113, 6.8 and 8.7).
fn failure(error: &h2::Error) -> Failure {
    let text = match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    let goodbye = error.is_remote() && error.is_go_away();
    let refused = error.is_remote() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    if goodbye || refused { Failure::not_begun(text) } else { Failure::new("CONNECTION", text) }
}

/// gRPC percent-encodes its messages.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match hex.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// By number.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
