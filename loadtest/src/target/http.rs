//! Requests over HTTP/1.1 and JSON: a bounded pool of kept-alive connections. A request that finds none free waits for
//! one, and the wait counts as latency.

use std::error::Error as _;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::http::uri::Authority;
use hyper::http::{HeaderMap, HeaderValue};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::answer::{Failure, Reply, Target};
use crate::mix::Call;

type Sender = SendRequest<Full<Bytes>>;

#[derive(Debug)]
pub(crate) struct Http {
    authority: Authority,
    headers: HeaderMap,
    /// Open and unused, the last used at the end.
    idle: Mutex<Vec<Sender>>,
    /// One permit for each connection, given out in order.
    free: Semaphore,
}

impl Http {
    pub(super) async fn connect(
        authority: &Authority,
        connections: usize,
        deadline: Option<Duration>,
    ) -> io::Result<Http> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, authority.as_str().parse().map_err(io::Error::other)?);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(deadline) = deadline {
            let millis = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX).max(1);
            headers.insert("x-request-timeout-ms", HeaderValue::from(millis));
        }
        // The semaphore is fair: no request waits longer than one that came after it.
        let (idle, free) = (Mutex::default(), Semaphore::new(connections.max(1)));
        let http = Http { authority: authority.clone(), headers, idle, free };
        // A server that is not there is noticed before the run, with an exit code of its own.
        let first = http.open().await?;
        http.idle().push(first);
        Ok(http)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Sender>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self) -> io::Result<Sender> {
        let stream = TcpStream::connect(self.authority.as_str()).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // Its end reaches us through the requests that fail with it.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    /// A connection, and whether it has served before: then the server may be closing it at this moment.
    async fn connection(&self) -> io::Result<(Sender, bool)> {
        loop {
            let Some(mut idle) = self.idle().pop() else { return Ok((self.open().await?, false)) };
            if idle.ready().await.is_ok() {
                return Ok((idle, true));
            }
        }
    }
}

impl Target for Http {
    async fn ask(&self, call: &Call) -> Result<Reply, Failure> {
        let _permit = self.free.acquire().await.map_err(failure)?;
        let (mut sender, used) = self.connection().await.map_err(Failure::not_begun)?;
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = hyper::Method::POST;
        *request.uri_mut() = call.path.clone().into();
        *request.headers_mut() = self.headers.clone();
        let response = match sender.send_request(request).await {
            Ok(response) => response,
            // The server may close an unused connection at any time, and asking for recommendations changes nothing, so
            // the request may be sent again (RFC 9112, 9.3.1).
            Err(error) if used && is_closed(&error) => return Err(Failure::not_begun(error)),
            Err(error) => return Err(failure(error)),
        };
        let status = response.status();
        let body = response.into_body().collect().await.map_err(failure)?.to_bytes();
        // One that is closing is noticed by its next user. The last used goes first: the others may be closed as idle.
        self.idle().push(sender);
        if status == StatusCode::OK { Ok(Reply::Json(body)) } else { Err(refusal(status, &body)) }
    }
}

fn is_closed(error: &hyper::Error) -> bool {
    let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    let gone = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
    error.is_canceled()
        || error.is_closed()
        || error.is_incomplete_message()
        || io.is_some_and(|io| gone.contains(&io.kind()))
}

/// The error with its source: hyper's own text says as little as "client error (Connect)".
fn failure(error: impl std::error::Error) -> Failure {
    match error.source() {
        Some(source) => Failure::new("CONNECTION", format!("{error}: {source}")),
        None => Failure::new("CONNECTION", error),
    }
}

/// The status as gRPC's code, and the problem document (RFC 9457) as it is.
fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let start = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
    let message = format!("{status}: {start}");
    match status.as_u16() {
        400 => Failure::new("INVALID_ARGUMENT", message),
        404 => Failure::new("NOT_FOUND", message),
        429 => Failure::new("RESOURCE_EXHAUSTED", message),
        500 => Failure::new("INTERNAL", message),
        503 => Failure::new("UNAVAILABLE", message),
        504 => Failure::new("DEADLINE_EXCEEDED", message),
        other => Failure::new(format!("HTTP_{other}"), message),
    }
}
