//! The street: the only rooms that know protobuf, HTTP or JSON. Knows the recommender, and nothing of where its data
//! comes from.

mod admin;
mod connections;
mod convert;
mod grpc;
mod http;
mod json;
mod limits;
mod middleware;
mod observe;
mod openapi;
mod query;
mod service;
mod status;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::exposure::Exposures;
use crate::recommender::Recommender;
use connections::Acceptor;
use middleware::{Face, Gate};
use service::Service;

pub use admin::{Admin, Control};
pub use observe::names;

/// How the faces treat requests and connections.
#[derive(Debug, Clone)]
pub struct Config {
    /// Requests answered at once, on both faces; more are refused with RESOURCE_EXHAUSTED (429).
    pub max_in_flight: usize,
    /// Connections open at once on each port; more wait in the operating system's backlog.
    pub max_connections: usize,
    /// The longest a request may take, with its body; then DEADLINE_EXCEEDED (504).
    pub request_limit: Duration,
    /// For how long caches may reuse an answer.
    pub max_age: Duration,
    /// After the shutdown signal, how long to go on accepting while load balancers notice that we are not ready.
    pub linger: Duration,
    /// Then, how long requests in flight have before their connections are cut.
    pub drain: Duration,
    /// Where to tell what was shown, if anywhere.
    pub exposures: Option<Exposures>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_in_flight: 1024,
            max_connections: 4096,
            request_limit: Duration::from_secs(5),
            max_age: Duration::from_secs(60),
            linger: Duration::ZERO,
            drain: Duration::from_secs(10),
            exposures: None,
        }
    }
}

/// The ports of the faces, already bound.
#[derive(Debug)]
pub struct Listeners {
    /// gRPC, over HTTP/2 without TLS.
    pub grpc: TcpListener,
    /// HTTP/1.1 and HTTP/2 without TLS.
    pub http: TcpListener,
}

/// Why the faces could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The contract's descriptor, which is part of the program, does not decode.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Serves until `shutdown` completes, then drains: health says NOT_SERVING, ports close, requests in flight are
/// answered, connections are told to go away and, after [`Config::drain`], cut.
///
/// Returns when every connection is closed.
pub async fn run(
    listeners: Listeners,
    recommender: Arc<Recommender>,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let service = Service::new(recommender, config.max_age, config.exposures);
    let in_flight = Arc::new(Semaphore::new(config.max_in_flight));
    let gate = |face| Arc::new(Gate { face, in_flight: in_flight.clone(), limit: config.request_limit });
    let mut health = HealthReporter::new();
    grpc::set_health(&health, ServingStatus::NotServing).await;

    let grpc = grpc::routes(service.clone(), gate(Face::Grpc), &health)?;
    let http = http::routes(service.clone(), gate(Face::Http));
    let grpc = Acceptor::open(listeners.grpc, grpc, Face::Grpc, config.max_connections);
    let http = Acceptor::open(listeners.http, http, Face::Http, config.max_connections);

    tokio::select! {
        () = shutdown => {}
        () = report_health(&service, &health) => {}
    }
    grpc::set_health(&health, ServingStatus::NotServing).await;
    tokio::time::sleep(config.linger).await;
    grpc::end_health(&mut health).await;
    tokio::join!(grpc.close(config.drain), http.close(config.drain));
    Ok(())
}

/// Keeps the health service saying what the recommender says. Never completes.
async fn report_health(service: &Service, health: &HealthReporter) {
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let mut said = None;
    loop {
        let ready = service.is_ready();
        if said != Some(ready) {
            let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
            grpc::set_health(health, status).await;
            said = Some(ready);
        }
        ticks.tick().await;
    }
}
