//! Accepts connections on a port, serves a router on each, and closes them without cutting off a request.

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
use prometheus::{IntGauge, IntGaugeVec, Opts, Registry};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::early_shed::{EarlyShed, EarlyShedService};
use super::identify::{IdentifyService, Peer, PortAccess};
use super::limits;
use super::protocol::Protocol;
use crate::server::identity::Memory;
use crate::server::tls::{Accepted, For, accept as accept_tls};

/// How long an HTTP/1 client may take over a request head, the wait for it on an idle connection included. Longer than
/// the 60 s after which common proxies drop idle connections, so that they close first: a proxy that sends a request
/// just as we close gets a reset. Raising it lets silent clients hold connections for longer.
const HEAD_LIMIT: Duration = Duration::from_secs(75);
/// Time between two HTTP/2 pings on a connection, and how long the answer may take: a peer that vanished without a FIN
/// is noticed after both together.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_LIMIT: Duration = Duration::from_secs(10);
/// How long a client may leave unread, or unacknowledged, what we sent, before its connection is cut; raising it lets
/// slow readers hold answers in memory for longer.
const UNREAD_LIMIT: Duration = Duration::from_secs(30);
/// Pause after a failed accept, as when no file descriptors are left: some connections may end meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// First and longest pause between two looks at a connection that has begun the HTTP/2 preface and not ended it.
const PREFACE_PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];
/// Time from the beginning of a drain until an HTTP connection without a request is closed, so that a request on its
/// way still arrives and is answered with `connection: close`; half the drain time where that is less.
const IDLE_GRACE: Duration = Duration::from_secs(1);

/// What connections may do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionLimits {
    /// Open at once on the port; more wait in the operating system's backlog.
    pub(crate) connections: usize,
    /// HTTP/2 streams open at once on each.
    pub(crate) streams: u32,
    /// Time without a request after which a connection is closed.
    pub(crate) idle: Duration,
}

/// One port and its open connections.
#[derive(Debug)]
pub(crate) struct Acceptor {
    stop: oneshot::Sender<Duration>,
    task: JoinHandle<()>,
}

impl Acceptor {
    /// Starts to accept. `count` counts the open connections.
    pub(crate) fn open(
        listener: TcpListener,
        routes: Router,
        early_shed: Option<Arc<EarlyShed>>,
        access: PortAccess,
        limits: ConnectionLimits,
        count: IntGauge,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let routes = EarlyShedService { inner: TowerToHyperService::new(routes), early_shed };
        let port = Port { routes, protocol: access.protocol, access: Arc::new(access), limits, count };
        Self { stop, task: tokio::spawn(accept(listener, port, stopped)) }
    }

    /// Closes the port, lets requests in flight finish for at most `limit`, and returns when all connections are gone.
    pub(crate) async fn close(self, limit: Duration) {
        let _ = self.stop.send(limit);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "an acceptor ended badly");
        }
    }
}

/// Registers the gauge of open connections: one for each protocol, in the order of [`Protocol::ALL`].
pub(crate) fn count_connections(registry: &Registry) -> Result<[IntGauge; 2], prometheus::Error> {
    let options = Opts::new("larder_connections", "Open connections.");
    let gauges = IntGaugeVec::new(options, &["protocol"])?;
    registry.register(Box::new(gauges.clone()))?;
    Ok(Protocol::ALL.map(|protocol| gauges.with_label_values(&[protocol.label()])))
}

/// What is the same for all connections of a port.
#[derive(Debug, Clone)]
struct Port {
    routes: EarlyShedService<TowerToHyperService<Router>>,
    access: Arc<PortAccess>,
    protocol: Protocol,
    limits: ConnectionLimits,
    count: IntGauge,
}

