//! Requests over HTTP/1.1 and JSON: a bounded pool of connections that are kept alive. A request that finds none free
//! waits in line, and the wait counts.

use std::borrow::Cow;
use std::error::Error as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::http::{HeaderMap, HeaderValue};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::{Failure, Reply, Target, TargetError, Url};
use crate::mix::Call;

#[derive(Debug)]
pub(crate) struct Http {
    authority: String,
    headers: HeaderMap,
    /// Open and unused; the last used on top.
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
    /// One permit a connection, given out in order.
    free: Semaphore,
}

/// Whether a connection has served before: then it may be closing just as it is used.
#[derive(Clone, Copy, PartialEq)]
enum Age {
    New,
    Used,
}

impl Http {
    pub(super) async fn connect(
        url: &Url,
        connections: usize,
        deadline: Option<Duration>,
    ) -> Result<Http, TargetError> {
        let failed = |reason: String| TargetError::Connect { url: url.to_string(), reason };
        let mut headers = HeaderMap::new();
        let host = url.authority.as_str().parse();
        headers.insert(header::HOST, host.map_err(|_| failed("not a host".into()))?);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(deadline) = deadline {
            let millis = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX).max(1);
            headers.insert("x-request-timeout-ms", HeaderValue::from(millis));
        }
        let http = Http {
            authority: url.authority.to_string(),
            headers,
            idle: Mutex::default(),
            free: Semaphore::new(connections.max(1)),
        };
        let first = http.open().await.map_err(failed)?; // whether there is a server is to be known before
        http.idle().push(first);
        Ok(http)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SendRequest<Full<Bytes>>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let stream = TcpStream::connect(&self.authority).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(async move { drop(connection.await) }); // its end is seen by the requests
        Ok(sender)
    }

    async fn connection(&self) -> Result<(SendRequest<Full<Bytes>>, Age), String> {
        loop {
            let Some(mut idle) = self.idle().pop() else { return Ok((self.open().await?, Age::New)) };
            if idle.ready().await.is_ok() {
                return Ok((idle, Age::Used));
            }
        }
    }
}

impl Target for Http {
    async fn ask(&self, call: &Call) -> Result<Reply, Failure> {
        let _permit = self.free.acquire().await.map_err(connection)?;
        let (mut sender, age) = self.connection().await.map_err(Failure::not_begun)?;
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = hyper::Method::POST;
        *request.uri_mut() = call.path.clone().into();
        *request.headers_mut() = self.headers.clone();
        let response = match sender.send_request(request).await {
            Ok(response) => response,
            // Nothing of an answer came, over a connection that the server was free to close (RFC 9112, 9.3.1); and
            // asking for recommendations changes nothing.
            Err(error) if age == Age::Used && closed(&error) => return Err(Failure::not_begun(error)),
            Err(error) => return Err(connection(error)),
        };
        let status = response.status();
        let body = response.into_body().collect().await.map_err(connection)?.to_bytes();
        self.idle().push(sender); // one that is closing is noticed by its next user
        if status == StatusCode::OK { Ok(Reply::Json(body)) } else { Err(refusal(status, &body)) }
    }
}

fn closed(error: &hyper::Error) -> bool {
    let gone = [std::io::ErrorKind::ConnectionReset, std::io::ErrorKind::BrokenPipe];
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    error.is_canceled()
        || error.is_closed()
        || error.is_incomplete_message()
        || io.is_some_and(|io| gone.contains(&io.kind()))
}

/// The error, and what it came from: hyper's own text says as little as "client error (Connect)".
fn connection(error: impl std::error::Error) -> Failure {
    match error.source() {
        Some(source) => Failure::new("CONNECTION", format!("{error}: {source}")),
        None => Failure::new("CONNECTION", error),
    }
}

/// A problem document (RFC 9457), as far as it is there.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Problem {
    title: String,
    detail: String,
}

fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    let code = match status.as_u16() {
        400 => Cow::Borrowed("INVALID_ARGUMENT"),
        404 => Cow::Borrowed("NOT_FOUND"),
        429 => Cow::Borrowed("RESOURCE_EXHAUSTED"),
        500 => Cow::Borrowed("INTERNAL"),
        503 => Cow::Borrowed("UNAVAILABLE"),
        504 => Cow::Borrowed("DEADLINE_EXCEEDED"),
        other => Cow::Owned(format!("HTTP_{other}")),
    };
    let message = format!("{status}: {} {}", problem.title, problem.detail);
    Failure { code, message, not_begun: false }
}
