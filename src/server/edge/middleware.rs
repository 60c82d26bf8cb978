//! What every request passes on its way in and out, on both protocols:
//!
//! 1. the connection's own limits: bytes of headers, streams, idle and slow clients (`connections`);
//! 2. on the gRPC port, during an overload, the early shed: most requests go no further (`early_shed`);
//! 3. metrics, outermost of what is here, so that what is refused below is counted too;
//! 4. a bound on open requests, so that memory has one;
//! 5. the deadline: the client's own travels with the request, the server's ends it;
//! 6. the handler reads and checks the message, and waits for the features of users that are not in memory;
//! 7. admission, once the traffic class is known: live before shadow before synthetic (`admission`);
//! 8. the recommender, which plans what the time that is left allows, from the full pipeline to what is popular.
//!
//! Steps 3 to 5 are the function [`guard`], 6 to 8 are `api::service`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, header};
use axum::middleware::Next;
use tokio::sync::Semaphore;

use super::protocol::Protocol;
use super::requests::{PlacementCounts, RequestMetrics};
use crate::domain::TrafficClass;
use crate::server::problem::{Kind, Problem};

/// What guards the requests of one protocol.
#[derive(Debug)]
pub(crate) struct RequestGuard {
    /// Decides how errors and deadlines are written.
    pub(crate) protocol: Protocol,
    /// One permit for each request that is read, queued or served, on both protocols together.
    pub(crate) open: Arc<Semaphore>,
    /// The longest that a request may take, with its body.
    pub(crate) limit: Duration,
    /// Whether the server drains: HTTP/1 clients are told to close their connections.
    pub(crate) draining: Arc<AtomicBool>,
    pub(crate) metrics: Arc<RequestMetrics>,
}

/// When a request arrived and how long its answer may take; handlers find it among the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    at: Instant,
    budget: Option<Duration>,
    /// What the handler finds out for the metrics.
    subject: Arc<OnceLock<Subject>>,
}

/// What a request turned out to ask for.
#[derive(Debug)]
struct Subject {
    placement: Arc<PlacementCounts>,
    class: TrafficClass,
}

impl Arrival {
    /// What is left of the client's time; `None` if it set no limit.
    pub(crate) fn budget_left(&self) -> Option<Duration> {
        self.budget.map(|budget| budget.saturating_sub(self.at.elapsed()))
    }

    /// When the client's time is up.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.at.checked_add(self.budget?)
    }

    /// Whether the client's time has been up for so long.
    pub(crate) fn is_late_by(&self, grace: Duration) -> bool {
        self.deadline().is_some_and(|deadline| Instant::now() >= deadline + grace)
    }

    /// Tells the metrics what the request asks for, once that is known.
    pub(crate) fn asks_for(&self, placement: Arc<PlacementCounts>, class: TrafficClass) {
        self.subject.get_or_init(|| Subject { placement, class });
    }
}

/// Metrics, the bound on open requests, the deadline.
pub(crate) async fn guard(
    State(guard): State<Arc<RequestGuard>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let protocol = guard.protocol;
    let mut arrival = Arrival { at: Instant::now(), budget: None, subject: Arc::default() };

    // A block that is left early and not a function with `?`: whatever the answer is, it is counted below.
    let mut response = 'answer: {
        // Not awaited: a request that waits here would be in a queue that knows no priorities and no deadlines.
        let Ok(_open) = guard.open.try_acquire() else {
            break 'answer protocol.refuse(Problem::new(Kind::Overloaded, "too many requests are open"));
        };
        arrival.budget = match protocol.budget(request.headers()) {
            Ok(budget) => budget,
            Err(problem) => break 'answer protocol.refuse(problem),
        };
        request.extensions_mut().insert(arrival.clone());
        // The server's limit covers the body, which the handler reads: it bounds how long a slow client holds a
        // permit. The client's own deadline is no reason to cut a request off: the recommender plans for it, and an
        // answer of lower quality is better than none.
        match tokio::time::timeout(guard.limit, next.run(request)).await {
            Ok(response) => undecodable(&response).map_or(response, |problem| protocol.refuse(problem)),
            Err(_) => protocol.refuse(Problem::new(Kind::DeadlineExceeded, "the request took too long")),
        }
    };

    // Over HTTP/2 hyper drops the header: there, GOAWAY says the same.
    if protocol == Protocol::Http && guard.draining.load(Ordering::Relaxed) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let subject = arrival.subject.get();
    let placement = subject.map(|subject| &*subject.placement);
    // A request that failed before its class was known may have been a person's.
    let class = subject.map_or(TrafficClass::default(), |subject| subject.class);
    guard.metrics.request(protocol, placement, class, protocol.outcome(&response), arrival.at.elapsed());
    response
}

/// tonic has codes of its own for messages that do not decode (INTERNAL) or are too large (OUT_OF_RANGE). Both are the
/// client's to mend.
fn undecodable(response: &Response<Body>) -> Option<Problem> {
    // tonic leaves the status in the extensions, so that it need not be parsed out of the headers again.
    let status = response.extensions().get::<tonic::Status>()?;
    match status.code() {
        tonic::Code::OutOfRange => Some(Problem::new(Kind::TooLarge, status.message())),
        tonic::Code::Internal if status.message().starts_with("failed to decode") => {
            Some(Problem::new(Kind::InvalidArgument, status.message()))
        }
        _ => None,
    }
}
