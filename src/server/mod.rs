//! The street: the only rooms that know protobuf, HTTP or JSON. Knows the recommender, and nothing of where its data
//! comes from.

mod admin;
mod api;
mod config;
mod edge;
mod problem;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::recommender::Recommender;
use api::service::Service;
use api::{grpc, http};
use edge::admission::Admission;
use edge::connections::{Acceptor, ConnectionLimits};
use edge::early_shed::EarlyShed;
use edge::limits;
use edge::middleware::{Protocol, RequestGuard};

pub use admin::{Admin, Control};
pub use config::{Config, PageTokenKey};
pub use edge::observe::{Work, names, render_histograms};

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
/// answered, connections are told to go away and, after [`Config::drain_timeout`], cut.
///
/// Returns when every connection is closed.
pub async fn run(
    listeners: Listeners,
    recommender: Arc<Recommender>,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let admission = Admission::new(config.threads, config.max_in_flight, config.max_queued);
    let open = Arc::new(Semaphore::new(limits::OPEN));
    let early_shed = EarlyShed::new(Arc::clone(&admission), Arc::clone(&open), config.request_timeout);
    let service = Service::new(recommender, config.cache_max_age, config.exposures, admission);
    let draining = Arc::new(AtomicBool::new(false));
    let gate = |face| {
        let (open, draining) = (open.clone(), draining.clone());
        Arc::new(RequestGuard { face, open, limit: config.request_timeout, draining })
    };
    let mut health = HealthReporter::new();
    grpc::set_health(&health, ServingStatus::NotServing).await;

    let grpc = grpc::routes(service.clone(), gate(Protocol::Grpc), &health)?;
    let http = http::routes(service.clone(), gate(Protocol::Http));
    let limits = ConnectionLimits {
        connections: config.max_connections,
        streams: config.max_streams,
        idle: config.idle_timeout,
    };
    let grpc = Acceptor::open(listeners.grpc, grpc, Some(early_shed), Protocol::Grpc, limits);
    let http = Acceptor::open(listeners.http, http, None, Protocol::Http, limits);

    tokio::select! {
        () = shutdown => {}
        () = report_health(&service, &health) => {}
    }
    draining.store(true, Ordering::Relaxed);
    grpc::set_health(&health, ServingStatus::NotServing).await;
    tokio::time::sleep(config.shutdown_delay).await;
    grpc::end_health(&mut health).await;
    tokio::join!(grpc.close(config.drain_timeout), http.close(config.drain_timeout));
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
