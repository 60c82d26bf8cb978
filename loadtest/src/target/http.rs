//! Requests over HTTP/1.1 and JSON: a bounded pool of connections that are kept alive. A request that finds none free
//! waits in line, and the wait counts.

use std::borrow::Cow;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::http::uri::{Authority, Scheme};
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::{Failure, Reply, Target, TargetError, Url};
use crate::mix::Call;

#[derive(Debug)]
pub(crate) struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    authority: Authority,
    /// One permit a connection, given out in order.
    free: Semaphore,
}

impl Http {
    pub(super) async fn connect(url: &Url, connections: usize) -> Result<Http, TargetError> {
        // The pool connects when asked; whether there is a server is to be known before.
        let failed =
            |error: std::io::Error| TargetError::Connect { url: url.to_string(), reason: error.to_string() };
        drop(TcpStream::connect(url.authority.as_str()).await.map_err(failed)?);

        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(connections.max(1))
            .build(connector);
        Ok(Http { client, authority: url.authority.clone(), free: Semaphore::new(connections.max(1)) })
    }
}

impl Target for Http {
    async fn ask(&self, call: &Call) -> Result<Reply, Failure> {
        let _permit = self.free.acquire().await.map_err(connection)?;
        let uri = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.authority.clone())
            .path_and_query(call.path.clone())
            .build()
            .map_err(connection)?;
        let request = Request::post(uri)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(call.body.clone()))
            .map_err(connection)?;
        let response = self.client.request(request).await.map_err(connection)?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(connection)?.to_bytes();
        if status == StatusCode::OK { Ok(Reply::Json(body)) } else { Err(refusal(status, &body)) }
    }
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
    Failure { code, message: format!("{status}: {} {}", problem.title, problem.detail) }
}
