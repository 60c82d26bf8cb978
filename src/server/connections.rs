//! Accepts connections on a port, serves a router on each, and closes them without cutting anybody off.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::limits;
use super::middleware::Face;
use super::observe;

/// How long an HTTP/1 client may take over a request head, the wait for it on an idle connection included. Longer than
/// the 60 s after which common proxies drop idle connections, so that they, not we, close first.
const HEAD_LIMIT: Duration = Duration::from_secs(75);
/// HTTP/2 pings on a connection, and how long the answer may take.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_LIMIT: Duration = Duration::from_secs(10);
const STREAMS_PER_CONNECTION: u32 = 256;
/// After a failed accept (no file descriptors left): let some connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One port and its open connections.
#[derive(Debug)]
pub(super) struct Acceptor {
    stop: oneshot::Sender<Duration>,
    task: JoinHandle<()>,
}

impl Acceptor {
    /// Starts to accept.
    pub(super) fn open(listener: TcpListener, routes: Router, face: Face, max_connections: usize) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(accept(listener, routes, face, max_connections, stopped)) }
    }

    /// Closes the port, lets requests in flight finish for at most `limit`, and returns when all connections are gone.
    pub(super) async fn close(self, limit: Duration) {
        let _ = self.stop.send(limit);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "an acceptor ended badly");
        }
    }
}

async fn accept(
    listener: TcpListener,
    routes: Router,
    face: Face,
    max_connections: usize,
    mut stopped: oneshot::Receiver<Duration>,
) {
    let places = Arc::new(Semaphore::new(max_connections));
    let graceful = GracefulShutdown::new();
    let mut open = JoinSet::new();
    let limit = loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            biased;
            limit = &mut stopped => break limit.unwrap_or_default(),
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    let connection = serve(stream, routes.clone(), face, graceful.watcher());
                    open.spawn(async move {
                        let _place = place;
                        let gauge = metrics::gauge!(observe::names::CONNECTIONS, "face" => face.label());
                        gauge.increment(1);
                        connection.await;
                        gauge.decrement(1);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, face = face.label(), "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = open.join_next() => {}
        }
    };
    drop(listener);
    // HTTP/2 clients get GOAWAY, HTTP/1 clients `connection: close`. What is left after the limit is cut by `open`.
    if tokio::time::timeout(limit, graceful.shutdown()).await.is_err() {
        tracing::warn!(
            face = face.label(),
            connections = open.len(),
            "cut connections at the end of the drain time"
        );
    }
    open.shutdown().await;
}

/// What every HTTP/2 connection begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Waits until the peer has said enough to tell HTTP/1 from HTTP/2: from there on, hyper has time limits of its own.
async fn first_bytes(stream: &TcpStream) -> io::Result<()> {
    let mut seen = [0; PREFACE.len()];
    loop {
        let n = stream.peek(&mut seen).await?;
        if n == 0 || n == PREFACE.len() || !PREFACE.starts_with(&seen[..n]) {
            return Ok(());
        }
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

async fn serve(stream: TcpStream, routes: Router, face: Face, watcher: Watcher) {
    let outcome = async {
        stream.set_nodelay(true)?;
        let opened = tokio::time::timeout(HEAD_LIMIT, first_bytes(&stream)).await;
        opened.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "said nothing"))??;
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_LIMIT)
            .max_buf_size(limits::HEADER_BYTES)
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_LIMIT)
            .max_concurrent_streams(STREAMS_PER_CONNECTION)
            .max_header_list_size(limits::HEADER_BYTES as u32);
        let builder = if face == Face::Grpc { builder.http2_only() } else { builder };
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
        watcher.watch(connection.into_owned()).await.map_err(io::Error::other)
    };
    if let Err(error) = outcome.await {
        tracing::debug!(%error, face = face.label(), "a connection ended badly");
    }
}
