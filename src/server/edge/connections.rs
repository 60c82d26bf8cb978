//! Accepts connections on a port, serves a router on each, and closes them without cutting off a request.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::Service as HyperService;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::connection::{Connection, ConnectionLimits, ConnectionMetrics, Cut};
use super::early_shed::{EarlyShed, EarlyShedService};
use super::heads::{PREFACE, Watched};
use super::held::{Answer, Answering, Budget, Share, Streams};
use super::identify::{IdentifyService, Peer, PortAccess};
use super::limits;
use super::open_connections::OpenConnections;
use super::protocol::Protocol;
use crate::server::identity::Memory;
use crate::server::tls::{Accepted, accept as accept_tls};

/// How long an HTTP/1 client may wait with its next request. Longer than the 60 s after which common proxies drop idle
/// connections, so that they close first: a proxy that sends a request just as we close gets a reset. Raising it lets
/// silent clients hold connections for longer.
const IDLE_LIMIT: Duration = Duration::from_secs(75);
/// Time between two HTTP/2 pings on a connection, and how long the answer may take: a peer that vanished without a FIN
/// is noticed after both together.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_LIMIT: Duration = Duration::from_secs(10);
/// How long a client may leave unacknowledged what we sent, or stay when it is told to go, before its connection is
/// cut.
const UNREAD_LIMIT: Duration = Duration::from_secs(30);
/// How long a client may stay whose connection has to make room for another.
const EVICTION_LIMIT: Duration = Duration::from_millis(500);
/// Bytes of a connection that the system holds between us and the network. Raising it makes long lines faster and
/// lets clients who do not read hold more of the system's memory.
const SEND_BUFFER: usize = 256 << 10;
/// Bytes that an HTTP/2 client may send of one request, and of all on a connection, before we have taken any.
const RECEIVE_WINDOWS: [u32; 2] = [64 << 10, 512 << 10];
/// Bytes of an answer that may lie ready to be written on an HTTP/2 stream.
const STREAM_BUFFER: usize = 64 << 10;
/// Pause after a failed accept, as when no file descriptors are left: some connections may end meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Pause between two looks for idle connections while the port is full.
const EVICT_EVERY: Duration = Duration::from_millis(20);
/// First and longest pause between two looks at a connection that has begun the HTTP/2 preface and not ended it.
const PREFACE_PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];
/// Time from the beginning of a drain until an HTTP connection without a request is closed, so that a request on its
/// way still arrives and is answered with `connection: close`; half the drain time where that is less.
const IDLE_GRACE: Duration = Duration::from_secs(1);

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
        access: PortAccess,
        limits: ConnectionLimits,
        metrics: ConnectionMetrics,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let routes = EarlyShedService { inner: TowerToHyperService::new(routes), early_shed };
        let port = Port {
            routes,
            protocol: access.protocol,
            access: Arc::new(access),
            limits: Arc::new(limits),
            metrics,
        };
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

/// What is the same for all connections of a port.
#[derive(Debug, Clone)]
struct Port {
    routes: EarlyShedService<TowerToHyperService<Router>>,
    access: Arc<PortAccess>,
    protocol: Protocol,
    limits: Arc<ConnectionLimits>,
    metrics: ConnectionMetrics,
}

impl Port {
    fn connection(&self) -> Arc<Connection> {
        let ConnectionLimits { unsent, unfinished, .. } = &*self.limits;
        let share = |(budget, limit): &(Arc<Budget>, u64)| Share::new(Arc::clone(budget), *limit);
        Connection::new(share(unsent), share(unfinished), self.metrics.clone())
    }
}

