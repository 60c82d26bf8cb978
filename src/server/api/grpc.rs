//! The gRPC protocol: the recommendation service, health, and both versions of reflection.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use larder_proto::v1;
use larder_proto::v1::event_service_server::{self, EventServiceServer, SERVICE_NAME as EVENTS};
use larder_proto::v1::recommendation_service_server::{
    RecommendationService, RecommendationServiceServer, SERVICE_NAME,
};
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::events::{self, EventService};
use super::service::Service;
use crate::server::edge::aside::{Aside, aside};
use crate::server::edge::limits;
use crate::server::edge::middleware::{Arrival, RequestGuard, guard};
use crate::server::problem::{Kind, Problem};

#[tonic::async_trait]
impl RecommendationService for Service {
    async fn recommend(
        &self,
        request: Request<v1::RecommendRequest>,
    ) -> Result<Response<v1::RecommendResponse>, Status> {
        let (arrival, message) = split(request)?;
        Service::recommend(self, message, &arrival).await.map(Response::new).map_err(Problem::into_grpc)
    }

    async fn batch_recommend(
        &self,
        request: Request<v1::BatchRecommendRequest>,
    ) -> Result<Response<v1::BatchRecommendResponse>, Status> {
        let (arrival, message) = split(request)?;
        self.batch(message, &arrival).await.map(Response::new).map_err(Problem::into_grpc)
    }
}

#[tonic::async_trait]
impl event_service_server::EventService for EventService {
    async fn record_events(
        &self,
        request: Request<v1::RecordEventsRequest>,
    ) -> Result<Response<v1::RecordEventsResponse>, Status> {
        let (_, message) = split(request)?;
        let documents = events::documents(message);
        self.record(documents).await.map(Response::new).map_err(Problem::into_grpc)
    }

    async fn forget_user(
        &self,
        request: Request<v1::ForgetUserRequest>,
    ) -> Result<Response<v1::ForgetUserResponse>, Status> {
        let (_, message) = split(request)?;
        self.forget(message).await.map(Response::new).map_err(Problem::into_grpc)
    }
}

/// The routes of the gRPC port. `health` answers from `reporter`'s state, within `bounds` like reflection.
pub(crate) fn routes(
    service: Service,
    events: EventService,
    request_guard: Arc<RequestGuard>,
    health: &HealthReporter,
    bounds: Aside,
) -> Result<Router, tonic_reflection::server::Error> {
    let recommendations =
        // tonic's own limit of 4 MiB would let four times the memory in.
        RecommendationServiceServer::new(service).max_decoding_message_size(limits::BODY_BYTES);
    let events = EventServiceServer::new(events).max_decoding_message_size(limits::BODY_BYTES);
    let health = tonic_health::server::HealthService::from_health_reporter(health.clone());
    let health = tonic_health::pb::health_server::HealthServer::new(health)
        .max_decoding_message_size(limits::ASIDE_BYTES);
    // Both versions: older tools only know v1alpha.
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(larder_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let v1 = reflection().build_v1()?.max_decoding_message_size(limits::ASIDE_BYTES);
    let v1alpha = reflection().build_v1alpha()?.max_decoding_message_size(limits::ASIDE_BYTES);
    let aside_routes = Router::new()
        .route_service("/grpc.health.v1.Health/{*method}", health)
        .route_service("/grpc.reflection.v1.ServerReflection/{*method}", v1)
        .route_service("/grpc.reflection.v1alpha.ServerReflection/{*method}", v1alpha)
        .layer(from_fn_with_state(Arc::new(bounds), aside));
    Ok(Router::new()
        .route_service(&format!("/{SERVICE_NAME}/{{*method}}"), recommendations)
        .route_service(&format!("/{EVENTS}/{{*method}}"), events)
        .layer(from_fn_with_state(request_guard, guard)) // for the routes above it only: probes are never refused
        .merge(aside_routes)
        .fallback(|| async {
            Status::unimplemented("no such service").into_http::<axum::body::Body>().into_response()
        }))
}

/// Sets the status of the server as a whole and of its services.
pub(crate) async fn set_health(reporter: &HealthReporter, status: ServingStatus) {
    for name in ["", SERVICE_NAME, EVENTS] {
        reporter.set_service_status(name, status).await;
    }
}

/// Ends the streams that watch the health service, which would otherwise hold their connections open.
pub(crate) async fn end_health(reporter: &mut HealthReporter) {
    for name in ["", SERVICE_NAME, EVENTS] {
        reporter.clear_service_status(name).await;
    }
}

fn split<T>(mut request: Request<T>) -> Result<(Arrival, T), Status> {
    // Missing only if somebody adds a route without the guard's layer.
    let arrival = request.extensions_mut().remove::<Arrival>();
    let missing = || Problem::new(Kind::Internal, "the request did not pass the request guard").into_grpc();
    let arrival = arrival.ok_or_else(missing)?;
    arrival.is_decoded();
    Ok((arrival, request.into_inner()))
}
