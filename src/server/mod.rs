//! The API over gRPC and HTTP/JSON, and the admin port. Knows protobuf, HTTP, JSON and the recommender, and nothing of
//! where data comes from.

mod admin;
mod api;
mod config;
mod edge;
pub mod identity;
pub(crate) mod metrics;
mod page;
mod problem;
pub mod reload;
pub mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prometheus::Registry;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::recommender::Recommender;
use api::convert::{MaxAge, PageTokenSeal};
use api::events::EventService;
use api::service::Service;
use api::{access, grpc, http};
use edge::admission::Admission;
use edge::aside::Aside;
use edge::connection::{ConnectionLimits, ConnectionMetrics};
use edge::connections::Acceptor;
use edge::early_shed::EarlyShed;
use edge::held::Budget;
use edge::identify::{Callers, PortAccess};
use edge::limits;
use edge::middleware::RequestGuard;
use edge::protocol::Protocol;
use metrics::Declaration;
use tls::For;

pub use admin::{Admin, AdminService, Control, ControlPlane, NotReady};
pub use api::convert::SealError;
#[doc(hidden)]
pub use api::fuzzing;
pub use config::{Config, ControlAddr, KeyError, PageTokenKey};
pub use edge::requests::{PlacementWork, RequestMetrics};

/// The ports of the API, already bound.
#[derive(Debug)]
pub struct Listeners {
    /// gRPC, over HTTP/2 without TLS.
    pub grpc: TcpListener,
    /// HTTP/1.1 and HTTP/2 without TLS.
    pub http: TcpListener,
}

/// Why the API could not be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The contract's descriptor, which is part of the program, does not decode.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The registry has metrics of the same name, as of another server in this process.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// Page tokens cannot be sealed.
    #[error(transparent)]
    PageTokens(#[from] SealError),
}

/// The metrics of a server: where it declares them, and what it counts for others to read.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    requests: Arc<RequestMetrics>,
}

impl Metrics {
    /// Declares the metrics of requests; the rest follows when the server runs.
    ///
    /// # Errors
    /// The registry has them already: there is one registry for each server.
    pub fn new(registry: Registry) -> Result<Self, prometheus::Error> {
        let requests = RequestMetrics::register(&registry)?;
        Ok(Self { registry, requests })
    }

    /// The counts of requests.
    pub fn requests(&self) -> &Arc<RequestMetrics> {
        &self.requests
    }
}

