//! The admin port: probes, metrics, status, and the two things that can be done to the control plane, on a port of
//! their own if they are to be reached from elsewhere than probes.
//!
//! It has a thread and a runtime of its own, so that probes answer while the API's ports are saturated.

mod access;
mod control;
mod readiness;
mod service;
mod status;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use tokio::sync::{Semaphore, oneshot};

use self::access::Asked;
use crate::domain::one_line;
use crate::server::edge::connection::{ConnectionLimits, ConnectionMetrics};
use crate::server::edge::connections::Acceptor;
use crate::server::edge::held::{Budget, Exchange};
use crate::server::edge::identify::{Peer, PortAccess};
use crate::server::edge::protocol::Protocol;
use crate::server::tls::For;
use crate::snapshot::{Outcome, SnapshotError};
pub use control::ControlPlane;
pub use readiness::NotReady;
pub use service::AdminService;

/// Where the control plane takes orders.
#[derive(Debug)]
pub enum Control {
    /// On the admin port itself.
    Here,
    /// On a port of its own.
    At(TcpListener),
    /// Nowhere.
    Nowhere,
}

/// The running port. It closes when this is dropped.
#[derive(Debug)]
pub struct Admin {
    addr: SocketAddr,
    control: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Admin {
    /// Connections at once, to each of its ports: probes, scrapes and people. What else there is are clients of the API
    /// on the wrong port.
    pub const CONNECTIONS: usize = 64;

    /// Serves `service` on a bound port. Orders are taken of callers with the scope admin and, on a loopback address,
    /// of everybody.
    ///
    /// # Errors
    /// A port cannot be used, or the thread not be started.
    pub fn open(listener: TcpListener, control: Control, service: Arc<AdminService>) -> io::Result<Self> {
        let addr = listener.local_addr()?;
        let mut ports = vec![Port { listener, takes_orders: matches!(control, Control::Here) }];
        let control = match control {
            Control::Here => Some(addr),
            Control::Nowhere => None,
            Control::At(listener) => {
                let addr = listener.local_addr()?;
                ports.push(Port { listener, takes_orders: true });
                Some(addr)
            }
        };
        for port in &ports {
            port.listener.set_nonblocking(true)?;
        }
        // One thread is enough for probes, and cannot take more than one core from the API.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let connections = ConnectionMetrics::unregistered().map_err(io::Error::other)?;
        let work = move || {
            let served = runtime.block_on(async {
                let turns = Turns::default();
                let limits = limits();
                let open = |port: Port| {
                    port.open(Arc::clone(&service), turns.clone(), limits.clone(), connections.clone())
                };
                let acceptors = ports.into_iter().map(open).collect::<io::Result<Vec<_>>>()?;
                let _ = stopped.await;
                Ok::<_, io::Error>(acceptors)
            });
            if let Err(error) = served {
                tracing::error!(%error, "the admin port failed");
            }
            // Not drained: a scrape may be cut off. A refresh may be under way: it ends with the process.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("larder-admin".to_owned()).spawn(work)?;
        Ok(Self { addr, control, stop: Some(stop), thread: Some(thread) })
    }

    /// The address of the port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address at which orders are taken, if they are.
    pub fn control_addr(&self) -> Option<SocketAddr> {
        self.control
    }
}

struct Port {
    listener: TcpListener,
    takes_orders: bool,
}

impl Port {
    fn open(
        self,
        service: Arc<AdminService>,
        turns: Turns,
        limits: ConnectionLimits,
        metrics: ConnectionMetrics,
    ) -> io::Result<Acceptor> {
        let Self { listener, takes_orders } = self;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let is_local = listener.local_addr()?.ip().is_loopback();
        let access = PortAccess {
            protocol: Protocol::Http,
            callers: None,
            metrics: None,
            tls: service.tls(),
            purpose: For::Admin,
        };
        let routes = routes(AdminState { service, turns, is_local }, takes_orders);
        Ok(Acceptor::open(listener, routes, None, access, limits, metrics))
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Who controls the server does one thing after the other, on whatever port.
#[derive(Clone)]
struct Turns {
    /// One refresh at a time.
    refresh: Arc<Semaphore>,
    /// One rollback at a time, and whatever a refresh waits for.
    rollback: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { refresh: Arc::new(Semaphore::new(1)), rollback: Arc::new(Semaphore::new(1)) }
    }
}

#[derive(Clone)]
struct AdminState {
    service: Arc<AdminService>,
    turns: Turns,
    /// Whether only this machine reaches the port.
    is_local: bool,
}

/// As on the API's ports, with a memory of its own: whatever happens there, probes are answered.
fn limits() -> ConnectionLimits {
    const SECONDS: fn(u64) -> Duration = Duration::from_secs;
    ConnectionLimits {
        connections: Admin::CONNECTIONS,
        streams: 16,
        idle: SECONDS(300),
        header_timeout: SECONDS(5),
        send_timeout: SECONDS(5),
        max_age: None,
        age_grace: SECONDS(5),
        unsent: (Budget::new(16 << 20), 4 << 20),
        unfinished: (Budget::new(4 << 20), 1 << 20),
    }
}

/// Refuses who does not read the answers that there are.
async fn bounded(request: Request, next: Next) -> Response<Body> {
    let exchange = request.extensions().get::<Arc<Exchange>>();
    match exchange.map_or(Ok(()), |exchange| exchange.check_room()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_http(),
    }
}

fn routes(state: AdminState, takes_orders: bool) -> Router {
    let mut routes = Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/status", get(status));
    if takes_orders {
        // POST for what changes something: a crawler or a browser's prefetch only gets.
        routes =
            routes.route("/snapshots:refresh", post(refresh)).route("/snapshots:rollback", post(rollback));
    }
    routes.with_state(state).layer(from_fn(bounded))
}

/// What a request's rights hang on, taken out of it.
type Received = (Extension<Peer>, Uri, HeaderMap);

impl AdminState {
    fn asked<'a>(&self, (Extension(remote), uri, headers): &'a Received) -> Asked<'a> {
        Asked { uri, headers, remote, is_local: self.is_local }
    }
}

async fn readyz(State(state): State<AdminState>) -> (StatusCode, String) {
    match state.service.readiness() {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(reason) => {
            // The reason may quote an artifact.
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", one_line(&reason.to_string())))
        }
    }
}

async fn metrics(State(state): State<AdminState>) -> Response<Body> {
    match state.service.metrics() {
        Ok(text) => {
            let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
        }
    }
}

/// With line breaks and indentation: people read it.
async fn status(State(state): State<AdminState>, from: Received) -> Response<Body> {
    if let Err(refusal) = state.service.access().status(&state.asked(&from)) {
        return refusal.into();
    }
    match serde_json::to_string_pretty(&state.service.status()) {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text + "\n").into_response(),
        Err(error) => {
            tracing::error!(%error, "the status cannot be written");
            (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
        }
    }
}

async fn refresh(State(state): State<AdminState>, from: Received) -> Response<Body> {
    let refresh = |service: &AdminService| {
        service.refresh().map(|outcome| match outcome {
            Outcome::Swapped { version, took } => format!("serving {version} after {} ms", took.as_millis()),
            // Neither of the latter two follows a forced refresh.
            Outcome::Unchanged | Outcome::Held | Outcome::BackingOff => "nothing new".to_owned(),
        })
    };
    let turn = Arc::clone(&state.turns.refresh);
    exclusively(state, from, turn, refresh, StatusCode::BAD_GATEWAY).await
}

async fn rollback(State(state): State<AdminState>, from: Received) -> Response<Body> {
    let rollback = |service: &AdminService| service.rollback().map(|version| format!("serving {version}"));
    let turn = Arc::clone(&state.turns.rollback);
    exclusively(state, from, turn, rollback, StatusCode::CONFLICT).await
}

/// Runs what may block on a thread of its own, if the caller may do it and nothing else of the kind is under way.
async fn exclusively(
    state: AdminState,
    from: Received,
    turn: Arc<Semaphore>,
    work: impl FnOnce(&AdminService) -> Result<String, SnapshotError> + Send + 'static,
    failed: StatusCode,
) -> Response<Body> {
    let service = Arc::clone(&state.service);
    let principal = match service.access().control(&state.asked(&from)) {
        Ok(principal) => principal,
        Err(refusal) => return refusal.into(),
    };
    let note = move |service: &AdminService, outcome: StatusCode, detail: &str| {
        service.access().note(&state.asked(&from), principal.as_deref(), outcome.as_str(), detail);
    };
    let Ok(permit) = turn.try_acquire_owned() else {
        let reason = "another one is under way";
        note(&service, StatusCode::CONFLICT, reason);
        return error(StatusCode::CONFLICT, reason);
    };
    // A refresh takes as long as its downloads: probes are answered meanwhile.
    let outcome = tokio::task::spawn_blocking(move || {
        // Inside the task: a client that hangs up does not end a refresh, and must not let a second one begin.
        let _permit = permit;
        let (status, said) = match work(&service) {
            Ok(result) => (StatusCode::OK, result),
            Err(reason) => (failed, reason.to_string()),
        };
        // Nor does hanging up keep what was done out of the audit.
        note(&service, status, &said);
        (status, said)
    });
    match outcome.await {
        Ok((StatusCode::OK, result)) => Json(json!({"result": result})).into_response(),
        Ok((status, reason)) => error(status, &reason),
        Err(_) => error(StatusCode::INTERNAL_SERVER_ERROR, "a defect in the server; its log says more"),
    }
}

fn error(status: StatusCode, reason: &str) -> Response<Body> {
    (status, Json(json!({"error": reason}))).into_response()
}
