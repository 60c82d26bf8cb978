//! The server's own figures: its metrics in Prometheus' text format, read once a second while a run lasts.

use std::collections::BTreeMap;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::report::{ServerFigures, ServerSample, Summary};

/// Samples over which the peak of busy cores is counted. Raising it hides short peaks.
// A single second says more about the scheduler. The proofs take as many (proofs/machine.py).
const WINDOW: usize = 5;
/// How long the metrics may take to come, and how many bytes of them are read.
// Whoever answers at that address decides how much it sends.
const PATIENCE: Duration = Duration::from_secs(2);
const MAX_BYTES: u64 = 16 << 20;

/// Where metrics are: `http://host:port/metrics`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MetricsUrl {
    authority: String,
    path: String,
}

/// Metrics that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read metrics from {authority}: {source}")]
pub(crate) struct ScrapeError {
    authority: String,
    source: io::Error,
}

/// What the metrics said at one moment.
#[derive(Debug, Clone, Default)]
struct MetricsSample {
    /// Seconds after the warm-up.
    at: f64,
    process_cpu_s: f64,
    rss_bytes: f64,
    placement_cpu_s: BTreeMap<String, f64>,
    cache_hits: f64,
    cache_misses: f64,
}

/// Reads metrics in the background.
#[derive(Debug)]
pub(crate) struct Scraper {
    url: MetricsUrl,
    version: Option<String>,
    zero: Instant,
    samples: Arc<Mutex<Vec<MetricsSample>>>,
    task: JoinHandle<()>,
}

impl Scraper {
    /// Reads the metrics at the moment `zero` and every second after it; fails if they cannot be read now.
    pub(crate) async fn begin(url: MetricsUrl, zero: Instant) -> Result<Scraper, ScrapeError> {
        // A wrong address is noticed now, and not by empty columns after the run.
        url.get(&url.path).await?;
        // Other servers than Larder have metrics, but no status.
        let status = url.get("/status").await.ok();
        let status: Option<serde_json::Value> = status.and_then(|text| serde_json::from_str(&text).ok());
        let version = status.and_then(|status| Some(status.get("version")?.as_str()?.to_owned()));
        let samples: Arc<Mutex<Vec<MetricsSample>>> = Arc::default();
        let (from, to) = (url.clone(), samples.clone());
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval_at(zero.into(), Duration::from_secs(1));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                let sample = from.sample(zero).await;
                to.lock().await.extend(sample);
            }
        });
        Ok(Scraper { url, version, zero, samples, task })
    }

    /// The figures, and the server's version. `placements` say what was answered.
    pub(crate) async fn end(self, placements: &BTreeMap<String, Summary>) -> (ServerFigures, Option<String>) {
        self.task.abort();
        let mut samples = self.samples.lock().await;
        let since_last = samples.last().map(|last| self.zero.elapsed().as_secs_f64() - last.at);
        // A sample so soon after another would make CPU over time noise.
        if since_last.is_none_or(|seconds| seconds > 0.5) {
            samples.extend(self.url.sample(self.zero).await);
        }
        (figures(&samples, placements), self.version)
    }
}

fn figures(samples: &[MetricsSample], placements: &BTreeMap<String, Summary>) -> ServerFigures {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return ServerFigures::default();
    };
    let cores = samples.windows(WINDOW.min(samples.len() - 1) + 1).map(|window| {
        let (from, to) = (&window[0], &window[window.len() - 1]);
        (to.process_cpu_s - from.process_cpu_s) / (to.at - from.at).max(f64::MIN_POSITIVE)
    });
    let mut placement_cpu_us = BTreeMap::new();
    for (name, after) in &last.placement_cpu_s {
        let answered = placements.get(name).map_or(0, |summary| summary.answered);
        let before = first.placement_cpu_s.get(name).copied().unwrap_or(0.0);
        if answered > 0 {
            placement_cpu_us.insert(name.clone(), (after - before) * 1e6 / answered as f64);
        }
    }
    let hits = last.cache_hits - first.cache_hits;
    let lookups = hits + last.cache_misses - first.cache_misses;
    let reported =
        samples.iter().map(|s| ServerSample { at_s: s.at, cpu_s: s.process_cpu_s, rss_bytes: s.rss_bytes });
    ServerFigures {
        cpu_s: last.process_cpu_s - first.process_cpu_s,
        peak_cores: cores.fold(0.0, f64::max),
        peak_rss_bytes: samples.iter().map(|sample| sample.rss_bytes).fold(0.0, f64::max),
        placement_cpu_us,
        cache_hit_ratio: (lookups > 0.0).then(|| hits / lookups),
        samples: reported.collect(),
    }
}

impl MetricsSample {
    /// Series that differ in labels that are not asked for, such as the traffic class, are added up.
    fn read(at: f64, text: &str) -> MetricsSample {
        let mut sample = MetricsSample { at, ..MetricsSample::default() };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            // `name{label="value",…} 12.5`, of Prometheus' text format 0.0.4
            let name_ends = line.find(['{', ' ']).unwrap_or(line.len());
            let (labels, value) = line[name_ends..].rsplit_once(' ').unwrap_or_default();
            let Ok(value) = value.parse::<f64>() else { continue };
            match &line[..name_ends] {
                "process_cpu_seconds_total" => sample.process_cpu_s += value,
                "process_resident_memory_bytes" => sample.rss_bytes += value,
                "larder_cpu_seconds_total" => {
                    *sample.placement_cpu_s.entry(label(labels, "placement")).or_default() += value;
                }
                "larder_cache_requests_total" => match label(labels, "outcome").as_str() {
                    "hit" => sample.cache_hits += value,
                    "miss" => sample.cache_misses += value,
                    _ => {}
                },
                _ => {}
            }
        }
        sample
    }
}

