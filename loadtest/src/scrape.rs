//! The server's own figures: its metrics in Prometheus' text format, read once a second while a run lasts.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::{Request, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::report::{ServerFigures, ServerSample, Summary};

/// Cores are counted over so many scrapes: a single second says more about the scheduler.
const WINDOW: usize = 5;
const PATIENCE: Duration = Duration::from_secs(2);

/// Where metrics are: `http://host:port/metrics`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MetricsUrl(Uri);

/// Metrics that cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScrapeError {
    #[error("{0:?} is not http://host:port/metrics")]
    Url(String),
    #[error("cannot read {url}: {reason}")]
    Get { url: String, reason: String },
}

/// Names and values.
type Labels = Vec<(String, String)>;

/// One reading of the metrics.
#[derive(Debug, Clone, Default)]
struct Sheet {
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
    version: Option<String>,
    stop: oneshot::Sender<()>,
    sheets: JoinHandle<Vec<Sheet>>,
}

impl Scraper {
    /// Fails if the metrics cannot be read now. Reads them at the moment `zero` and every second after it.
    pub(crate) async fn begin(
        url: &MetricsUrl,
        zero: Instant,
        duration: Duration,
    ) -> Result<Scraper, ScrapeError> {
        url.get(url.0.path()).await?;
        let status = url.get("/status").await.ok();
        let status: Option<serde_json::Value> = status.and_then(|text| serde_json::from_str(&text).ok());
        let version = status.and_then(|status| Some(status.get("version")?.as_str()?.to_owned()));
        let (stop, stopped) = oneshot::channel();
        let sheets = tokio::spawn(scrape(url.clone(), zero, duration, stopped));
        Ok(Scraper { version, stop, sheets })
    }

    /// What there is, and the server's version. `placements` are what was answered here.
    pub(crate) async fn end(self, placements: &BTreeMap<String, Summary>) -> (ServerFigures, Option<String>) {
        drop(self.stop);
        (figures(&self.sheets.await.unwrap_or_default(), placements), self.version)
    }
}

async fn scrape(
    url: MetricsUrl,
    zero: Instant,
    duration: Duration,
    mut stopped: oneshot::Receiver<()>,
) -> Vec<Sheet> {
    let mut sheets: Vec<Sheet> = Vec::new();
    let whole = (0..=duration.as_secs()).map(Duration::from_secs);
    for moment in whole.chain((duration.subsec_nanos() > 0).then_some(duration)) {
        let at = tokio::time::Instant::from_std(zero + moment);
        let last = tokio::select! {
            () = tokio::time::sleep_until(at) => false,
            _ = &mut stopped => true,
        };
        if last && sheets.last().is_some_and(|sheet| zero.elapsed().as_secs_f64() - sheet.at < 0.5) {
            break;
        }
        if let Ok(text) = url.get(url.0.path()).await {
            sheets.push(Sheet { at: zero.elapsed().as_secs_f64(), ..Sheet::read(&text) });
        }
        if last {
            break;
        }
    }
    sheets
}

fn figures(sheets: &[Sheet], placements: &BTreeMap<String, Summary>) -> ServerFigures {
    let (Some(first), Some(last)) = (sheets.first(), sheets.last()) else { return ServerFigures::default() };
    let cores = sheets.windows(WINDOW.min(sheets.len() - 1) + 1).filter_map(|window| {
        let (from, to) = (window.first()?, window.last()?);
        let seconds = to.at - from.at;
        (seconds > 0.0).then(|| (to.process_cpu_s - from.process_cpu_s) / seconds)
    });
    let placement_cpu_us = last.placement_cpu_s.iter().filter_map(|(name, after)| {
        let answered =
            placements.get(name).map(|summary| summary.answered).filter(|answered| *answered > 0)?;
        let before = first.placement_cpu_s.get(name).copied().unwrap_or(0.0);
        Some((name.clone(), (after - before) * 1e6 / answered as f64))
    });
    let hits = last.cache_hits - first.cache_hits;
    let asked = hits + last.cache_misses - first.cache_misses;
    let sample = |sheet: &Sheet| ServerSample {
        at_s: sheet.at,
        cpu_s: sheet.process_cpu_s,
        rss_bytes: sheet.rss_bytes,
    };
    ServerFigures {
        cpu_s: last.process_cpu_s - first.process_cpu_s,
        peak_cores: cores.fold(0.0, f64::max),
        peak_rss_bytes: sheets.iter().map(|sheet| sheet.rss_bytes).fold(0.0, f64::max),
        placement_cpu_us: placement_cpu_us.collect(),
        cache_hit_ratio: (asked > 0.0).then(|| hits / asked),
        samples: sheets.iter().map(sample).collect(),
    }
}

impl Sheet {
    fn read(text: &str) -> Sheet {
        let mut sheet = Sheet::default();
        for (name, labels, value) in text.lines().filter_map(line) {
            let label = |wanted: &str| {
                labels.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
            };
            match name {
                "process_cpu_seconds_total" => sheet.process_cpu_s = value,
                "process_resident_memory_bytes" => sheet.rss_bytes = value,
                "larder_cpu_seconds_total" => {
                    let placement = label("placement").unwrap_or_default().to_owned();
                    *sheet.placement_cpu_s.entry(placement).or_default() += value;
                }
                "larder_cache_requests_total" => match label("outcome") {
                    Some("hit") => sheet.cache_hits += value,
                    Some("miss") => sheet.cache_misses += value,
                    _ => {}
                },
                _ => {}
            }
        }
        sheet
    }
}

