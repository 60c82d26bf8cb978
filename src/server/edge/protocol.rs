//! What differs between the two protocols before a request is decoded: deadlines, refusals, and outcomes.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Response};

use crate::server::problem::{Outcome, Problem};

/// A protocol of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    Http,
}

/// How a deadline is read from a header's value.
type Parse = fn(&str) -> Option<Duration>;

impl Protocol {
    /// Both, in the order of their discriminants.
    pub(crate) const ALL: [Self; 2] = [Self::Grpc, Self::Http];

    /// The value of the metric label `protocol`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Protocol::Grpc => "grpc",
            Protocol::Http => "http",
        }
    }

    pub(super) fn refuse(self, problem: Problem) -> Response<Body> {
        match self {
            Protocol::Grpc => problem.into_grpc().into_http(),
            Protocol::Http => problem.into_http(),
        }
    }

    /// How the request ended that has this answer.
    pub(super) fn outcome(self, response: &Response<Body>) -> Outcome {
        match self {
            Protocol::Http => Outcome::of_http(response.status()),
            Protocol::Grpc => {
                // A successful answer has its status in the trailers.
                let status = tonic::Status::from_header_map(response.headers());
                status.map_or(Outcome::Ok, |status| Outcome::of_grpc(status.code()))
            }
        }
    }

    /// The time that the client gives the answer; `None` if it gives no limit.
    pub(super) fn budget(self, headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
        let (header, expected, parse): (_, _, Parse) = match self {
            // Every gRPC client sends this one by itself where a deadline is set. HTTP has no header for it: this one
            // has its unit in its name.
            Protocol::Grpc => ("grpc-timeout", "a gRPC timeout, such as 25m", parse_grpc_timeout),
            Protocol::Http => ("x-request-timeout-ms", "a positive number of milliseconds", parse_millis),
        };
        // A header that is there and makes no sense is refused: a client that believes in its deadline must not wait
        // for ever.
        let Some(value) = headers.get(header) else { return Ok(None) };
        match value.to_str().ok().and_then(parse) {
            Some(budget) => Ok(Some(budget)),
            None => Err(Problem::invalid(header, format!("must be {expected}, got {value:?}"))),
        }
    }
}

fn parse_millis(text: &str) -> Option<Duration> {
    text.parse().ok().filter(|ms: &u32| *ms > 0).map(|ms| Duration::from_millis(u64::from(ms)))
}

/// At most eight digits and a unit, as the gRPC specification has it.
fn parse_grpc_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    // Also what keeps the products below far from overflow.
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
        assert_eq!(parse_millis("25"), Some(Duration::from_millis(25)));
        for garbage in ["", "0", "-1", "1.5", "soon", "99999999999"] {
            assert_eq!(parse_millis(garbage), None, "{garbage:?}");
        }
    }
}
