//! The admin port: probes, metrics, status, and the two things that can be done to the control plane.
//!
//! It has a thread and a runtime of its own, so that probes answer while the API's ports are saturated.

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
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use tokio::sync::{Semaphore, oneshot};

use crate::domain::one_line;
use crate::server::edge::connection::{ConnectionLimits, ConnectionMetrics};
use crate::server::edge::connections::Acceptor;
use crate::server::edge::held::{Budget, Exchange};
use crate::server::edge::protocol::Protocol;
use crate::snapshot::{Outcome, SnapshotError};
pub use control::ControlPlane;
pub use readiness::NotReady;
pub use service::AdminService;

/// The running port. It closes when this is dropped.
#[derive(Debug)]
pub struct Admin {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Admin {
    /// Connections at once: probes, scrapes and people. What else there is are clients of the API on the wrong port.
    pub const CONNECTIONS: usize = 64;

    /// Serves `service` on a bound port.
    ///
    /// # Errors
    /// The port cannot be used, or its thread not be started.
    pub fn open(listener: TcpListener, service: Arc<AdminService>) -> io::Result<Self> {
        let addr = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        // One thread is enough for probes, and cannot take more than one core from the API.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let metrics_of_connections = ConnectionMetrics::unregistered().map_err(io::Error::other)?;
        let work = move || {
            let served = runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                let (limits, metrics) = (limits(), metrics_of_connections);
                let acceptor =
                    Acceptor::open(listener, routes(service), None, Protocol::Http, limits, metrics);
                let _ = stopped.await;
                Ok::<_, io::Error>(acceptor)
            });
            if let Err(error) = served {
                tracing::error!(%error, "the admin port failed");
            }
            // Not drained: a scrape may be cut off. A refresh may be under way: it ends with the process.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("larder-admin".to_owned()).spawn(work)?;
        Ok(Self { addr, stop: Some(stop), thread: Some(thread) })
    }

    /// The address of the port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
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

fn routes(service: Arc<AdminService>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        // POST for what changes something: a crawler or a browser's prefetch only gets.
        .route("/snapshots:refresh", post(refresh))
        .route("/snapshots:rollback", post(rollback))
        .with_state(AdminState { service, exclusive: Arc::new(Semaphore::new(1)) })
        .layer(from_fn(bounded))
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
async fn status(State(state): State<AdminState>) -> Response<Body> {
    match serde_json::to_string_pretty(&state.service.status()) {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text + "\n").into_response(),
        Err(error) => {
            tracing::error!(%error, "the status cannot be written");
            (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
        }
    }
}

async fn refresh(State(state): State<AdminState>) -> Response<Body> {
    let refresh = |service: &AdminService| {
        service.refresh().map(|outcome| match outcome {
            Outcome::Swapped { version, took } => format!("serving {version} after {} ms", took.as_millis()),
            // Neither of the latter two follows a forced refresh.
            Outcome::Unchanged | Outcome::Held | Outcome::BackingOff => "nothing new".to_owned(),
        })
    };
    exclusively(state, refresh, StatusCode::BAD_GATEWAY).await
}

async fn rollback(State(state): State<AdminState>) -> Response<Body> {
    let rollback = |service: &AdminService| service.rollback().map(|version| format!("serving {version}"));
    exclusively(state, rollback, StatusCode::CONFLICT).await
}

/// Runs what may block on a thread of its own, if nothing else of the kind is under way.
async fn exclusively(
    state: AdminState,
    work: impl FnOnce(&AdminService) -> Result<String, SnapshotError> + Send + 'static,
    failed: StatusCode,
) -> Response<Body> {
    let AdminState { service, exclusive } = state;
    let Ok(permit) = exclusive.try_acquire_owned() else {
        return error(StatusCode::CONFLICT, "another refresh or rollback is under way");
    };
    // A refresh takes as long as its downloads: probes are answered meanwhile.
    let outcome = tokio::task::spawn_blocking(move || {
        // Inside the task: a client that hangs up does not end a refresh, and must not let a second one begin.
        let _permit = permit;
        work(&service)
    });
    match outcome.await {
        Ok(Ok(result)) => Json(json!({"result": result})).into_response(),
        Ok(Err(reason)) => error(failed, &reason.to_string()),
        Err(_) => error(StatusCode::INTERNAL_SERVER_ERROR, "a defect in the server; its log says more"),
    }
}

fn error(status: StatusCode, reason: &str) -> Response<Body> {
    (status, Json(json!({"error": reason}))).into_response()
}
