//! Families of metrics that are read from state when somebody scrapes, for the one registry that is handed down.
//!
//! A counter that a request increments is a plain number beside the code that counts; here it gets its name, its help
//! and its labels. So nothing but an addition happens on the request's path, and no list of metrics has to be kept
//! anywhere.

mod histogram;

use std::collections::HashMap;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Error, Registry};

pub(crate) use crate::domain::Histogram;

/// What a family of metrics is called and means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Declaration {
    /// The name; that of a counter ends in `_total`.
    pub(crate) name: &'static str,
    /// What is counted, in which unit, and what is left out: the HELP text, and the entry in docs/operations.md.
    pub(crate) help: &'static str,
    /// Names of the labels; each must have few values.
    pub(crate) labels: &'static [&'static str],
}

impl Declaration {
    /// Registers a counter: `read` gives the values that only grow while the process lives.
    pub(crate) fn counter(self, registry: &Registry, read: impl Read) -> Result<(), Error> {
        self.register(registry, MetricType::COUNTER, read)
    }

    /// Registers a gauge.
    pub(crate) fn gauge(self, registry: &Registry, read: impl Read) -> Result<(), Error> {
        self.register(registry, MetricType::GAUGE, read)
    }

    /// Registers a histogram: `read` adds with [`Samples::histogram`].
    pub(crate) fn histogram(self, registry: &Registry, read: impl Read) -> Result<(), Error> {
        self.register(registry, MetricType::HISTOGRAM, read)
    }

    fn register(self, registry: &Registry, kind: MetricType, read: impl Read) -> Result<(), Error> {
        let Self { name, help, labels } = self;
        let owned = labels.iter().map(|label| (*label).to_owned()).collect();
        let desc = Desc::new(name.to_owned(), help.to_owned(), owned, HashMap::new())?;
        registry.register(Box::new(Family { desc, labels, kind, read }))
    }
}

/// Adds the current samples of a family. Runs at each scrape, on the admin port's thread.
pub(crate) trait Read: Fn(&mut Samples) + Send + Sync + 'static {}

impl<F: Fn(&mut Samples) + Send + Sync + 'static> Read for F {}

struct Family<F> {
    desc: Desc,
    labels: &'static [&'static str],
    kind: MetricType,
    read: F,
}

impl<F: Read> Collector for Family<F> {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut samples = Samples { labels: self.labels, kind: self.kind, metrics: Vec::new() };
        (self.read)(&mut samples);
        let mut family = MetricFamily::default();
        family.set_name(self.desc.fq_name.clone());
        family.set_help(self.desc.help.clone());
        family.set_field_type(self.kind);
        family.set_metric(samples.metrics);
        vec![family]
    }
}

/// The samples of one family while they are read.
#[derive(Debug)]
pub(crate) struct Samples {
    labels: &'static [&'static str],
    kind: MetricType,
    metrics: Vec<Metric>,
}

impl Samples {
    /// Adds a value of a counter or gauge under these values of the family's labels.
    pub(crate) fn add(&mut self, labels: &[&str], value: f64) {
        let mut metric = self.labelled(labels);
        if self.kind == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.metrics.push(metric);
    }

    /// Adds a histogram under these values of the family's labels.
    pub(crate) fn histogram(&mut self, labels: &[&str], histogram: &Histogram) {
        let mut metric = self.labelled(labels);
        metric.set_histogram(histogram::to_proto(histogram));
        self.metrics.push(metric);
    }

    fn labelled(&self, values: &[&str]) -> Metric {
        debug_assert_eq!(values.len(), self.labels.len(), "a value for each of {:?}", self.labels);
        let pair = |(name, value): (&&str, &&str)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        };
        Metric::from_label(self.labels.iter().zip(values).map(pair).collect())
    }
}

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;

    use super::*;

    const REQUESTS: Declaration =
        Declaration { name: "x_requests_total", help: "Requests.", labels: &["placement", "code"] };

    fn text(registry: &Registry) -> String {
        TextEncoder.encode_to_string(&registry.gather()).unwrap()
    }

    #[test]
    fn a_family_has_help_a_type_and_quoted_labels() {
        let registry = Registry::new();
        REQUESTS.counter(&registry, |samples| samples.add(&["a\"b", "OK"], 3.0)).unwrap();
        let expected = "# HELP x_requests_total Requests.\n# TYPE x_requests_total counter\n\
                        x_requests_total{placement=\"a\\\"b\",code=\"OK\"} 3\n";
        assert_eq!(text(&registry), expected);
    }

    #[test]
    fn a_family_without_samples_is_left_out_and_one_that_is_declared_twice_refused() {
        let registry = Registry::new();
        REQUESTS.counter(&registry, |_| {}).unwrap();
        assert_eq!(text(&registry), "");
        REQUESTS.gauge(&registry, |_| {}).unwrap_err();
    }

    #[test]
    fn a_histogram_is_written_with_cumulative_buckets_in_seconds() {
        let registry = Registry::new();
        let waited = Declaration { name: "x_seconds", help: "Seconds.", labels: &[] };
        let read = |samples: &mut Samples| {
            let histogram = Histogram::default();
            for micros in [100, 101, 400, 6_000_000] {
                histogram.record(std::time::Duration::from_micros(micros));
            }
            samples.histogram(&[], &histogram);
        };
        waited.histogram(&registry, read).unwrap();
        let text = text(&registry);
        for line in [
            "# TYPE x_seconds histogram",
            r#"x_seconds_bucket{le="0.0001"} 1"#,
            r#"x_seconds_bucket{le="0.0005"} 3"#,
            r#"x_seconds_bucket{le="5"} 3"#,
            r#"x_seconds_bucket{le="+Inf"} 4"#,
            "x_seconds_sum 6.000601",
            "x_seconds_count 4",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
        }
    }
}
