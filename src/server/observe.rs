//! The metrics of the faces.

use std::time::Duration;

use crate::domain::Cause;

/// Names of the metrics, for the registry that describes them.
pub mod names {
    /// Requests answered, by `face`, `placement` and `code`.
    pub const REQUESTS: &str = "larder_requests_total";
    /// Seconds from the first byte of a decoded request head to the answer, by `face` and `placement`.
    pub const SECONDS: &str = "larder_request_seconds";
    /// Answers of lowered quality, by `placement` and `cause`.
    pub const DEGRADED: &str = "larder_degraded_total";
    /// Requests being answered.
    pub const IN_FLIGHT: &str = "larder_requests_in_flight";
    /// Open connections, by `face`.
    pub const CONNECTIONS: &str = "larder_connections";
}

/// The placement label of batches: their slots have placements, they have none.
pub(super) const BATCH: &str = "(batch)";
/// The placement label of requests for a placement that does not exist, whatever they called it.
pub(super) const UNKNOWN: &str = "(unknown)";

pub(super) fn request(face: &'static str, placement: Option<&str>, code: &'static str, took: Duration) {
    let placement = placement.unwrap_or(UNKNOWN).to_owned();
    metrics::counter!(names::REQUESTS, "face" => face, "placement" => placement.clone(), "code" => code)
        .increment(1);
    metrics::histogram!(names::SECONDS, "face" => face, "placement" => placement).record(took.as_secs_f64());
}

pub(super) fn degraded(placement: &str, causes: &[Cause]) {
    for cause in causes {
        metrics::counter!(names::DEGRADED, "placement" => placement.to_owned(), "cause" => cause.as_str())
            .increment(1);
    }
}