/// The value of a label; empty if it is not there.
fn label(labels: &str, wanted: &str) -> String {
    let value = labels.split_once(&format!("{wanted}=\"")).and_then(|(_, rest)| rest.split_once('"'));
    value.map_or(String::new(), |(value, _)| value.to_owned())
}

impl MetricsUrl {
    /// None where the metrics cannot be read at this moment: a gap in a chart, and no reason to end the run.
    async fn sample(&self, zero: Instant) -> Option<MetricsSample> {
        let text = self.get(&self.path).await.ok()?;
        Some(MetricsSample::read(zero.elapsed().as_secs_f64(), &text))
    }

    async fn get(&self, path: &str) -> Result<String, ScrapeError> {
        let failed = |source| ScrapeError { authority: self.authority.clone(), source };
        let answered = tokio::time::timeout(PATIENCE, self.fetch(path)).await;
        answered.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(failed)
    }

    /// HTTP/1.0, so that the answer is all that comes until the server closes the connection.
    async fn fetch(&self, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(&self.authority).await?;
        let request = format!("GET {path} HTTP/1.0\r\nhost: {}\r\n\r\n", self.authority);
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.take(MAX_BYTES).read_to_string(&mut answer).await?;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.split(' ').nth(1) == Some("200") => Ok(body.to_owned()),
            _ => Err(io::Error::other(answer.lines().next().unwrap_or("no answer").to_owned())),
        }
    }
}

impl FromStr for MetricsUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<MetricsUrl, &'static str> {
        let parts = text.strip_prefix("http://").and_then(|rest| rest.split_once('/'));
        let whole = parts.filter(|(authority, path)| authority.contains(':') && !path.is_empty());
        let (authority, path) = whole.ok_or("not http://host:port/metrics")?;
        Ok(MetricsUrl { authority: authority.to_owned(), path: format!("/{path}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_with_labels_in_any_order_and_added_up_over_the_others() {
        let sample = MetricsSample::read(
            3.0,
            "# TYPE process_cpu_seconds_total counter\n\
             process_cpu_seconds_total 12.5\nprocess_resident_memory_bytes 5.2e7\n\n\
             larder_cpu_seconds_total{class=\"LIVE\",placement=\"pdp.similar\"} 2\n\
             larder_cpu_seconds_total{placement=\"pdp.similar\",class=\"SYNTHETIC\"} 3\n\
             larder_cpu_seconds_total{placement=\"a b}\"} 1\n\
             larder_cache_requests_total{placement=\"p\",outcome=\"hit\"} 30\n\
             larder_cache_requests_total{placement=\"p\",outcome=\"miss\"} 10\n\
             larder_cache_requests_total{placement=\"p\",outcome=\"bypass\"} 99\nbroken{ x\nnovalue\n",
        );
        assert_eq!((sample.at, sample.process_cpu_s, sample.rss_bytes), (3.0, 12.5, 5.2e7));
        assert_eq!((sample.placement_cpu_s["pdp.similar"], sample.placement_cpu_s["a b}"]), (5.0, 1.0));
        assert_eq!((sample.cache_hits, sample.cache_misses), (30.0, 10.0));
    }

    #[test]
    fn figures_are_differences_over_the_run() {
        // One core is busy from second 10 to 20.
        let sample = |at: i32| MetricsSample {
            at: f64::from(at),
            process_cpu_s: 7.0 + f64::from(at.clamp(10, 20) - 10),
            rss_bytes: 100.0 + f64::from(at),
            placement_cpu_s: [("p".to_owned(), 0.5 * f64::from(at))].into(),
            cache_hits: 3.0 * f64::from(at),
            cache_misses: f64::from(at),
        };
        let samples: Vec<MetricsSample> = (0..=30).map(sample).collect();
        let answered = [("p".to_owned(), Summary { answered: 1000, ..Summary::default() })].into();
        let figures = figures(&samples, &answered);
        assert_eq!((figures.cpu_s, figures.peak_cores, figures.peak_rss_bytes), (10.0, 1.0, 130.0));
        assert_eq!(figures.placement_cpu_us["p"], 15_000.0);
        assert_eq!((figures.cache_hit_ratio, figures.samples.len()), (Some(0.75), 31));
        assert_eq!(super::figures(&samples[..1], &answered).cpu_s, 0.0);
    }

    #[test]
    fn an_address_without_port_or_path_is_refused() {
        assert!("http://127.0.0.1:9090/metrics".parse::<MetricsUrl>().is_ok());
        for bad in ["", "127.0.0.1:9090", "http://h:1", "https://h:1/metrics", "http://h/metrics"] {
            assert!(bad.parse::<MetricsUrl>().is_err(), "{bad:?}");
        }
    }
}
