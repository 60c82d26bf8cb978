//! Latency histograms that cost a request one addition, and a scrape a few lines: the registry's keep every sample until somebody
//! counts them, which stops a busy server for milliseconds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the buckets, in seconds.
const BOUNDS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Counts of durations, by bucket.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// The last one is above all bounds.
    counts: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

impl Histogram {
    pub(crate) fn record(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.nanos.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }
}

/// One metric: its histograms by their labels, which are written as `face="grpc"` and so on.
#[derive(Debug)]
pub(crate) struct Family {
    name: &'static str,
    histograms: Mutex<BTreeMap<String, Arc<Histogram>>>,
}

impl Family {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name, histograms: Mutex::new(BTreeMap::new()) }
    }

    /// The histogram with these labels; values are quoted here.
    pub(crate) fn with(&self, labels: &[(&str, &str)]) -> Arc<Histogram> {
        let label = |(name, value): &(&str, &str)| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("{name}=\"{value}\"")
        };
        let labels: Vec<String> = labels.iter().map(label).collect();
        let mut histograms = self.histograms.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(histograms.entry(labels.join(",")).or_default())
    }

    /// Writes all of it in Prometheus' text format.
    pub(crate) fn render(&self, out: &mut String) {
        let histograms = self.histograms.lock().unwrap_or_else(PoisonError::into_inner);
        if histograms.is_empty() {
            return;
        }
        let name = self.name;
        let mut lines = format!("# TYPE {name} histogram\n");
        for (labels, histogram) in histograms.iter() {
            let comma = if labels.is_empty() { "" } else { "," };
            let mut sum = 0;
            let bounds = BOUNDS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
            for (count, bound) in histogram.counts.iter().zip(bounds) {
                sum += count.load(Ordering::Relaxed);
                let _ = writeln!(lines, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {sum}");
            }
            let seconds = histogram.nanos.load(Ordering::Relaxed) as f64 / 1e9;
            let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            let _ = writeln!(lines, "{name}_sum{braces} {seconds}\n{name}_count{braces} {sum}");
        }
        out.push_str(&lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_labels_are_quoted() {
        let family = Family::new("x_seconds");
        let mut text = String::new();
        family.render(&mut text);
        assert_eq!(text, "", "nothing to tell");
        let histogram = family.with(&[("placement", "a\"b"), ("face", "grpc")]);
        for micros in [100, 101, 400, 6_000_000] {
            histogram.record(Duration::from_micros(micros));
        }
        family.with(&[]).record(Duration::from_millis(1));
        family.render(&mut text);
        for line in [
            "# TYPE x_seconds histogram",
            r#"x_seconds_bucket{placement="a\"b",face="grpc",le="0.0001"} 1"#,
            r#"x_seconds_bucket{placement="a\"b",face="grpc",le="0.0005"} 3"#,
            r#"x_seconds_bucket{placement="a\"b",face="grpc",le="5"} 3"#,
            r#"x_seconds_bucket{placement="a\"b",face="grpc",le="+Inf"} 4"#,
            r#"x_seconds_sum{placement="a\"b",face="grpc"} 6.000601"#,
            r#"x_seconds_count{placement="a\"b",face="grpc"} 4"#,
            r#"x_seconds_bucket{le="0.001"} 1"#,
            "x_seconds_count 1",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
        }
    }
}
