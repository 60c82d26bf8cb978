//! Requests over gRPC: a fixed number of HTTP/2 connections, taken in turn.

use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use larder_proto::v1::recommendation_service_client::RecommendationServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::{Failure, Reply, Target, TargetError, Url};
use crate::mix::Call;

#[derive(Debug)]
pub(crate) struct Grpc {
    clients: Vec<RecommendationServiceClient<Channel>>,
    turn: AtomicUsize,
}

impl Grpc {
    pub(super) async fn connect(url: &Url, connections: usize) -> Result<Grpc, TargetError> {
        let failed = |error: tonic::transport::Error| TargetError::Connect {
            url: url.to_string(),
            reason: chain(&error),
        };
        let endpoint = Endpoint::from_shared(format!("http://{}", url.authority)).map_err(failed)?;
        let mut clients = Vec::with_capacity(connections);
        for _ in 0..connections.max(1) {
            clients.push(RecommendationServiceClient::new(endpoint.connect().await.map_err(failed)?));
        }
        Ok(Grpc { clients, turn: AtomicUsize::new(0) })
    }
}

impl Target for Grpc {
    async fn ask(&self, call: &Call) -> Result<Reply, Failure> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.clients.len();
        let mut client = self.clients[turn].clone(); // a handle to the same connection
        match client.recommend(call.message.clone()).await {
            Ok(answer) => Ok(Reply::Message(Box::new(answer.into_inner()))),
            Err(status) => Err(failure(&status)),
        }
    }
}

fn failure(status: &Status) -> Failure {
    // What the server said has no source; what happened to the connection has.
    match status.source() {
        Some(source) => Failure::new("CONNECTION", format!("{}: {}", status.message(), chain(source))),
        None => Failure::new(name(status.code()), status.message()),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let rest = std::iter::successors(error.source(), |&error| error.source());
    rest.fold(error.to_string(), |text, error| format!("{text}: {error}"))
}

fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