async fn accept(listener: TcpListener, port: Port, mut stopped: oneshot::Receiver<Duration>) {
    let protocol = port.protocol.label();
    let (close, closing) = watch::channel(Duration::ZERO);
    let mut open = OpenConnections::new(port.limits.connections);
    let begin = |open: &mut OpenConnections, accepted| {
        let connection = port.connection();
        open.spawn(Arc::clone(&connection), serve(accepted, port.clone(), connection, closing.clone()));
    };
    // The first that there is no room for is accepted, so that one that is idle can be told to make room; the next wait
    // in the system's backlog, where they cost this process nothing.
    let mut waiting = None;
    let mut failed = false;
    let limit = loop {
        if let Some(accepted) = waiting.take_if(|_| open.has_room()) {
            begin(&mut open, accepted);
        } else if waiting.is_some() {
            open.evict_idle();
        }
        tokio::select! {
            biased;
            // Asked first (`biased`): a port whose backlog is never empty must close too.
            limit = &mut stopped => break limit.unwrap_or_default(),
            // Without this, the set would keep the result of every connection there ever was.
            () = open.ended() => {}
            () = tokio::time::sleep(EVICT_EVERY), if waiting.is_some() => {}
            accepted = listener.accept(), if waiting.is_none() => match accepted {
                Ok(accepted) => {
                    waiting = Some(accepted);
                    failed = false;
                }
                Err(error) => {
                    // Once, and not twenty times a second: the log is on the same disk.
                    if !std::mem::replace(&mut failed, true) {
                        tracing::warn!(%error, protocol, connections = open.len(), "accept failed");
                    }
                    open.evict_idle();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    };
    waiting.into_iter().for_each(|accepted| begin(&mut open, accepted));
    // The system has accepted the connections in the backlog already: closing the port would reset them.
    while let Some(Ok(accepted)) = accept_pending(&listener).await {
        begin(&mut open, accepted);
    }
    drop(listener);
    // HTTP/2 clients get GOAWAY, HTTP/1 clients `connection: close`. What is left after the limit is cut.
    close.send_replace(IDLE_GRACE.min(limit / 2));
    drop(closing);
    if tokio::time::timeout(limit, open.all_ended()).await.is_err() {
        tracing::warn!(protocol, connections = open.len(), "cut connections at the end of the drain time");
    }
    // Waits for the tasks that it cuts off: what they count must be over before the metrics go.
    open.shutdown().await;
}

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
    accept_tls(access.tls.as_deref(), stream, access.purpose).await
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
async fn serve(
    (stream, addr): (TcpStream, SocketAddr),
    port: Port,
    connection: Arc<Connection>,
    mut closing: watch::Receiver<Duration>,
) {
    let Port { routes, access, protocol, limits, .. } = port;
    let outcome = async {
        // An answer is one small write. With Nagle's algorithm it waits for the acknowledgement of the one before,
        // which the peer's system holds back for up to 40 ms.
        stream.set_nodelay(true)?;
        limit_unread(&stream);
        let head_limit = limits.header_timeout.min(limits.idle);
        let opened = tokio::select! {
            biased;
            opened = tokio::time::timeout(head_limit, open(stream, &access)) => opened,
            () = idle_grace_over(&mut closing) => return Ok(()), // nothing was asked yet
            () = connection.evicted() => return Err(cut(&connection, Cut::Evicted)),
        };
        let Accepted { stream, certificate } = opened.map_err(|_| cut(&connection, Cut::Head))??;
        let mut builder = auto::Builder::new(Streams { send_timeout: limits.send_timeout });
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE_LIMIT)
            .max_buf_size(limits::HEADER_BYTES)
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_LIMIT)
            .initial_stream_window_size(RECEIVE_WINDOWS[0])
            .initial_connection_window_size(RECEIVE_WINDOWS[1])
            .max_send_buf_size(STREAM_BUFFER)
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(limits::HEADER_BYTES as u32);
        // An HTTP/1 request to the gRPC port is a mistake of configuration: it fails at once instead of getting an
        // answer that no client of it reads.
        let builder = if protocol == Protocol::Grpc { builder.http2_only() } else { builder };
        let peer = Peer { addr, certificate };
        let identified = IdentifyService { inner: routes, access, peer, memory: Memory::default() };
        let service = ConnectionService { inner: identified, connection: Arc::clone(&connection) };
        let stream = Watched::new(stream, Arc::clone(&connection));
        let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut misused = pin!(connection.misused(&limits));
        let bound = tokio::select! {
            biased;
            // The connection comes first (`biased`), so that a request that has arrived is served before it counts as
            // idle.
            done = serving.as_mut() => return done.map_err(io::Error::other),
            why = misused.as_mut() => return Err(cut(&connection, why)),
            () = connection.evicted() => {
                connection.note(Cut::Evicted);
                // A request may have come in the same moment.
                match (connection.is_busy(), connection.had_request()) {
                    (true, _) => UNREAD_LIMIT,
                    (false, true) => EVICTION_LIMIT,
                    (false, false) => Duration::ZERO,
                }
            }
            // hyper has no limit for idle HTTP/2 connections, and its pings keep those alive whose client has
            // forgotten them.
            () = connection.idle(limits.idle) => UNREAD_LIMIT,
            () = connection.aged(&limits) => limits.age_grace,
            () = time_to_close(protocol, &mut closing) => Duration::MAX, // the drain has its own limit
        };
        // GOAWAY, or the end after this answer. A client that does not react is cut off after `bound`: an open socket
        // is a place that others wait for.
        serving.as_mut().graceful_shutdown();
        tokio::select! {
            gone = tokio::time::timeout(bound, serving) => {
                gone.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "did not close when told to"))?
                    .map_err(io::Error::other)
            }
            why = misused => Err(cut(&connection, why)),
        }
    };
    // At level debug: clients vanish all the time, and a scanner must not be able to fill the log.
    if let Err(error) = outcome.await {
        tracing::debug!(%error, protocol = protocol.label(), "a connection ended badly");
    }
}

/// Counts why a connection is cut, and says it.
fn cut(connection: &Connection, why: Cut) -> io::Error {
    connection.note(why);
    io::Error::new(io::ErrorKind::TimedOut, why.label())
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

/// Where the system does not know an option (gVisor), slow readers are bounded by the other limits alone.
fn limit_unread(stream: &TcpStream) {
    let _ = rustix::net::sockopt::set_socket_send_buffer_size(stream, SEND_BUFFER);
    #[cfg(target_os = "linux")]
    let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, UNREAD_LIMIT.as_millis() as u32);
}

/// The service of one connection: what is asked and answered counts for it.
#[derive(Debug, Clone)]
struct ConnectionService<S> {
    inner: S,
    connection: Arc<Connection>,
}

impl<S, E> HyperService<Request<Incoming>> for ConnectionService<S>
where
    S: HyperService<Request<Body>, Response = Response<Body>, Error = E>,
{
    type Response = Response<Answer>;
    type Error = E;
    type Future = Answering<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        Answering::call(&self.connection, request, |request| self.inner.call(request))
    }
}
