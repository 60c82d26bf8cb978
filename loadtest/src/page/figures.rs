//! Which charts a report has: latency over time, the percentile curve, what was offered and answered, the server's CPU
//! and memory.

use crate::report::{Report, Summary};

use super::chart::{Axis, Chart, Colour, Line, Mark};

/// A chart with what stands above and below it.
#[derive(Debug)]
pub(super) struct Figure {
    pub(super) title: &'static str,
    pub(super) says: &'static str,
    pub(super) chart: Chart,
}

/// Lies under what was answered.
const OFFERED: &str = "offered";

const SECONDS: &str = "seconds after the warm-up";

/// Letters of a version that are written beside its mark.
const VERSION: usize = 32;

/// Only those that the report has something for.
pub(super) fn of(report: &Report) -> Vec<Figure> {
    [latency(report), curve(report), counts(report), cpu(report), memory(report)]
        .into_iter()
        .flatten()
        .collect()
}

fn latency(report: &Report) -> Option<Figure> {
    let of = |name, colour, of: fn(&Summary) -> Option<f64>| Line {
        name,
        colour,
        width: 2,
        points: over(report, of),
    };
    let lines = vec![
        of("p99", Colour::Red, |second| second.p99_ms),
        of("p90", Colour::Orange, |second| second.p90_ms),
        of("p50", Colour::Blue, |second| second.p50_ms),
    ];
    let y = Axis::log("milliseconds (log scale)", values(&lines));
    figure(
        report,
        "Latency over time",
        "Percentiles of the requests due in each second, from the moment each was due. Violet: a snapshot swap.",
        y,
        lines,
    )
}

fn curve(report: &Report) -> Option<Figure> {
    let summary = &report.summary;
    let named =
        [(0.5, summary.p50_ms), (0.9, summary.p90_ms), (0.99, summary.p99_ms), (0.999, summary.p999_ms)];
    let points: Vec<(f64, Option<f64>)> = if report.curve.is_empty() {
        named.into_iter().filter(|(_, ms)| ms.is_some()).collect()
    } else {
        let below = report.curve.iter().filter(|point| point.quantile < 1.0);
        below.map(|point| (point.quantile, Some(point.ms))).collect()
    };
    let most = points.last()?.0;
    let lines = vec![Line { name: "latency of the whole run", colour: Colour::Blue, width: 2, points }];
    let y = Axis::log("milliseconds (log scale)", values(&lines));
    let x =
        Axis::nines("share of the answers that were at least as fast (each nine takes as much room)", most);
    let chart = Chart { x, y, lines, marks: Vec::new() };
    Some(Figure {
        title: "Percentile curve",
        says: "The tail to the right: how slow the slowest are.",
        chart,
    })
}

fn counts(report: &Report) -> Option<Figure> {
    let of = |name, colour, of: fn(&Summary) -> u64| Line {
        name,
        colour,
        width: if name == OFFERED { 6 } else { 2 },
        points: report
            .seconds
            .iter()
            .map(|second| (second.second as f64, Some(of(&second.summary) as f64)))
            .collect(),
    };
    let mut lines = vec![
        of(OFFERED, Colour::Blue, |second| second.offered),
        of("answered", Colour::Green, |second| second.answered),
    ];
    let late = report.seconds.iter().any(|second| second.summary.in_time < second.summary.answered);
    if late && report.setup.deadline_ms.is_some() {
        lines.push(of("answered in time", Colour::Violet, |second| second.in_time));
    }
    lines.push(of("degraded", Colour::Orange, |second| second.degraded));
    lines.push(of("errors", Colour::Red, |second| second.errors));
    let y = Axis::linear("requests per second", most(&lines));
    figure(report, "Offered and answered", "By the second in which requests were due.", y, lines)
}

fn cpu(report: &Report) -> Option<Figure> {
    let samples = &report.server.as_ref()?.samples;
    let points = samples.windows(2).filter_map(|pair| {
        let [before, after] = pair else { return None };
        let length = after.at_s - before.at_s;
        let cores = (length > 0.0).then(|| (after.cpu_s - before.cpu_s) / length);
        (after.at_s >= 0.0).then_some((after.at_s, cores))
    });
    let lines = vec![Line { name: "cores busy", colour: Colour::Blue, width: 2, points: points.collect() }];
    let y = Axis::linear("cores", most(&lines));
    figure(report, "CPU of the server", "CPU seconds by second, from its own metrics.", y, lines)
}

fn memory(report: &Report) -> Option<Figure> {
    let samples = report.server.as_ref()?.samples.iter().filter(|sample| sample.at_s >= 0.0);
    let points = samples.map(|sample| (sample.at_s, Some(sample.rss_bytes / (1024.0 * 1024.0))));
    let lines =
        vec![Line { name: "resident memory", colour: Colour::Green, width: 2, points: points.collect() }];
    let y = Axis::linear("MiB", most(&lines));
    figure(report, "Memory of the server", "Resident memory, from its own metrics.", y, lines)
}

/// Over the time of the run, with its swaps; nothing if no line has a point.
fn figure(
    report: &Report,
    title: &'static str,
    says: &'static str,
    y: Axis,
    lines: Vec<Line>,
) -> Option<Figure> {
    values(&lines).next()?;
    let last = lines.iter().flat_map(|line| &line.points).map(|(at, _)| *at).fold(0.0, f64::max);
    let marks = report.swaps.iter().filter(|swap| swap.at_s <= last);
    let marks = marks.map(|swap| Mark { x: swap.at_s.max(0.0), text: shortened(&swap.to) }).collect();
    Some(Figure { title, says, chart: Chart { x: Axis::seconds(SECONDS, last), y, lines, marks } })
}

fn over(report: &Report, of: fn(&Summary) -> Option<f64>) -> Vec<(f64, Option<f64>)> {
    report.seconds.iter().map(|second| (second.second as f64, of(&second.summary))).collect()
}

fn values(lines: &[Line]) -> impl Iterator<Item = f64> {
    lines.iter().flat_map(|line| &line.points).filter_map(|(_, value)| *value)
}

fn most(lines: &[Line]) -> f64 {
    values(lines).fold(0.0, f64::max)
}

fn shortened(version: &str) -> String {
    match version.char_indices().nth(VERSION) {
        Some((at, _)) => format!("{}…", version.get(..at).unwrap_or(version)),
        None => version.to_owned(),
    }
}
