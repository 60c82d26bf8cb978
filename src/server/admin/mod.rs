//! The admin port: probes, metrics, status, and the two things that can be done to the control plane, on a port of
//! their own if they are to be reached from elsewhere than probes.
//!
//! It has a thread and a runtime of its own, so that probes answer while the API's ports are saturated.

mod access;
mod control;
mod listener;
mod readiness;
mod service;
mod status;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use tokio::sync::{Semaphore, oneshot};

use self::access::Asked;
use self::listener::{AdminListener, Remote};
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
        let work = move || {
            let served = runtime.block_on(async {
                let exclusive = Arc::new(Semaphore::new(1));
                let serving =
                    ports.into_iter().map(|port| port.serve(Arc::clone(&service), Arc::clone(&exclusive)));
                // Dropping the server, and not draining it, is right here: a scrape may be cut off.
                tokio::select! {
                    served = futures_util::future::try_join_all(serving) => served.map(drop),
                    _ = stopped => Ok(()),
                }
            });
            if let Err(error) = served {
                tracing::error!(%error, "the admin port failed");
            }
            // A refresh may be under way: it ends with the process.
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
    async fn serve(self, service: Arc<AdminService>, exclusive: Arc<Semaphore>) -> io::Result<()> {
        let Self { listener, takes_orders } = self;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let is_local = listener.local_addr()?.ip().is_loopback();
        let listener = AdminListener::new(listener, service.tls());
        let routes = routes(AdminState { service, exclusive, is_local }, takes_orders);
        axum::serve(listener, routes.into_make_service_with_connect_info::<Remote>()).await
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

#[derive(Clone)]
struct AdminState {
    service: Arc<AdminService>,
    /// One refresh or rollback at a time.
    exclusive: Arc<Semaphore>,
    /// Whether only this machine reaches the port.
    is_local: bool,
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
    routes.with_state(state)
}

/// What a request's rights hang on, taken out of it.
type Received = (ConnectInfo<Remote>, Uri, HeaderMap);

impl AdminState {
    fn asked<'a>(&self, (ConnectInfo(remote), uri, headers): &'a Received) -> Asked<'a> {
        Asked { uri, headers, remote, is_local: self.is_local }
    }
}

async fn readyz(State(state): State<AdminState>) -> (StatusCode, String) {
    match state.service.readiness() {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
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
    exclusively(state, from, refresh, StatusCode::BAD_GATEWAY).await
}

async fn rollback(State(state): State<AdminState>, from: Received) -> Response<Body> {
    let rollback = |service: &AdminService| service.rollback().map(|version| format!("serving {version}"));
    exclusively(state, from, rollback, StatusCode::CONFLICT).await
}

/// Runs what may block on a thread of its own, if the caller may do it and nothing else of the kind is under way.
async fn exclusively(
    state: AdminState,
    from: Received,
    work: impl FnOnce(&AdminService) -> Result<String, SnapshotError> + Send + 'static,
    failed: StatusCode,
) -> Response<Body> {
    let AdminState { service, exclusive, .. } = state.clone();
    let principal = match service.access().control(&state.asked(&from)) {
        Ok(principal) => principal,
        Err(refusal) => return refusal.into(),
    };
    let note = move |service: &AdminService, outcome: StatusCode, detail: &str| {
        service.access().note(&state.asked(&from), principal.as_deref(), outcome.as_str(), detail);
    };
    let Ok(permit) = exclusive.try_acquire_owned() else {
        let reason = "another refresh or rollback is under way";
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
