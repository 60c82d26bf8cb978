//! Accepts connections on a port, serves a router on each, and closes them without cutting anybody off.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::Service as HyperService;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::early_shed::{EarlyShed, Guarded};
use super::limits;
use super::middleware::Protocol;
use super::observe;

/// How long an HTTP/1 client may take over a request head, the wait for it on an idle connection included. Longer than
/// the 60 s after which common proxies drop idle connections, so that they, not we, close first.
const HEAD_LIMIT: Duration = Duration::from_secs(75);
/// HTTP/2 pings on a connection, and how long the answer may take.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_LIMIT: Duration = Duration::from_secs(10);
/// How long a client may leave what we sent unread, or unacknowledged, before its connection is cut.
const UNREAD_LIMIT: Duration = Duration::from_secs(30);
/// After a failed accept (no file descriptors left): let some connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Between two looks at a connection that has begun the HTTP/2 preface and not ended it.
const PREFACE_PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];
/// Before an HTTP connection without a request is closed, so that a request on its way still comes in and is answered with
/// `connection: close`; half the drain time where that is less.
const FAREWELL: Duration = Duration::from_secs(1);

/// What connections may do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionLimits {
    /// Open at once on the port; more wait in the operating system's backlog.
    pub(crate) connections: usize,
    /// HTTP/2 streams open at once on each.
    pub(crate) streams: u32,
    /// One without a request for so long is told to go away.
    pub(crate) idle: Duration,
}

/// One port and its open connections.
#[derive(Debug)]
pub(crate) struct Acceptor {
    stop: oneshot::Sender<Duration>,
    task: JoinHandle<()>,
}

impl Acceptor {
    /// Starts to accept.
    pub(crate) fn open(
        listener: TcpListener,
        routes: Router,
        early_shed: Option<Arc<EarlyShed>>,
        face: Protocol,
        limits: ConnectionLimits,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let service = Guarded { service: TowerToHyperService::new(routes), early_shed };
        Self { stop, task: tokio::spawn(accept(listener, service, face, limits, stopped)) }
    }

    /// Closes the port, lets requests in flight finish for at most `limit`, and returns when all connections are gone.
    pub(crate) async fn close(self, limit: Duration) {
        let _ = self.stop.send(limit);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "an acceptor ended badly");
        }
    }
}

type Routes = Guarded<TowerToHyperService<Router>>;

async fn accept(
    listener: TcpListener,
    routes: Routes,
    face: Protocol,
    limits: ConnectionLimits,
    mut stopped: oneshot::Receiver<Duration>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let (close, closing) = watch::channel(Duration::ZERO);
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
                    let connection = serve(stream, routes.clone(), face, limits, closing.clone());
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
    // Who stands in the backlog was let in by the system: they would be reset.
    while let Some(Ok((stream, _))) = at_once(&listener).await {
        open.spawn(serve(stream, routes.clone(), face, limits, closing.clone()));
    }
    drop(listener);
    // HTTP/2 clients get GOAWAY, HTTP/1 clients `connection: close`. What is left after the limit is cut.
    close.send_replace(FAREWELL.min(limit / 2));
    drop(closing);
    let all_closed = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(limit, all_closed).await.is_err() {
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
    let [mut pause, longest] = PREFACE_PAUSES;
    loop {
        let n = stream.peek(&mut seen).await?;
        if n == 0 || n == PREFACE.len() || !PREFACE.starts_with(&seen[..n]) {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
        pause = longest.min(pause * 2);
    }
}

/// The next connection, if there is one now.
async fn at_once(listener: &TcpListener) -> Option<io::Result<(TcpStream, SocketAddr)>> {
    std::future::poll_fn(|cx| match listener.poll_accept(cx) {
        Poll::Ready(accepted) => Poll::Ready(Some(accepted)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Serves one connection until its client closes it, it is idle for too long, or `closing` says that all are to close.
async fn serve(
    stream: TcpStream,
    routes: Routes,
    face: Protocol,
    limits: ConnectionLimits,
    mut closing: watch::Receiver<Duration>,
) {
    let outcome = async {
        stream.set_nodelay(true)?;
        limit_unread(&stream);
        let opened = tokio::select! {
            biased;
            opened = tokio::time::timeout(HEAD_LIMIT.min(limits.idle), first_bytes(&stream)) => opened,
            _ = farewell(&mut closing) => return Ok(()), // nothing was asked yet
        };
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
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(limits::HEADER_BYTES as u32);
        let builder = if face == Protocol::Grpc { builder.http2_only() } else { builder };
        let usage = Arc::new(Usage { opened: Instant::now(), last_ms: AtomicU64::new(0) });
        let service = Noted { service: routes, usage: Arc::clone(&usage) };
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let bound = tokio::select! {
            biased;
            done = connection.as_mut() => return done.map_err(io::Error::other),
            () = usage.idle(limits.idle) => UNREAD_LIMIT,
            _ = async { if face == Protocol::Grpc { told(&mut closing).await } else { farewell(&mut closing).await } } => {
                Duration::MAX // the drain has its own limit
            }
        };
        connection.as_mut().graceful_shutdown();
        let gone = tokio::time::timeout(bound, connection).await;
        gone.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "did not go when told"))?
            .map_err(io::Error::other)
    };
    if let Err(error) = outcome.await {
        tracing::debug!(%error, face = face.label(), "a connection ended badly");
    }
}

/// Completes when all connections are to close, with the time that those without a request have.
async fn told(closing: &mut watch::Receiver<Duration>) -> Duration {
    let _ = closing.changed().await; // an acceptor that has gone wants the same
    *closing.borrow()
}

/// As [`told`], and that time later.
async fn farewell(closing: &mut watch::Receiver<Duration>) -> Duration {
    let time = told(closing).await;
    tokio::time::sleep(time).await;
    time
}

/// Where the system does not know the option (gVisor), slow readers are bounded by the other limits alone.
fn limit_unread(stream: &TcpStream) {
    #[cfg(target_os = "linux")]
    let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, UNREAD_LIMIT.as_millis() as u32);
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
}

/// When a connection last had a request.
#[derive(Debug)]
struct Usage {
    opened: Instant,
    last_ms: AtomicU64,
}

impl Usage {
    fn note(&self) {
        self.last_ms.store(self.opened.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Completes when there was no request for `limit`.
    async fn idle(&self, limit: Duration) {
        loop {
            let last = self.opened + Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
            let left = limit.saturating_sub(last.elapsed());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}

/// A service that notes when it is called.
#[derive(Debug, Clone)]
struct Noted<S> {
    service: S,
    usage: Arc<Usage>,
}

impl<S: HyperService<Request<Incoming>, Response = Response<Body>>> HyperService<Request<Incoming>>
    for Noted<S>
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, request: Request<Incoming>) -> S::Future {
        self.usage.note();
        self.service.call(request)
    }
}
