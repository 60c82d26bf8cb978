//! What is compared: of the whole run, and of its seconds.

use crate::report::{Report, Summary};

use super::spread::{Part, Statistic};

/// One figure that both runs have.
#[derive(Debug)]
pub(super) struct Measure {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) statistic: Statistic,
    pub(super) whole: fn(&Report) -> Option<f64>,
    pub(super) seconds: fn(&Report) -> Vec<Part>,
}

pub(super) const MEASURES: [Measure; 10] = [
    Measure {
        name: "p50",
        unit: "ms",
        statistic: Statistic::Median,
        whole: |report| report.summary.p50_ms,
        seconds: |report| latencies(report, |second| second.p50_ms),
    },
    Measure {
        name: "p90",
        unit: "ms",
        statistic: Statistic::Median,
        whole: |report| report.summary.p90_ms,
        seconds: |report| latencies(report, |second| second.p90_ms),
    },
    Measure {
        name: "p99",
        unit: "ms",
        statistic: Statistic::Median,
        whole: |report| report.summary.p99_ms,
        seconds: |report| latencies(report, |second| second.p99_ms),
    },
    Measure {
        name: "p99.9",
        unit: "ms",
        statistic: Statistic::Median,
        whole: |report| report.summary.p999_ms,
        seconds: |report| latencies(report, |second| second.p999_ms),
    },
    Measure {
        name: "max",
        unit: "ms",
        statistic: Statistic::Median,
        whole: |report| report.summary.max_ms,
        seconds: |report| latencies(report, |second| second.max_ms),
    },
    Measure {
        name: "CPU a request",
        unit: "us",
        statistic: Statistic::Median,
        whole: |report| report.summary.cpu_us_per_request,
        seconds: cpu,
    },
    Measure {
        name: "peak memory",
        unit: "MiB",
        statistic: Statistic::Median,
        whole: |report| {
            report.server.as_ref().map(|server| mib(server.peak_rss_bytes)).filter(|memory| *memory > 0.0)
        },
        seconds: memory,
    },
    Measure {
        name: "errors",
        unit: "%",
        statistic: Statistic::Share,
        whole: |report| share(report.summary.errors, report.summary.offered),
        seconds: |report| shares(report, |second| second.errors),
    },
    Measure {
        name: "degraded",
        unit: "%",
        statistic: Statistic::Share,
        whole: |report| share(report.summary.degraded, report.summary.offered),
        seconds: |report| shares(report, |second| second.degraded),
    },
    Measure {
        name: "answered",
        unit: "/s",
        statistic: Statistic::Share,
        whole: |report| {
            let seconds = report.seconds.len() as f64;
            (seconds > 0.0).then(|| report.summary.answered as f64 / seconds)
        },
        seconds: |report| {
            let seconds = report.seconds.iter();
            let answered = seconds.map(|second| (second.second, second.summary.answered as f64));
            answered.map(|(at, value)| Part { at, value, of: 1.0 }).collect()
        },
    },
];

fn latencies(report: &Report, of: fn(&Summary) -> Option<f64>) -> Vec<Part> {
    let values = report.seconds.iter().filter_map(|second| Some((second.second, of(&second.summary)?)));
    values.map(|(at, value)| Part { at, value, of: 1.0 }).collect()
}

/// In per cent.
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}

fn shares(report: &Report, of: fn(&Summary) -> u64) -> Vec<Part> {
    let seconds = report.seconds.iter().filter(|second| second.summary.offered > 0);
    let parts = seconds.map(|second| {
        let (value, of) = (100.0 * of(&second.summary) as f64, second.summary.offered as f64);
        Part { at: second.second, value, of }
    });
    parts.collect()
}

/// Microseconds by answer between one scrape and the next, over the answers of the second in between.
fn cpu(report: &Report) -> Vec<Part> {
    let samples = report.server.iter().flat_map(|server| server.samples.windows(2));
    let costs = samples.filter_map(|pair| {
        let [before, after] = pair else { return None };
        let (length, middle) = (after.at_s - before.at_s, f64::midpoint(before.at_s, after.at_s));
        if !(length > 0.0 && middle >= 0.0) {
            return None;
        }
        let at = middle as usize;
        let answered = report.seconds.get(at)?.summary.answered as f64 * length;
        (answered > 0.0).then(|| Part { at, value: (after.cpu_s - before.cpu_s) * 1e6 / answered, of: 1.0 })
    });
    costs.collect()
}

fn memory(report: &Report) -> Vec<Part> {
    let samples = report.server.iter().flat_map(|server| &server.samples);
    samples.enumerate().map(|(at, sample)| Part { at, value: mib(sample.rss_bytes), of: 1.0 }).collect()
}

fn mib(bytes: f64) -> f64 {
    bytes / (1024.0 * 1024.0)
}
