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

pub(crate) struct FakeServer {
    pub(crate) grpc: String,
    pub(crate) http: String,
    state: Arc<Fake>,
}

#[derive(Default)]
struct Fake {
    snapshot: Mutex<String>,
    seen: Mutex<Vec<v1::RecommendRequest>>,
    first: Notify,
    /// The deadlines that came with requests, as they were written.
    timeouts: Mutex<Vec<String>>,
    /// Requests a second, above which gRPC refuses.
    limit: Mutex<Option<usize>>,
    arrivals: Mutex<VecDeque<Instant>>,
    drain: watch::Sender<bool>,
}

impl FakeServer {
    pub(crate) async fn start() -> FakeServer {
        let state = Arc::new(Fake::default());
        let listeners = (TcpListener::bind("127.0.0.1:0"), TcpListener::bind("127.0.0.1:0"));
        let (grpc, http) = (listeners.0.await.unwrap(), listeners.1.await.unwrap());
        let urls =
            [("grpc", &grpc), ("http", &http)].map(|(s, at)| format!("{s}://{}", at.local_addr().unwrap()));
        let drained = || {
            let mut drain = state.drain.subscribe();
            async move { drop(drain.wait_for(|drain| *drain).await) }
        };
        let service = RecommendationServiceServer::from_arc(state.clone());
        let routes = tonic::service::Routes::new(service).into_axum_router();
        tokio::spawn(axum::serve(grpc, routes).with_graceful_shutdown(drained()).into_future());
        let routes = axum::Router::new()
            .route("/v1/placements/{target}", post(json))
            .route("/metrics", get(metrics))
            .route("/status", get(async || r#"{"version": "9.8.7"}"#))
            .with_state(state.clone());
        tokio::spawn(axum::serve(http, routes).with_graceful_shutdown(drained()).into_future());
        let [grpc, http] = urls;
        FakeServer { grpc, http, state }
    }

    pub(crate) fn swap(&self, snapshot: &str) {
        *self.state.snapshot.lock().unwrap() = snapshot.to_owned();
    }

    pub(crate) fn seen(&self) -> Vec<v1::RecommendRequest> {
        self.state.seen.lock().unwrap().clone()
    }

    pub(crate) fn limit(&self, per_second: usize) {
        *self.state.limit.lock().unwrap() = Some(per_second);
    }

    /// Answers what has begun, says GOAWAY and takes no more connections.
    pub(crate) fn drain(&self) {
        self.state.drain.send_replace(true);
    }

    pub(crate) fn timeouts(&self) -> Vec<String> {
        self.state.timeouts.lock().unwrap().clone()
    }

    /// Waits until the first request has come, and then for the time given.
    pub(crate) async fn serving_for(&self, time: Duration) {
        self.state.first.notified().await;
        tokio::time::sleep(time).await;
    }
}

impl Fake {
    fn is_over_limit(&self) -> bool {
        let (mut arrivals, now) = (self.arrivals.lock().unwrap(), Instant::now());
        arrivals.retain(|at| now - *at <= Duration::from_secs(1));
        arrivals.push_back(now);
        self.limit.lock().unwrap().is_some_and(|limit| arrivals.len() > limit)
    }

    /// A slate that depends on the request and the snapshot alone.
    fn slate(&self, request: v1::RecommendRequest) -> Option<v1::RecommendResponse> {
        let snapshot_version = self.snapshot.lock().unwrap().clone();
        let (placement, events) = (request.placement.clone(), request.session_events.len() as f32);
        self.seen.lock().unwrap().push(request);
        self.first.notify_one();
        let level = if placement.starts_with("degraded") { Level::Fallback } else { Level::None };
        let item = |rank: u32| v1::RecommendedItem {
            item_id: format!("item-{rank}"),
            rank,
            score: Some((events + 1.0) / (rank as f32 + snapshot_version.len() as f32)),
            ..Default::default()
        };
        (placement != "no.such").then(|| v1::RecommendResponse {
            items: (1..=12).map(item).collect(),
            degradation: Some(v1::Degradation { level: level.into(), ..Default::default() }),
            serving: Some(v1::Serving { snapshot_version: snapshot_version.clone(), ..Default::default() }),
            ..Default::default()
        })
    }
}

#[tonic::async_trait]
impl RecommendationService for Fake {
    async fn recommend(
        &self,
        request: Request<v1::RecommendRequest>,
    ) -> Result<Response<v1::RecommendResponse>, Status> {
        if let Some(timeout) = request.metadata().get("grpc-timeout") {
            self.timeouts.lock().unwrap().push(timeout.to_str().unwrap().to_owned());
        }
        if self.is_over_limit() {
            return Err(Status::resource_exhausted("over the limit"));
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

async fn json(
    State(fake): State<Arc<Fake>>,
    Path(target): Path<String>,
    headers: HeaderMap,
    Json(request): Json<v1::RecommendRequest>,
) -> Result<Json<v1::RecommendResponse>, (StatusCode, &'static str)> {
    assert_eq!(target, format!("{}:recommend", request.placement));
    if let Some(timeout) = headers.get("x-request-timeout-ms") {
        fake.timeouts.lock().unwrap().push(timeout.to_str().unwrap().to_owned());
    }
    let problem = r#"{"title": "Not found", "detail": "no placement \"no.such\""}"#;
    fake.slate(request).map(Json).ok_or((StatusCode::NOT_FOUND, problem))
}

/// As if each request cost 250 microseconds of CPU.
async fn metrics(State(fake): State<Arc<Fake>>) -> String {
    let seconds = fake.seen.lock().unwrap().len() as f64 * 250e-6;
    format!(
        "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total {seconds}\n\
         process_resident_memory_bytes 50000000\nlarder_cpu_seconds_total{{placement=\"p\"}} {seconds}\n"
    )
}
