//! A server of the real contract with made-up slates, over gRPC and HTTP/JSON.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use larder_proto::v1;
use larder_proto::v1::degradation::Level;
use larder_proto::v1::recommendation_service_server::{RecommendationService, RecommendationServiceServer};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tonic::{Request, Response, Status};

pub(crate) struct Shop {
    inner: Arc<Inner>,
    grpc: String,
    http: String,
}

struct Inner {
    version: Mutex<String>,
    seen: Mutex<Vec<v1::RecommendRequest>>,
    first: Notify,
    /// What callers said of their patience.
    timeouts: Mutex<Vec<String>>,
    /// Requests a second, beyond which there is no room.
    capacity: Mutex<Option<usize>>,
    /// When requests came.
    came: Mutex<VecDeque<Instant>>,
    drain: watch::Sender<bool>,
}

impl Shop {
    pub(crate) async fn open() -> Shop {
        let inner = Arc::new(Inner {
            version: Mutex::new("v1".to_owned()),
            seen: Mutex::default(),
            first: Notify::new(),
            timeouts: Mutex::default(),
            capacity: Mutex::default(),
            came: Mutex::default(),
            drain: watch::channel(false).0,
        });
        let (grpc, http) = (listener().await, listener().await);
        let urls = (
            format!("grpc://{}", grpc.local_addr().unwrap()),
            format!("http://{}", http.local_addr().unwrap()),
        );

        let service = RecommendationServiceServer::from_arc(inner.clone());
        let routes = tonic::service::Routes::new(service).into_axum_router();
        let drained = || {
            let mut drain = inner.drain.subscribe();
            async move { drop(drain.wait_for(|drain| *drain).await) }
        };
        tokio::spawn(axum::serve(grpc, routes).with_graceful_shutdown(drained()).into_future());
        let routes = axum::Router::new()
            .route("/v1/placements/{target}", post(json))
            .route("/metrics", get(metrics))
            .route("/status", get(async || r#"{"version": "9.8.7"}"#))
            .with_state(inner.clone());
        tokio::spawn(axum::serve(http, routes).with_graceful_shutdown(drained()).into_future());
        Shop { inner, grpc: urls.0, http: urls.1 }
    }

    pub(crate) fn grpc(&self) -> &str {
        &self.grpc
    }

    pub(crate) fn http(&self) -> &str {
        &self.http
    }

    pub(crate) fn swap(&self, version: &str) {
        version.clone_into(&mut self.inner.version.lock().unwrap());
    }

    pub(crate) fn seen(&self) -> Vec<v1::RecommendRequest> {
        self.inner.seen.lock().unwrap().clone()
    }

    /// Refuses more than so many requests a second.
    pub(crate) fn limit(&self, capacity: usize) {
        *self.inner.capacity.lock().unwrap() = Some(capacity);
    }

    /// Answers what it has begun with, says goodbye, and takes no more connections.
    pub(crate) fn drain(&self) {
        self.inner.drain.send_replace(true);
    }

    pub(crate) fn timeouts(&self) -> Vec<String> {
        self.inner.timeouts.lock().unwrap().clone()
    }

    pub(crate) async fn first_request(&self) {
        self.inner.first.notified().await;
    }
}

impl Inner {
    fn has_room(&self) -> bool {
        let (mut came, now) = (self.came.lock().unwrap(), Instant::now());
        while came.front().is_some_and(|first| now - *first > Duration::from_secs(1)) {
            came.pop_front();
        }
        came.push_back(now);
        self.capacity.lock().unwrap().is_none_or(|capacity| came.len() <= capacity)
    }

    /// A slate that depends on the request and the snapshot alone.
    fn slate(&self, request: v1::RecommendRequest) -> Option<v1::RecommendResponse> {
        let snapshot_version = self.version.lock().unwrap().clone();
        let (placement, seeds) = (request.placement.clone(), request.session_events.len() as f32);
        self.seen.lock().unwrap().push(request);
        self.first.notify_one();
        if placement == "no.such" {
            return None;
        }
        let level = if placement.starts_with("degraded") { Level::Fallback } else { Level::None };
        let salt = if snapshot_version == "v1" { 3.0 } else { 7.0 };
        let item = |rank: u32| v1::RecommendedItem {
            item_id: format!("item-{rank}"),
            rank,
            score: Some((seeds + 1.0) / (rank as f32 + salt)),
            ..Default::default()
        };
        Some(v1::RecommendResponse {
            items: (1..=12).map(item).collect(),
            degradation: Some(v1::Degradation { level: level.into(), ..Default::default() }),
            serving: Some(v1::Serving { snapshot_version, ..Default::default() }),
            ..Default::default()
        })
    }
}

#[tonic::async_trait]
impl RecommendationService for Inner {
    async fn recommend(
        &self,
        request: Request<v1::RecommendRequest>,
    ) -> Result<Response<v1::RecommendResponse>, Status> {
        if let Some(timeout) = request.metadata().get("grpc-timeout") {
            self.timeouts.lock().unwrap().push(timeout.to_str().unwrap().to_owned());
        }
        if !self.has_room() {
            return Err(Status::resource_exhausted("no room"));
        }
        let answer = self.slate(request.into_inner());
        answer.map(Response::new).ok_or_else(|| Status::not_found("no placement \"no.such\""))
    }

    async fn batch_recommend(
        &self,
        _: Request<v1::BatchRecommendRequest>,
    ) -> Result<Response<v1::BatchRecommendResponse>, Status> {
        Err(Status::unimplemented("one slate at a time"))
    }
}

type Problem = (StatusCode, Json<serde_json::Value>);

async fn json(
    State(inner): State<Arc<Inner>>,
    Path(target): Path<String>,
    headers: HeaderMap,
    Json(request): Json<v1::RecommendRequest>,
) -> Result<Json<v1::RecommendResponse>, Problem> {
    assert_eq!(target, format!("{}:recommend", request.placement));
    if let Some(timeout) = headers.get("x-request-timeout-ms") {
        inner.timeouts.lock().unwrap().push(timeout.to_str().unwrap().to_owned());
    }
    let problem = || serde_json::json!({"title": "Not found", "detail": "no placement \"no.such\""});
    inner.slate(request).map(Json).ok_or_else(|| (StatusCode::NOT_FOUND, Json(problem())))
}

/// As if each request cost 250 microseconds of CPU.
async fn metrics(State(inner): State<Arc<Inner>>) -> String {
    let seconds = inner.seen.lock().unwrap().len() as f64 * 250e-6;
    format!(
        "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total {seconds}\n\
         process_resident_memory_bytes 50000000\nlarder_cpu_seconds_total{{placement=\"p\"}} {seconds}\n"
    )
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}
