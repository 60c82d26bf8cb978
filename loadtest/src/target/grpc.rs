//! Requests over gRPC: a fixed number of HTTP/2 connections, used in rotation and reopened after a GOAWAY. It speaks
//! HTTP/2 by itself, with requests encoded beforehand: a general gRPC client spends more on a request than the server.

use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use h2::client::SendRequest;
use hyper::body::Bytes;
use hyper::http::uri::Authority;
use hyper::http::{HeaderMap, HeaderValue, Request, Uri, header};
use percent_encoding::percent_decode_str;
use tokio::net::TcpStream;

use super::answer::{Failure, Reply, Target};
use crate::mix::Call;

const METHOD: &str = "/larder.v1.RecommendationService/Recommend";
/// Bytes of one answer, and of all answers of a connection, that may be under way before the server has to wait.
// Far above what slates take, so that flow control is never what is measured.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 1 << 24;

#[derive(Debug)]
pub(crate) struct Grpc {
    authority: Authority,
    uri: Uri,
    headers: HeaderMap,
    slots: Vec<Slot>,
    next_slot: AtomicUsize,
    opened: AtomicU64,
}

/// A place for one connection.
#[derive(Debug, Default)]
struct Slot {
    open: Mutex<Option<Open>>,
    /// Held while a connection is opened: one is enough for all requests that wait for it.
    opening: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone)]
struct Open {
    number: u64,
    sender: SendRequest<Bytes>,
}

impl Grpc {
    pub(super) async fn connect(
        authority: &Authority,
        connections: usize,
        deadline: Option<Duration>,
    ) -> io::Result<Grpc> {
        let uri = Uri::builder().scheme("http").authority(authority.clone()).path_and_query(METHOD).build();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        if let Some(deadline) = deadline {
            // The value has at most eight digits, which microseconds exceed after a minute and a half.
            let micros = deadline.as_micros();
            let value =
                if micros < 100_000_000 { format!("{micros}u") } else { format!("{}S", deadline.as_secs()) };
            headers.insert("grpc-timeout", value.parse().map_err(io::Error::other)?);
        }
        let grpc = Grpc {
            authority: authority.clone(),
            uri: uri.map_err(io::Error::other)?,
            headers,
            slots: (0..connections.max(1)).map(|_| Slot::default()).collect(),
            next_slot: AtomicUsize::new(0),
            opened: AtomicU64::new(0),
        };
        for slot in &grpc.slots {
            grpc.connection(slot).await?;
        }
        Ok(grpc)
    }

    /// The slot's connection, opened if need be.
    async fn connection(&self, slot: &Slot) -> io::Result<Open> {
        if let Some(open) = slot.get() {
            return Ok(open);
        }
        let _opening = slot.opening.lock().await;
        if let Some(open) = slot.get() {
            // Another request has opened it meanwhile.
            return Ok(open);
        }
        let stream = TcpStream::connect(self.authority.as_str()).await?;
        stream.set_nodelay(true)?;
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
        // A gRPC server has nothing to push.
        let (sender, connection) =
            builder.enable_push(false).handshake(stream).await.map_err(io::Error::other)?;
        // Its end reaches us through the requests that fail with it.
        tokio::spawn(async move { drop(connection.await) });
        let open = Open { number: self.opened.fetch_add(1, Ordering::Relaxed), sender };
        *slot.lock() = Some(open.clone());
        Ok(open)
    }

    async fn exchange(&self, mut sender: SendRequest<Bytes>, call: &Call) -> Result<Exchange, h2::Error> {
        let mut request = Request::new(());
        *request.method_mut() = hyper::Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = hyper::Version::HTTP_2;
        *request.headers_mut() = self.headers.clone();
        let (response, mut body) = sender.send_request(request, false)?;
        body.send_data(call.frame.clone(), true)?;
        let (head, mut body) = response.await?.into_parts();
        let mut message = Bytes::new();
        while let Some(data) = poll_fn(|context| body.poll_data(context)).await {
            let data = data?;
            body.flow_control().release_capacity(data.len())?;
            // Nearly every slate comes in one frame, which is then kept without a copy.
            message = if message.is_empty() { data } else { [&message[..], &data[..]].concat().into() };
        }
        let trailers = poll_fn(|context| body.poll_trailers(context)).await?;
        Ok(Exchange { status: head.status, headers: head.headers, message, trailers })
    }
}

/// All that came back.
struct Exchange {
    status: hyper::StatusCode,
    headers: HeaderMap,
    message: Bytes,
    trailers: Option<HeaderMap>,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self) -> Option<Open> {
        self.lock().clone()
    }

    /// Takes the connection out of use. Its number tells it from a newer one that another request has opened.
    fn abandon(&self, number: u64) {
        self.lock().take_if(|open| open.number == number);
    }
}

impl Target for Grpc {
    async fn ask(&self, call: &Call) -> Result<Reply, Failure> {
        // In rotation and not by load, as usual clients do it: a slow connection stays visible in the percentiles.
        let slot = &self.slots[self.next_slot.fetch_add(1, Ordering::Relaxed) % self.slots.len()];
        let Open { number, sender } = self.connection(slot).await.map_err(Failure::not_begun)?;
        let sender = match sender.ready().await {
            Ok(sender) => sender,
            Err(error) => {
                // Nothing was sent: the connection was closed while this request waited for a stream.
                slot.abandon(number);
                return Err(Failure::not_begun(error));
            }
        };
        match self.exchange(sender, call).await {
            Ok(exchange) => exchange.reply(),
            Err(error) => {
                // A reset ends one stream; anything else is a GOAWAY or the end of the connection.
                if !error.is_reset() {
                    slot.abandon(number);
                }
                Err(failure(&error))
            }
        }
    }
}

impl Exchange {
    fn reply(self) -> Result<Reply, Failure> {
        // An error without a body has its status in the headers ("trailers-only").
        let trailers = self.trailers.as_ref().unwrap_or(&self.headers);
        let text = |name| trailers.get(name).and_then(|value| value.to_str().ok());
        match text("grpc-status").and_then(|status| status.parse::<usize>().ok()) {
            Some(0) => {}
            Some(code) => {
                let message =
                    percent_decode_str(text("grpc-message").unwrap_or_default()).decode_utf8_lossy();
                return Err(Failure::new(CODES.split(' ').nth(code).unwrap_or("UNKNOWN"), message));
            }
            None => return Err(Failure::new("BAD_ANSWER", format!("{}: no grpc-status", self.status))),
        }
        let length = self.message.get(1..5).and_then(|length| length.try_into().ok()).map(u32::from_be_bytes);
        match length {
            Some(length) if self.message[0] == 0 && self.message.len() - 5 == length as usize => {
                Ok(Reply::Message(self.message.slice(5..)))
            }
            _ => Err(Failure::new("BAD_ANSWER", "not one uncompressed message")),
        }
    }
}

/// A GOAWAY ends the streams that the server has not begun with, and so does REFUSED_STREAM (RFC 9113, 6.8 and 8.7).
fn failure(error: &h2::Error) -> Failure {
    let text = match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    let refused = error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM);
    if error.is_remote() && refused { Failure::not_begun(text) } else { Failure::new("CONNECTION", text) }
}

/// The names of gRPC's status codes, by number.
const CODES: &str = "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS \
    PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE \
    DATA_LOSS UNAUTHENTICATED";
