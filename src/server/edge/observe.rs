//! The metrics of the faces.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::Counter;

use super::histogram::{Family, Histogram};
use crate::domain::Cause;

/// Names of the metrics, for the registry that describes them.
pub mod names {
    /// Requests answered, by `face` (`grpc`, `http`), `placement` and `code` (gRPC's names, on both faces).
    ///
    /// Batches have the placement `batch`; requests for a placement that does not exist, and those
    /// refused before they were read, `unknown`.
    pub const REQUESTS: &str = "larder_requests_total";
    /// Seconds from the request's head to the answer, by `face` and `placement`.
    pub const SECONDS: &str = "larder_request_seconds";
    /// Answers of lowered quality, by `placement` and `cause`.
    pub const DEGRADED: &str = "larder_degraded_total";
    /// Open connections, by `face`.
    pub const CONNECTIONS: &str = "larder_connections";
    /// Requests that may be worked for at once, as found from the latencies.
    pub const LIMIT: &str = "larder_concurrency_limit";
    /// Requests that are worked for.
    pub const IN_FLIGHT: &str = "larder_in_flight";
    /// Requests that wait for their turn.
    pub const WAITING: &str = "larder_waiting";
    /// Seconds that requests waited for their turn, those that did.
    pub const WAITED: &str = "larder_waiting_seconds";
    /// Seconds from a request's head to its refusal (`RESOURCE_EXHAUSTED`).
    pub const REFUSAL: &str = "larder_refusal_seconds";
    /// Requests that were not worked for, by `class` (`live`, `shadow`, `synthetic`) and `reason`: `full`, `late` (the deadline
    /// came before the turn), `gone` (the caller went away).
    pub const REFUSED: &str = "larder_refused_total";
}

static SECONDS: Family = Family::new(names::SECONDS);
static REFUSAL: Family = Family::new(names::REFUSAL);
static WAITED: Family = Family::new(names::WAITED);

/// The placement label of batches: their slots have placements, they have none.
pub(crate) const BATCH: &str = "batch";
const UNKNOWN: &str = "unknown";
/// The code of a request that was refused.
pub(crate) const REFUSED: &str = "RESOURCE_EXHAUSTED";

/// More placements than this in one process are a misuse; then handles are looked up anew.
const CACHED: usize = 1000;

struct Handles {
    /// By code, those that came up.
    codes: Vec<(&'static str, Counter)>,
    seconds: Arc<Histogram>,
    refusal: Arc<Histogram>,
    work: Arc<Work>,
}

/// What a placement's requests cost so far.
#[derive(Debug, Default)]
pub struct Work {
    requests: AtomicU64,
    worked_ns: AtomicU64,
}

/// By the label of the placement, on both faces together. Locked once a placement and thread, and by who reads it.
static WORK: Mutex<BTreeMap<String, Arc<Work>>> = Mutex::new(BTreeMap::new());

impl Work {
    /// By placement: requests, refused ones included, and the time that their answers were worked at, without reading and
    /// writing them.
    pub fn by_placement() -> Vec<(String, u64, Duration)> {
        let work = WORK.lock().unwrap_or_else(PoisonError::into_inner);
        let figures = |(placement, work): (&String, &Arc<Work>)| {
            let worked = Duration::from_nanos(work.worked_ns.load(Ordering::Relaxed));
            (placement.clone(), work.requests.load(Ordering::Relaxed), worked)
        };
        work.iter().map(figures).collect()
    }

    fn of(placement: &str) -> Arc<Work> {
        let mut work = WORK.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(work.entry(placement.to_owned()).or_default())
    }
}

thread_local! {
    /// The registry takes a lock to find a metric; each worker asks once a placement and remembers.
    static HANDLES: RefCell<HashMap<String, Handles>> = RefCell::default();
}

/// Notes one request. `placement` is `None` unless the placement exists.
pub(crate) fn request(
    face: &'static str,
    placement: Option<&str>,
    code: &'static str,
    took: Duration,
    worked: Duration,
) {
    let placement = placement.unwrap_or(UNKNOWN);
    HANDLES.with_borrow_mut(|handles| {
        let key = [face, "/", placement].concat();
        if handles.len() >= CACHED && !handles.contains_key(&key) {
            handles.clear();
        }
        let handles = handles.entry(key).or_insert_with(|| Handles {
            codes: Vec::new(),
            seconds: SECONDS.with(&[("face", face), ("placement", placement)]),
            refusal: REFUSAL.with(&[]),
            work: Work::of(placement),
        });
        handles.work.requests.fetch_add(1, Ordering::Relaxed);
        handles.work.worked_ns.fetch_add(worked.as_nanos() as u64, Ordering::Relaxed);
        handles.seconds.record(took);
        if code == REFUSED {
            handles.refusal.record(took);
        }
        match handles.codes.iter().find(|(known, _)| *known == code) {
            Some((_, counter)) => counter.increment(1),
            None => {
                let counter = requests(face, placement, code);
                counter.increment(1);
                handles.codes.push((code, counter));
            }
        }
    });
}

/// Notes why an answer was degraded, if it was.
pub(crate) fn degraded(placement: &str, causes: &[Cause]) {
    for cause in causes {
        let labels = [("placement", placement.to_owned()), ("cause", cause.as_str().to_owned())];
        metrics::counter!(names::DEGRADED, &labels).increment(1);
    }
}

/// Notes a request that was not worked for.
pub(crate) fn refused(class: &'static str, reason: &'static str) {
    thread_local! {
        static COUNTERS: RefCell<HashMap<(&'static str, &'static str), Counter>> = RefCell::default();
    }
    COUNTERS.with_borrow_mut(|counters| {
        let counter = || metrics::counter!(names::REFUSED, "class" => class, "reason" => reason);
        counters.entry((class, reason)).or_insert_with(counter).increment(1);
    });
}

/// Notes how long a request waited for its turn.
pub(crate) fn waited(time: Duration) {
    thread_local! {
        static HISTOGRAM: Arc<Histogram> = WAITED.with(&[]);
    }
    HISTOGRAM.with(|histogram| histogram.record(time));
}

/// The histograms of the faces, in Prometheus' text format.
pub fn render_histograms(out: &mut String) {
    SECONDS.render(out);
    REFUSAL.render(out);
    WAITED.render(out);
}

fn requests(face: &'static str, placement: &str, code: &'static str) -> Counter {
    metrics::counter!(names::REQUESTS, "face" => face, "placement" => placement.to_owned(), "code" => code)
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn made_up_placements_do_not_become_labels() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            request("http", Some("pdp.similar"), "OK", Duration::from_millis(1), Duration::ZERO);
            request("http", None, "NOT_FOUND", Duration::from_millis(1), Duration::ZERO);
            request("http", None, "NOT_FOUND", Duration::from_millis(1), Duration::ZERO);
            degraded("pdp.similar", &[Cause::NoSignal]);
        });
        let text = recorder.handle().render();
        for line in [
            r#"larder_requests_total{face="http",placement="pdp.similar",code="OK"} 1"#,
            r#"larder_requests_total{face="http",placement="unknown",code="NOT_FOUND"} 2"#,
            r#"larder_degraded_total{placement="pdp.similar",cause="no_signal"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
