//! What every request passes on its way in and out, on both protocols:
//!
//! 1. the connection's own limits: bytes of headers, streams, idle and slow clients (`connections`), and from there on
//!    the bytes that are held for the request and its answer (`held`);
//! 2. where there are credentials, who calls, whether it may, and its quota (`identify`);
//! 3. on the gRPC port, during an overload, the early shed: most requests go no further (`early_shed`);
//! 4. metrics, outermost of what is here, so that what is refused below is counted too;
//! 5. bounds on open requests and on answers that are not read, so that memory has one;
//! 6. the deadline: the client's own travels with the request, the server's ends it;
//! 7. the handler reads and checks the message, whether the caller may ask for what stands in it (`api::access`), and
//!    waits for the features of users that are not in memory;
//! 8. admission, once the traffic class is known: live before shadow before synthetic (`admission`);
//! 9. the recommender, which plans what the time that is left allows, from the full pipeline to what is popular.
//!
//! Steps 4 to 6 are the function [`guard`], 7 to 9 are `api::service`.

use std::net::SocketAddr;
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
use crate::server::identity::{Audit, Origin, Principal};
use crate::server::problem::{Kind, Outcome, Problem};

/// The header by which a request is followed through several services (W3C Trace Context).
pub(super) const TRACE: &str = "traceparent";

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
    /// Where it is written down who was refused what stands in its message.
    pub(crate) audit: Option<Arc<Audit>>,
}

/// Who sent a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) principal: Arc<Principal>,
    pub(crate) peer: SocketAddr,
}

/// When a request arrived and how long its answer may take; handlers find it among the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    at: Instant,
    caller: Option<Caller>,
    budget: Option<Duration>,
    /// What the handler finds out.
    found: Arc<Found>,
    /// What is held for the request and its answer; `None` where there is no connection.
    exchange: Option<Arc<Exchange>>,
}

/// What is known of a request once it was read.
#[derive(Debug, Default)]
struct Found {
    /// For the metrics.
    subject: OnceLock<Subject>,
    /// The message was decoded.
    is_decoded: AtomicBool,
    /// For the audit: what of the message is not for its caller.
    denial: OnceLock<(Outcome, String)>,
}

/// What a request turned out to ask for.
#[derive(Debug)]
struct Subject {
    placement: Arc<PlacementCounts>,
    class: TrafficClass,
}

impl Arrival {
    /// That of a request which arrives now; `caller` is `None` where there are no credentials.
    pub(crate) fn now(caller: Option<Caller>, exchange: Option<Arc<Exchange>>) -> Self {
        Self { at: Instant::now(), caller, budget: None, found: Arc::default(), exchange }
    }

    /// Who sent it, where callers are told apart.
    pub(crate) fn principal(&self) -> Option<&Principal> {
        self.caller.as_ref().map(|caller| &*caller.principal)
    }

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

    /// Whether the client's time has been up for so long.
    pub(crate) fn is_late_by(&self, grace: Duration) -> bool {
        self.deadline().is_some_and(|deadline| Instant::now() >= deadline + grace)
    }

    /// Tells the metrics what the request asks for, once that is known.
    pub(crate) fn asks_for(&self, placement: Arc<PlacementCounts>, class: TrafficClass) {
        self.found.subject.get_or_init(|| Subject { placement, class });
    }

    /// Notes that something of the message is not for its caller, and hands the reason on.
    pub(crate) fn denied(&self, problem: Problem) -> Problem {
        self.found.denial.get_or_init(|| (problem.outcome(), problem.detail.clone()));
        problem
    }
}

/// Metrics, the bound on open requests, the deadline.
pub(crate) async fn guard(
    State(guard): State<Arc<RequestGuard>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let protocol = guard.protocol;
    // Not made here: without it, nobody has asked who calls.
    let Some(mut arrival) = request.extensions().get::<Arrival>().cloned() else {
        return protocol.refuse(Problem::new(Kind::Internal, "the request was let in by nobody"));
    };
    // Kept for the audit; both are shared and not copied.
    let asked = guard.audit.as_ref().map(|_| (request.uri().clone(), request.headers().get(TRACE).cloned()));

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
        if let Some(known) = request.extensions_mut().get_mut::<Arrival>() {
            known.budget = arrival.budget;
        }
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
    let outcome = protocol.outcome(&response);
    guard.metrics.request(protocol, placement, class, outcome, arrival.at.elapsed());
    if let (Some(audit), Some(asked), Some((outcome, detail))) =
        (&guard.audit, asked, arrival.found.denial.get())
    {
        let caller = arrival.caller.as_ref();
        let origin = Origin {
            principal: caller.map(|caller| &*caller.principal),
            peer: caller.map(|caller| caller.peer),
            method: asked.0.path(),
            trace: asked.1.as_ref().and_then(|trace| trace.to_str().ok()),
        };
        audit.denied(origin, outcome.as_str(), detail);
    }
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
