//! One connected server.

use std::time::Duration;

use super::answer::{Failure, Reply, Target};
use super::grpc::Grpc;
use super::http::Http;
use super::url::{Protocol, Url};
use crate::mix::Call;

/// A connected server.
#[derive(Debug)]
pub(crate) enum Server {
    Grpc(Box<Grpc>),
    Http(Box<Http>),
}

/// A server that cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to {url}: {source}")]
pub(crate) struct ConnectError {
    url: String,
    source: std::io::Error,
}

impl Server {
    /// Opens `connections`; by default 4 for gRPC, where many requests share one, and 64 for HTTP/1.1. The deadline, if
    /// there is one, is sent along with every request.
    pub(crate) async fn connect(
        url: &Url,
        connections: Option<usize>,
        deadline: Option<Duration>,
    ) -> Result<Server, ConnectError> {
        let failed = |source| ConnectError { url: url.to_string(), source };
        Ok(match url.protocol {
            Protocol::Grpc => {
                let grpc = Grpc::connect(&url.authority, connections.unwrap_or(4), deadline).await;
                Server::Grpc(Box::new(grpc.map_err(failed)?))
            }
            Protocol::Http => {
                let http = Http::connect(&url.authority, connections.unwrap_or(64), deadline).await;
                Server::Http(Box::new(http.map_err(failed)?))
            }
        })
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
