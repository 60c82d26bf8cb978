//! Two services as their crates' own guides write them, with nothing between the decoded request and the kept answer.

use std::io;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response as HttpResponse};
use axum::routing::post;
use axum::serve::ListenerExt as _;
use larder_proto::v1;
use larder_proto::v1::recommendation_service_server::{RecommendationService, RecommendationServiceServer};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::answers::Answers;

/// A tonic service: decodes the request, has the answer in hand, and lets tonic encode it.
pub(super) async fn grpc(listener: TcpListener, answers: Arc<Answers>) -> io::Result<()> {
    let service = RecommendationServiceServer::new(Empty(answers));
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = tonic::transport::Server::builder().add_service(service);
    server.serve_with_incoming(incoming).await.map_err(io::Error::other)
}

/// An axum handler: decodes the request and returns the answer's bytes.
pub(super) async fn http(listener: TcpListener, answers: Arc<Answers>) -> io::Result<()> {
    let routes = axum::Router::new().route("/v1/placements/{target}", post(recommend)).with_state(answers);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, routes).await
}

struct Empty(Arc<Answers>);

#[tonic::async_trait]
impl RecommendationService for Empty {
    async fn recommend(
        &self,
        request: Request<v1::RecommendRequest>,
    ) -> Result<Response<v1::RecommendResponse>, Status> {
        let answer = self.0.message(&request.into_inner().placement);
        answer.map(Response::new).ok_or_else(|| Status::not_found("no answer was kept for this placement"))
    }

    async fn batch_recommend(
        &self,
        _: Request<v1::BatchRecommendRequest>,
    ) -> Result<Response<v1::BatchRecommendResponse>, Status> {
        Err(Status::unimplemented("one slate at a time"))
    }
}

async fn recommend(
    State(answers): State<Arc<Answers>>,
    Json(request): Json<v1::RecommendRequest>,
) -> HttpResponse {
    match answers.text(&request.placement) {
        Some(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
