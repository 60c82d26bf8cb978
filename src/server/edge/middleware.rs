//! What every request passes on its way in and out, on both protocols:
//!
//! 1. the connection's own limits: bytes of headers, streams, idle and slow clients (`connections`), and from there on
//!    the bytes that are held for the request and its answer (`held`);
//! 2. on the gRPC port, during an overload, the early shed: most requests go no further (`early_shed`);
//! 3. metrics, outermost of what is here, so that what is refused below is counted too;
//! 4. bounds on open requests and on answers that are not read, so that memory has one;
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
use axum::http::{HeaderMap, HeaderValue, Response, Version, header};
use axum::middleware::Next;
use tokio::sync::Semaphore;

use super::held::Exchange;
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
    /// What the handler finds out.
    found: Arc<Found>,
    /// What is held for the request and its answer; `None` where there is no connection.
    exchange: Option<Arc<Exchange>>,
}

#[derive(Debug, Default)]
struct Found {
    /// For the metrics.
    subject: OnceLock<Subject>,
    /// The message was decoded.
    is_decoded: AtomicBool,
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

    /// Tells that the message was decoded: what fails from here on is no fault in its bytes.
    pub(crate) fn is_decoded(&self) {
        self.found.is_decoded.store(true, Ordering::Relaxed);
    }

    /// Refuses an answer for which there is no room among those that are not read. Asked before it is computed.
    pub(crate) fn check_room(&self) -> Result<(), Problem> {
        self.exchange.as_ref().map_or(Ok(()), |exchange| exchange.check_room())
    }

    /// Counts the bytes of a part of the answer, which is kept until the rest is made.
    pub(crate) fn make(&self, bytes: usize) -> Result<(), Problem> {
        self.exchange.as_ref().map_or(Ok(()), |exchange| exchange.make(bytes))
    }

    /// Tells the metrics what the request asks for, once that is known.
    pub(crate) fn asks_for(&self, placement: Arc<PlacementCounts>, class: TrafficClass) {
        self.found.subject.get_or_init(|| Subject { placement, class });
    }
}

/// Metrics, the bound on open requests, the deadline.
pub(crate) async fn guard(
    State(guard): State<Arc<RequestGuard>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let protocol = guard.protocol;
    let exchange = request.extensions().get().cloned();
    let mut arrival = Arrival { at: Instant::now(), budget: None, found: Arc::default(), exchange };

    // A block that is left early and not a function with `?`: whatever the answer is, it is counted below.
    let mut response = 'answer: {
        // Not awaited: a request that waits here would be in a queue that knows no priorities and no deadlines.
        let Ok(_open) = guard.open.try_acquire() else {
            break 'answer protocol.refuse(Problem::new(Kind::Overloaded, "too many requests are open"));
        };
        if let Err(problem) = check_head(protocol, &request).and_then(|()| arrival.check_room()) {
            break 'answer protocol.refuse(problem);
        }
        arrival.budget = match protocol.budget(request.headers()) {
            Ok(budget) => budget,
            Err(problem) => break 'answer protocol.refuse(problem),
        };
        request.extensions_mut().insert(arrival.clone());
        // The server's limit covers the body, which the handler reads: it bounds how long a slow client holds a
        // permit. The client's own deadline is no reason to cut a request off: the recommender plans for it, and an
        // answer of lower quality is better than none.
        match tokio::time::timeout(guard.limit, next.run(request)).await {
            Ok(response) if arrival.found.is_decoded.load(Ordering::Relaxed) => response,
            Ok(response) => undecodable(&response).map_or(response, |problem| protocol.refuse(problem)),
            Err(_) => protocol.refuse(Problem::new(Kind::DeadlineExceeded, "the request took too long")),
        }
    };

    // Over HTTP/2 hyper drops the header: there, GOAWAY says the same.
    if protocol == Protocol::Http && guard.draining.load(Ordering::Relaxed) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let subject = arrival.found.subject.get();
    let placement = subject.map(|subject| &*subject.placement);
    // A request that failed before its class was known may have been a person's.
    let class = subject.map_or(TrafficClass::default(), |subject| subject.class);
    guard.metrics.request(protocol, placement, class, protocol.outcome(&response), arrival.at.elapsed());
    response
}

/// What is wrong with a request whose message was never decoded.
///
/// tonic has codes of its own for that: INTERNAL for bytes that are no message, OUT_OF_RANGE for one that is too large.
/// Both are the client's to mend.
pub(crate) fn undecodable(response: &Response<Body>) -> Option<Problem> {
    // tonic leaves the status in the extensions, so that it need not be parsed out of the headers again.
    let status = response.extensions().get::<tonic::Status>()?;
    match status.code() {
        tonic::Code::OutOfRange => Some(Problem::new(Kind::TooLarge, status.message())),
        tonic::Code::Internal | tonic::Code::Unknown => {
            Some(Problem::new(Kind::InvalidArgument, status.message()))
        }
        _ => None,
    }
}

/// Checks what the protocol asks of every request's head.
pub(crate) fn check_head(protocol: Protocol, request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    match protocol {
        Protocol::Grpc => check_grpc_type(headers),
        // RFC 9112, section 3.2. Where two proxies see different hosts, one of them is deceived.
        Protocol::Http if request.version() == Version::HTTP_11 => {
            match headers.get_all(header::HOST).iter().count() {
                1 => Ok(()),
                count => Err(Problem::invalid("host", format!("must be there once, got {count} of them"))),
            }
        }
        Protocol::Http => Ok(()),
    }
}

/// What is no gRPC, or gRPC-Web, would be decoded to something else than its sender meant.
fn check_grpc_type(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(header::CONTENT_TYPE);
    let kind = given.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if ["application/grpc", "application/grpc+proto"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    let got = given.map_or_else(|| "none".to_owned(), |value| format!("{value:?}"));
    let detail = format!("content-type must be application/grpc or application/grpc+proto, got {got}");
    Err(Problem::new(Kind::UnsupportedMediaType, detail))
}