/// `name{label="value",…} 12.5`, of Prometheus' text format 0.0.4; nothing for comments and what is not such a line.
fn line(text: &str) -> Option<(&str, Labels, f64)> {
    let text = text.trim();
    let end = text.find(['{', ' ']).filter(|_| !text.starts_with('#'))?;
    let (name, mut rest) = text.split_at(end);
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner.trim_start();
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"")?;
            let mut value = String::new();
            let mut letters = after.char_indices();
            let close = loop {
                match letters.next()? {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match letters.next()?.1 {
                        'n' => '\n',
                        other => other,
                    }),
                    (_, other) => value.push(other),
                }
            };
            labels.push((label.trim().to_owned(), value));
            rest = after[close + 1..].trim_start_matches([',', ' ']);
        }
        rest = &rest[1..];
    }
    Some((name, labels, rest.split_whitespace().next()?.parse().ok()?))
}

impl MetricsUrl {
    async fn get(&self, path: &str) -> Result<String, ScrapeError> {
        let failed = |reason: String| ScrapeError::Get { url: self.0.to_string(), reason };
        let answered = tokio::time::timeout(PATIENCE, self.fetch(path)).await;
        answered.map_err(|_| failed(format!("no answer within {PATIENCE:?}")))?.map_err(failed)
    }

    async fn fetch(&self, path: &str) -> Result<String, String> {
        let said = |error: &dyn std::error::Error| error.to_string();
        let authority = self.0.authority().map(|authority| authority.as_str()).unwrap_or_default();
        let stream = tokio::net::TcpStream::connect(authority).await.map_err(|error| said(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| said(&error))?;
        tokio::spawn(async move { drop(connection.await) });
        let request = Request::get(path).header(header::HOST, authority).body(Empty::<Bytes>::new());
        let request = request.map_err(|error| said(&error))?;
        let response = sender.send_request(request).await.map_err(|error| said(&error))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| said(&error))?.to_bytes();
        if status.is_success() {
            Ok(String::from_utf8_lossy(&body).into_owned())
        } else {
            Err(status.to_string())
        }
    }
}

impl FromStr for MetricsUrl {
    type Err = ScrapeError;

    fn from_str(text: &str) -> Result<MetricsUrl, ScrapeError> {
        let uri: Option<Uri> = text.parse().ok();
        let whole =
            |uri: &Uri| uri.scheme_str() == Some("http") && uri.port().is_some() && uri.path().len() > 1;
        uri.filter(whole).map(MetricsUrl).ok_or_else(|| ScrapeError::Url(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_with_labels_in_any_order_and_strange_values() {
        let sheet = Sheet::read(concat!(
            "# HELP process_cpu_seconds_total CPU\n# TYPE process_cpu_seconds_total counter\n",
            "process_cpu_seconds_total 12.5\nprocess_resident_memory_bytes 5.2e7 1700000000\n\n",
            "larder_cpu_seconds_total{class=\"live\",placement=\"pdp.similar\"} 2\n",
            "larder_cpu_seconds_total{placement=\"pdp.similar\",class=\"synthetic\"} 3\n",
            "larder_cpu_seconds_total{placement=\"a \\\"}b\\\\\"} 1\n",
            "larder_cache_requests_total{placement=\"p\",outcome=\"hit\"} 30\n",
            "larder_cache_requests_total{placement=\"p\",outcome=\"miss\"} 10\n",
            "larder_cache_requests_total{placement=\"p\",outcome=\"bypass\"} 99\nbroken{ 1\nnovalue\n",
        ));
        assert_eq!((sheet.process_cpu_s, sheet.rss_bytes), (12.5, 5.2e7));
        assert_eq!((sheet.placement_cpu_s["pdp.similar"], sheet.placement_cpu_s["a \"}b\\"]), (5.0, 1.0));
        assert_eq!((sheet.cache_hits, sheet.cache_misses), (30.0, 10.0));
    }

    #[test]
    fn figures_are_differences_over_the_run() {
        let sheet = |at: f64, cpu: f64, rss: f64| Sheet {
            at,
            process_cpu_s: cpu,
            rss_bytes: rss,
            placement_cpu_s: [("p".to_owned(), cpu * 0.5)].into(),
            cache_hits: 3.0 * at,
            cache_misses: at,
        };
        // One core busy from second 10 to 20.
        let sheets: Vec<Sheet> = (0..30)
            .map(|at| sheet(f64::from(at), 7.0 + f64::from(at.clamp(10, 20) - 10), 100.0 + f64::from(at)))
            .collect();
        let answered = [("p".to_owned(), Summary { answered: 1000, ..Summary::default() })].into();
        let figures = figures(&sheets, &answered);
        assert_eq!((figures.cpu_s, figures.peak_cores, figures.peak_rss_bytes), (10.0, 1.0, 129.0));
        assert_eq!(figures.placement_cpu_us["p"], 5000.0);
        assert_eq!((figures.cache_hit_ratio, figures.samples.len()), (Some(0.75), 30));
        assert_eq!(super::figures(&sheets[..1], &answered).cpu_s, 0.0);
        assert_eq!(super::figures(&[], &answered), ServerFigures::default());
    }

    #[test]
    fn an_address_without_a_path_is_no_place_for_metrics() {
        assert!("http://127.0.0.1:9090/metrics".parse::<MetricsUrl>().is_ok());
        for bad in ["", "127.0.0.1:9090", "http://h:1", "https://h:1/metrics", "http://h/metrics"] {
            assert!(bad.parse::<MetricsUrl>().is_err(), "{bad:?}");
        }
    }
}