async fn accept(listener: TcpListener, port: Port, mut stopped: oneshot::Receiver<Duration>) {
    let protocol = port.protocol.label();
    let permits = Arc::new(Semaphore::new(port.limits.connections));
    let (close, closing) = watch::channel(Duration::ZERO);
    let mut open = JoinSet::new();
    let limit = loop {
        let next = async {
            // First the permit, then the connection: one over the limit waits in the system's backlog, where it costs
            // this process nothing.
            let permit = permits.clone().acquire_owned().await;
            (permit, listener.accept().await)
        };
        tokio::select! {
            biased;
            // Asked first (`biased`): a port whose backlog is never empty must close too.
            limit = &mut stopped => break limit.unwrap_or_default(),
            (permit, accepted) = next => match accepted {
                Ok((stream, addr)) => {
                    let connection = serve(stream, addr, port.clone(), closing.clone());
                    open.spawn(async move {
                        let _permit = permit;
                        connection.await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, protocol, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            // Without this, the set would keep the result of every connection there ever was.
            Some(_) = open.join_next() => {}
        }
    };
    // The system has accepted the connections in the backlog already: closing the port would reset them.
    while let Some(Ok((stream, addr))) = accept_pending(&listener).await {
        open.spawn(serve(stream, addr, port.clone(), closing.clone()));
    }
    drop(listener);
    // HTTP/2 clients get GOAWAY, HTTP/1 clients `connection: close`. What is left after the limit is cut.
    close.send_replace(IDLE_GRACE.min(limit / 2));
    drop(closing);
    let all_closed = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(limit, all_closed).await.is_err() {
        tracing::warn!(protocol, connections = open.len(), "cut connections at the end of the drain time");
    }
    // Waits for the tasks that it cuts off: what they count must be over before the metrics go.
    open.shutdown().await;
}

/// What every HTTP/2 connection begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Waits until the peer has said enough to tell HTTP/1 from HTTP/2: from there on, hyper has time limits of its own.
async fn first_bytes(stream: &TcpStream) -> io::Result<()> {
    let mut seen = [0; PREFACE.len()];
    let [mut pause, longest] = PREFACE_PAUSES;
    loop {
        // Peeked and not read: hyper must find the bytes where they were.
        let n = stream.peek(&mut seen).await?;
        if n == 0 || n == PREFACE.len() || !PREFACE.starts_with(&seen[..n]) {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
        pause = longest.min(pause * 2);
    }
}

/// Makes a connection ready for requests: by its handshake or, without TLS, by its first bytes.
async fn open(stream: TcpStream, access: &PortAccess) -> io::Result<Accepted> {
    if access.tls.is_none() {
        first_bytes(&stream).await?;
    }
    accept_tls(access.tls.as_deref(), stream, For::Serving).await
}

/// The next connection of the backlog, if there is one.
async fn accept_pending(listener: &TcpListener) -> Option<io::Result<(TcpStream, SocketAddr)>> {
    std::future::poll_fn(|cx| match listener.poll_accept(cx) {
        Poll::Ready(accepted) => Poll::Ready(Some(accepted)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Serves one connection until its client closes it, it is idle for too long, or `closing` says that all are to close.
async fn serve(stream: TcpStream, addr: SocketAddr, port: Port, mut closing: watch::Receiver<Duration>) {
    let Port { routes, access, protocol, limits, count } = port;
    let _counted = Counted::new(count);
    let outcome = async {
        // An answer is one small write. With Nagle's algorithm it waits for the acknowledgement of the one before,
        // which the peer's system holds back for up to 40 ms.
        stream.set_nodelay(true)?;
        limit_unread(&stream);
        let opened = tokio::select! {
            biased;
            opened = tokio::time::timeout(HEAD_LIMIT.min(limits.idle), open(stream, &access)) => opened,
            () = idle_grace_over(&mut closing) => return Ok(()), // nothing was asked yet
        };
        let opened = opened.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "sent nothing"))?;
        let Accepted { stream, certificate } = opened?;
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
        // An HTTP/1 request to the gRPC port is a mistake of configuration: it fails at once instead of getting an
        // answer that no client of it reads.
        let builder = if protocol == Protocol::Grpc { builder.http2_only() } else { builder };
        // hyper has no limit for idle HTTP/2 connections, and its pings keep those alive whose client has forgotten
        // them.
        let usage = Arc::new(Usage { opened: Instant::now(), last_ms: AtomicU64::new(0) });
        let peer = Peer { addr, certificate };
        let identified = IdentifyService { inner: routes, access, peer, memory: Memory::default() };
        let service = UsageService { inner: identified, usage: Arc::clone(&usage) };
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let bound = tokio::select! {
            biased;
            // The connection comes first (`biased`), so that a request that has arrived is served before it counts as
            // idle.
            done = connection.as_mut() => return done.map_err(io::Error::other),
            () = usage.idle(limits.idle) => UNREAD_LIMIT,
            () = time_to_close(protocol, &mut closing) => Duration::MAX, // the drain has its own limit
        };
        // GOAWAY, or the end after this answer. A client that does not react is cut off after `bound`: an open socket
        // is a permit.
        connection.as_mut().graceful_shutdown();
        let gone = tokio::time::timeout(bound, connection).await;
        gone.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "did not close when told to"))?
            .map_err(io::Error::other)
    };
    // At level debug: clients vanish all the time, and a scanner must not be able to fill the log.
    if let Err(error) = outcome.await {
        tracing::debug!(%error, protocol = protocol.label(), "a connection ended badly");
    }
}

/// Completes when a connection is to be closed because the server drains.
///
/// gRPC clients are told at once: with GOAWAY, HTTP/2 has a message for it. Over HTTP/1 all that can be done is to
/// close, and a request may be on its way.
async fn time_to_close(protocol: Protocol, closing: &mut watch::Receiver<Duration>) {
    match protocol {
        Protocol::Grpc => {
            drain_began(closing).await;
        }
        Protocol::Http => idle_grace_over(closing).await,
    }
}

/// Completes when the drain begins, with the time that connections without a request have.
async fn drain_began(closing: &mut watch::Receiver<Duration>) -> Duration {
    let _ = closing.changed().await; // an acceptor that has gone means the same
    *closing.borrow()
}

/// Completes when that time is over.
async fn idle_grace_over(closing: &mut watch::Receiver<Duration>) {
    let grace = drain_began(closing).await;
    tokio::time::sleep(grace).await;
}

/// Adds one to a gauge until it is dropped, as it is when the connection's task is cut off too.
struct Counted(IntGauge);

impl Counted {
    fn new(gauge: IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
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
        // One store for each request, and no timer that it would have to move: the timer looks at the time when it
        // fires, and sleeps again for what is left.
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
struct UsageService<S> {
    inner: S,
    usage: Arc<Usage>,
}

impl<S: HyperService<Request<Incoming>, Response = Response<Body>>> HyperService<Request<Incoming>>
    for UsageService<S>
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, request: Request<Incoming>) -> S::Future {
        self.usage.note();
        self.inner.call(request)
    }
}
