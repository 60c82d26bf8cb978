//! A made-up report with everything in it, for the tests of the commands that read reports.

use crate::report::{Quantile, Report, Second, ServerFigures, ServerSample, Setup, Summary};
use crate::slo::Verdict;
use crate::swaps::Swap;
use crate::tally::ErrorCount;

/// A compressed day of 40 s: 10 s at 200, 20 s at 800, 10 s at 200 requests per second; 150 µs of CPU a request.
pub(crate) fn report() -> Report {
    let seconds: Vec<Second> = (0..40)
        .map(|second| {
            let offered = if (10..30).contains(&second) { 800 } else { 200 };
            let wobble = 1.0 + 0.05 * (second % 5) as f64;
            let summary = Summary {
                offered,
                answered: offered,
                in_time: offered,
                p50_ms: Some(0.8 * wobble),
                p90_ms: Some(1.6 * wobble),
                p99_ms: Some(4.0 * wobble),
                p999_ms: Some(7.0 * wobble),
                max_ms: Some(9.0 * wobble),
                ..Summary::default()
            };
            Second { second, summary }
        })
        .collect();
    let offered: u64 = seconds.iter().map(|second| second.summary.offered).sum(); // 20,000
    let mut cpu_s = 3.0;
    let samples = (0..=40)
        .map(|at| {
            if at > 0 {
                cpu_s += seconds[at - 1].summary.answered as f64 * 150e-6;
            }
            ServerSample { at_s: at as f64, cpu_s, rss_bytes: 100e6 }
        })
        .collect();
    let summary = Summary {
        offered,
        answered: offered,
        in_time: offered,
        p50_ms: Some(0.9),
        p90_ms: Some(1.8),
        p99_ms: Some(4.4),
        p999_ms: Some(7.7),
        max_ms: Some(10.8),
        cpu_us_per_request: Some(150.0),
        ..Summary::default()
    };
    let quantiles = [(0.5, 0.9), (0.9, 1.8), (0.99, 4.4), (0.999, 7.7), (1.0, 10.8)];
    Report {
        summary: summary.clone(),
        setup: Setup {
            command: ["larder-loadtest", "run", "--scenario", "day.toml"].map(str::to_owned).to_vec(),
            version: "0.1.0".to_owned(),
            server_version: Some("0.1.0".to_owned()),
            machine: "a machine of two cores".to_owned(),
            scenario: Some("reference-day".to_owned()),
            started_at: 1_795_000_000,
            target: "grpc://127.0.0.1:50051".to_owned(),
            profile: "diurnal 200 to 800 to 200/s".to_owned(),
            rps: 800.0,
            deadline_ms: Some(50.0),
            warmup_s: 3.0,
            duration_s: 40.0,
            requests: 10_000,
        },
        placements: [("pdp.similar".to_owned(), summary)].into(),
        curve: quantiles.map(|(quantile, ms)| Quantile { quantile, ms }).to_vec(),
        server: Some(ServerFigures {
            cpu_s: offered as f64 * 150e-6,
            peak_cores: 0.12,
            peak_rss_bytes: 100e6,
            placement_cpu_us: [("pdp.similar".to_owned(), 120.0)].into(),
            cache_hit_ratio: Some(0.25),
            samples,
        }),
        errors: [(
            "RESOURCE_EXHAUSTED".to_owned(),
            ErrorCount { count: 3, example: "over the limit".to_owned() },
        )]
        .into(),
        swaps: vec![Swap {
            at_s: 20.4,
            from: "v1".to_owned(),
            to: "v2".to_owned(),
            p99_before_ms: Some(4.0),
            p99_during_ms: Some(4.4),
            p99_after_ms: Some(4.1),
            ratio: Some(1.1),
            errors: 0,
        }],
        slo: vec![Verdict { rule: "p99<10ms".to_owned(), measured: Some(4.4), held: true }],
        seconds,
        ..Report::default()
    }
}