/// Serves until `shutdown` completes, then drains: health says NOT_SERVING, ports close, requests in flight are
/// answered, connections are told to close and, after [`Config::drain_timeout`], cut.
///
/// Returns when every connection is closed.
///
/// # Errors
/// What could not be set up. Nothing is served then.
pub async fn run(
    listeners: Listeners,
    recommender: Arc<Recommender>,
    config: Config,
    metrics: Metrics,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let Metrics { registry, requests } = metrics;
    let admission = Admission::new(config.threads, config.max_in_flight, config.max_queued, &registry)?;
    // One for both protocols: they share the memory that it bounds.
    let open = Arc::new(Semaphore::new(limits::OPEN));
    let early_shed =
        EarlyShed::new(admission.clone(), requests.clone(), open.clone(), config.request_timeout);
    let limits = connection_limits(&config, &registry)?;
    let [of_grpc, of_http] = ConnectionMetrics::register(&registry)?;
    let service = Service {
        recommender,
        admission: Arc::clone(&admission),
        metrics: Arc::clone(&requests),
        seal: page_token_seal(config.page_token_key.bytes())?,
        exposures: config.exposures,
        max_age: MaxAge {
            still: config.cache_max_age,
            once_live: config.cache_max_age.min(config.live_max_age),
        },
    };
    let events = EventService::new(config.events, Arc::clone(&service.recommender), Arc::clone(&admission));
    let draining = Arc::new(AtomicBool::new(false));
    let guard = |protocol| {
        let (open, draining, metrics) = (Arc::clone(&open), Arc::clone(&draining), Arc::clone(&requests));
        let audit = config.authenticator.as_ref().map(|known| Arc::clone(known.audit()));
        Arc::new(RequestGuard { protocol, open, limit: config.request_timeout, draining, metrics, audit })
    };
    let port_access = |protocol, needs| {
        let callers = config.authenticator.clone();
        let callers = callers.map(|authenticator| Callers { authenticator, needs });
        let metrics = Some(Arc::clone(&requests));
        PortAccess { protocol, callers, metrics, tls: config.tls.clone(), purpose: For::Serving }
    };
    // Not serving before the port is open: a client that asks at once must not be told otherwise.
    let mut health = HealthReporter::new();
    grpc::set_health(&health, ServingStatus::NotServing).await;

    let aside = Aside::new(config.request_timeout, config.max_connections);
    let grpc = grpc::routes(service.clone(), events.clone(), guard(Protocol::Grpc), &health, aside)?;
    let http = http::routes(service.clone(), events, guard(Protocol::Http));
    // gRPC alone has the early shed: there the class is one field of a binary message, over HTTP it would take parsing
    // the JSON.
    let grpc = Acceptor::open(
        listeners.grpc,
        grpc,
        Some(early_shed),
        port_access(Protocol::Grpc, access::of_grpc),
        limits.clone(),
        of_grpc,
    );
    let http = Acceptor::open(
        listeners.http,
        http,
        None,
        port_access(Protocol::Http, access::of_http),
        limits,
        of_http,
    );

    tokio::select! {
        () = shutdown => {}
        // The other two never complete: the shutdown ends them.
        () = report_health(&service, &health) => {}
        () = admission.log_overloads() => {}
    }
    draining.store(true, Ordering::Relaxed);
    grpc::set_health(&health, ServingStatus::NotServing).await;
    // Load balancers learn from probes, with a delay: until then they go on sending.
    tokio::time::sleep(config.shutdown_delay).await;
    // Before the ports close: a watcher's stream is a request in flight that would never end.
    grpc::end_health(&mut health).await;
    tokio::join!(grpc.close(config.drain_timeout), http.close(config.drain_timeout));
    Ok(())
}

const UNSENT: Declaration = Declaration {
    name: "larder_unsent_bytes",
    help: "Bytes of answers that are made or being made and that clients have not read.",
    labels: &[],
};
const UNFINISHED: Declaration = Declaration {
    name: "larder_unfinished_bytes",
    help: "Bytes of requests that are not received completely or not answered yet.",
    labels: &[],
};

/// What connections may do, on both ports together where it is about memory.
fn connection_limits(config: &Config, registry: &Registry) -> Result<ConnectionLimits, prometheus::Error> {
    let budget = |limit, declaration: Declaration| {
        let budget = Budget::new(limit);
        let read = Arc::clone(&budget);
        declaration.gauge(registry, move |out| out.add(&[], read.held() as f64))?;
        Ok::<_, prometheus::Error>(budget)
    };
    Ok(ConnectionLimits {
        connections: config.max_connections,
        streams: config.max_streams,
        idle: config.idle_timeout,
        header_timeout: config.header_timeout,
        send_timeout: config.send_timeout,
        max_age: config.max_connection_age,
        age_grace: config.max_connection_age_grace,
        unsent: (budget(config.max_unsent, UNSENT)?, config.max_unsent_per_connection),
        unfinished: (budget(config.max_unfinished, UNFINISHED)?, config.max_unfinished_per_connection),
    })
}

/// Seals page tokens with the configured key, or one of this process alone.
fn page_token_seal(key: Option<&[u8]>) -> Result<PageTokenSeal, SealError> {
    match key {
        Some(key) => PageTokenSeal::new(key),
        None => {
            tracing::info!(
                "page tokens are sealed with a random key: they end with this process, and other replicas refuse them; \
                 set server.page_token_key where there are several"
            );
            PageTokenSeal::random()
        }
    }
}

/// How often the health service is brought up to date: readiness changes once, with the first snapshot.
const HEALTH_INTERVAL: Duration = Duration::from_millis(100);

/// Keeps the health service up to date with the recommender. Never completes.
async fn report_health(service: &Service, health: &HealthReporter) {
    let mut ticks = tokio::time::interval(HEALTH_INTERVAL);
    let mut reported = None;
    loop {
        let ready = service.is_ready();
        if reported != Some(ready) {
            let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
            grpc::set_health(health, status).await;
            reported = Some(ready);
        }
        ticks.tick().await;
    }
}
