//! What a scrape says after some requests.

use super::*;
use crate::domain::{Cause, DegradationLevel, Slate};

fn scrape(registry: &Registry) -> String {
    prometheus::TextEncoder.encode_to_string(&registry.gather()).unwrap()
}

fn assert_has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|written| written == *line), "{line} is not in\n{text}");
    }
}

#[test]
fn made_up_placements_do_not_become_labels() {
    let registry = Registry::new();
    let metrics = RequestMetrics::register(&registry).unwrap();
    let served = |name: &str| name == "pdp.similar";
    for (name, outcome) in
        [("pdp.similar", Outcome::Ok), ("made-up", Outcome::NotFound), ("x", Outcome::NotFound)]
    {
        let counts = metrics.placement(name, served);
        let took = Duration::from_millis(1);
        metrics.request(Protocol::Http, Some(&counts), TrafficClass::Shadow, outcome, took);
    }
    metrics.request(Protocol::Grpc, None, TrafficClass::Live, Outcome::ResourceExhausted, Duration::ZERO);
    let text = scrape(&registry);
    assert_has(
        &text,
        &[
            r#"larder_requests_total{protocol="http",placement="pdp.similar",class="SHADOW",code="OK"} 1"#,
            r#"larder_requests_total{protocol="http",placement="unknown",class="SHADOW",code="NOT_FOUND"} 2"#,
            r#"larder_request_duration_seconds_count{protocol="http",placement="unknown",class="SHADOW"} 2"#,
            "larder_refusal_seconds_count 1",
        ],
    );
    assert!(!text.contains("made-up"), "{text}");
}

#[test]
fn quality_is_counted_for_live_traffic_only() {
    let registry = Registry::new();
    let counts = RequestMetrics::register(&registry).unwrap().placement("p", |_| true);
    let mut slate = Slate::default();
    slate.degradation.note(DegradationLevel::Empty, Cause::NoSignal);
    for class in [TrafficClass::Live, TrafficClass::Shadow, TrafficClass::Synthetic] {
        counts.slate(class, Outcome::Ok);
        counts.quality(class, &slate);
    }
    assert_has(
        &scrape(&registry),
        &[
            r#"larder_degraded_total{placement="p",cause="no_signal"} 1"#,
            r#"larder_empty_slates_total{placement="p"} 1"#,
            r#"larder_slates_total{placement="p",class="LIVE",code="OK"} 1"#,
            r#"larder_slates_total{placement="p",class="SYNTHETIC",code="OK"} 1"#,
        ],
    );
}

#[test]
fn a_placement_with_a_reserved_name_makes_no_series_twice() {
    let registry = Registry::new();
    let metrics = RequestMetrics::register(&registry).unwrap();
    let own = metrics.placement("batch", |_| true);
    metrics.request(Protocol::Grpc, Some(&own), TrafficClass::Live, Outcome::Ok, Duration::ZERO);
    metrics.request(Protocol::Grpc, Some(&metrics.batch()), TrafficClass::Live, Outcome::Ok, Duration::ZERO);
    let line = r#"larder_requests_total{protocol="grpc",placement="batch",class="LIVE",code="OK"} 2"#;
    assert_has(&scrape(&registry), &[line]);
}
