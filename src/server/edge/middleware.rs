//! What every request passes on its way in and out, on both faces:
//!
//! 1. the connection's own limits: bytes of headers, streams, idle and slow clients ([`super::connections`]);
//! 2. on the gRPC port, while there are more than can be answered, the door: most of them go no further ([`super::early_shed`]);
//! 3. metrics, outermost of what is here, so that what is refused below is counted too;
//! 4. a bound on what is open at all, so that memory has one;
//! 5. the deadline: the client's time travels with the request, the server's own ends it;
//! 6. the handler reads and checks the message, and waits for the features of users that are not in memory;
//! 7. admission, once the class of the caller is known: live before background before synthetic ([`super::admission`]);
//! 8. the recommender, which plans what the time that is left allows, from the full pipeline to what is popular.
//!
//! Steps 3 to 5 are the function [`pass`], 6 to 8 are [`super::service`].

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, header};
use axum::middleware::Next;
use tokio::sync::Semaphore;

use super::observe;
use crate::server::problem::{self, Kind, Problem};

/// One face's gate.
#[derive(Debug)]
pub(crate) struct RequestGuard {
    /// The face, which decides how errors and deadlines are spelled.
    pub(crate) face: Protocol,
    /// One permit a request that is being read, waits or is worked for, on both faces together.
    pub(crate) open: Arc<Semaphore>,
    /// The longest a request may take, with its body.
    pub(crate) limit: Duration,
    /// The server drains: HTTP/1 clients are told to close their connections.
    pub(crate) draining: Arc<AtomicBool>,
}

/// A protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    Http,
}

/// When a request came and how long its answer may take; handlers find it among the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    at: Instant,
    budget: Option<Duration>,
    notes: Arc<Notes>,
}

/// What only the handler knows, for the metrics.
#[derive(Debug, Default)]
struct Notes {
    placement: OnceLock<String>,
    worked_ns: AtomicU64,
}

impl Arrival {
    /// What is left of the client's time; `None` if it set no limit.
    pub(crate) fn budget_left(&self) -> Option<Duration> {
        self.budget.map(|budget| budget.saturating_sub(self.at.elapsed()))
    }

    /// When the client's time is up.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.at.checked_add(self.budget?)
    }

    /// Tells the metrics which placement was asked for, once it is known to exist: made-up names must not become labels.
    pub(crate) fn known_placement(&self, name: &str) {
        self.notes.placement.get_or_init(|| name.to_owned());
    }

    /// Tells the metrics how long the answer was worked at.
    pub(crate) fn worked(&self, time: Duration) {
        self.notes.worked_ns.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }
}

/// Metrics, the bound on open requests, the deadline.
pub(crate) async fn pass(
    State(gate): State<Arc<RequestGuard>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let mut arrival = Arrival { at: Instant::now(), budget: None, notes: Arc::default() };

    let mut response = 'answer: {
        let Ok(_open) = gate.open.try_acquire() else {
            break 'answer gate.face.refuse(Problem::new(Kind::Overloaded, "too many requests are open"));
        };
        arrival.budget = match gate.face.budget(request.headers()) {
            Ok(budget) => budget,
            Err(problem) => break 'answer gate.face.refuse(problem),
        };
        request.extensions_mut().insert(arrival.clone());
        match tokio::time::timeout(gate.limit, next.run(request)).await {
            Ok(response) => undecodable(&response).map_or(response, |problem| gate.face.refuse(problem)),
            Err(_) => gate.face.refuse(Problem::new(Kind::DeadlineExceeded, "the request took too long")),
        }
    };

    if gate.face == Protocol::Http && gate.draining.load(Ordering::Relaxed) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let placement = arrival.notes.placement.get().map(String::as_str);
    let worked = Duration::from_nanos(arrival.notes.worked_ns.load(Ordering::Relaxed));
    observe::request(gate.face.label(), placement, gate.face.code(&response), arrival.at.elapsed(), worked);
    response
}

/// tonic has codes of its own for messages that do not decode (INTERNAL) or are too large (OUT_OF_RANGE). Both are the
/// client's to mend.
fn undecodable(response: &Response<Body>) -> Option<Problem> {
    let status = response.extensions().get::<tonic::Status>()?;
    match status.code() {
        tonic::Code::OutOfRange => Some(Problem::new(Kind::TooLarge, status.message())),
        tonic::Code::Internal if status.message().starts_with("failed to decode") => {
            Some(Problem::new(Kind::InvalidArgument, status.message()))
        }
        _ => None,
    }
}

impl Protocol {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Protocol::Grpc => "grpc",
            Protocol::Http => "http",
        }
    }

    fn refuse(self, problem: Problem) -> Response<Body> {
        match self {
            Protocol::Grpc => problem.into_grpc().into_http(),
            Protocol::Http => problem.into_http(),
        }
    }

    fn code(self, response: &Response<Body>) -> &'static str {
        match self {
            Protocol::Http => problem::code_of_http(response.status()),
            Protocol::Grpc => {
                // A successful answer has its status in the trailers.
                let code = tonic::Status::from_header_map(response.headers());
                code.map_or("OK", |status| problem::code_of_grpc(status.code()))
            }
        }
    }

    /// The time that the client gives the answer.
    fn budget(self, headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
        let (header, parse): (_, fn(&str) -> Option<Duration>) = match self {
            Protocol::Grpc => ("grpc-timeout", parse_grpc_timeout),
            Protocol::Http => ("x-request-timeout-ms", parse_milliseconds),
        };
        let Some(value) = headers.get(header) else { return Ok(None) };
        let budget = value.to_str().ok().and_then(parse);
        budget.map(Some).ok_or_else(|| match self {
            Protocol::Grpc => Problem::invalid(header, format!("not a gRPC timeout, such as 25m: {value:?}")),
            Protocol::Http => {
                Problem::invalid(header, format!("not a positive number of milliseconds: {value:?}"))
            }
        })
    }
}

fn parse_milliseconds(text: &str) -> Option<Duration> {
    text.parse().ok().filter(|ms: &u32| *ms > 0).map(|ms| Duration::from_millis(u64::from(ms)))
}

/// At most eight digits and a unit.
fn parse_grpc_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_the_protocols_write_them() {
        assert_eq!(parse_grpc_timeout("25m"), Some(Duration::from_millis(25)));
        assert_eq!(parse_grpc_timeout("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        for garbage in ["", "m", "25", "+5m", "123456789m", "25x", "2５m", "25µ"] {
            assert_eq!(parse_grpc_timeout(garbage), None, "{garbage:?}");
        }
        assert_eq!(parse_milliseconds("25"), Some(Duration::from_millis(25)));
        for garbage in ["", "0", "-1", "1.5", "soon", "99999999999"] {
            assert_eq!(parse_milliseconds(garbage), None, "{garbage:?}");
        }
    }
}
