//! The operator's port: probes, metrics, status, and the two things that can be asked of the control plane.
//!
//! It has a thread and a runtime of its own, so that probes answer while the faces are saturated.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use tokio::sync::{Semaphore, oneshot};

/// What the port asks. The refreshing calls may block; all others answer at once.
pub trait Control: Send + Sync {
    /// Whether requests should be sent here; if not, why.
    fn readiness(&self) -> Result<(), String>;
    /// What is being served, and how the last refresh went.
    fn status(&self) -> serde_json::Value;
    /// All metrics, in Prometheus' text format.
    fn metrics(&self) -> String;
    /// Looks for a new snapshot now; says what came of it.
    fn refresh(&self) -> Result<String, String>;
    /// Goes back to the snapshot before; says which one that is.
    fn rollback(&self) -> Result<String, String>;
}

/// The running port. It closes when this is dropped.
#[derive(Debug)]
pub struct Admin {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Admin {
    /// Serves `control` on a bound port.
    pub fn open(listener: TcpListener, control: Arc<dyn Control>) -> io::Result<Self> {
        let addr = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let work = move || {
            let served = runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                // Dropping the server, and not draining it, is right here: a scrape may be cut off.
                tokio::select! {
                    served = async { axum::serve(listener, routes(control)).await } => served,
                    _ = stopped => Ok(()),
                }
            });
            if let Err(error) = served {
                tracing::error!(%error, "the admin port failed");
            }
            // A refresh may be under way: it ends with the process.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("admin".to_owned()).spawn(work)?;
        Ok(Self { addr, stop: Some(stop), thread: Some(thread) })
    }

    /// Where the port is.
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
struct Desk {
    control: Arc<dyn Control>,
    /// One refresh or rollback at a time.
    turn: Arc<Semaphore>,
}

fn routes(control: Arc<dyn Control>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .route("/snapshots:refresh", post(refresh))
        .route("/snapshots:rollback", post(rollback))
        .with_state(Desk { control, turn: Arc::new(Semaphore::new(1)) })
}

async fn readyz(State(desk): State<Desk>) -> (StatusCode, String) {
    match desk.control.readiness() {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
    }
}

async fn metrics(State(desk): State<Desk>) -> Response<Body> {
    let mut response = Response::new(Body::from(desk.control.metrics()));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Laid out for the eye: people read it at night.
async fn status(State(desk): State<Desk>) -> ([(header::HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, "application/json")], format!("{:#}\n", desk.control.status()))
}

async fn refresh(State(desk): State<Desk>) -> (StatusCode, Json<serde_json::Value>) {
    in_turn(desk, |control| control.refresh(), StatusCode::BAD_GATEWAY).await
}

async fn rollback(State(desk): State<Desk>) -> (StatusCode, Json<serde_json::Value>) {
    in_turn(desk, |control| control.rollback(), StatusCode::CONFLICT).await
}

async fn in_turn(
    desk: Desk,
    work: impl FnOnce(&dyn Control) -> Result<String, String> + Send + 'static,
    failed: StatusCode,
) -> (StatusCode, Json<serde_json::Value>) {
    let Ok(turn) = desk.turn.try_acquire_owned() else {
        return (StatusCode::CONFLICT, Json(json!({"error": "another refresh or rollback is under way"})));
    };
    let outcome = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work(desk.control.as_ref())
    });
    match outcome.await {
        Ok(Ok(result)) => (StatusCode::OK, Json(json!({"result": result}))),
        Ok(Err(reason)) => (failed, Json(json!({"error": reason}))),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": "a defect; the log says more"}))),
    }
}
