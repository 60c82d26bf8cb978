//! A report as people read it on a terminal.

use std::fmt::{self, Display, Formatter};

use crate::latency::Percentiles;
use crate::report::{LATE_MS, Report};
use crate::units::{figure, grouped, percent};

/// A report to be printed.
#[derive(Debug)]
pub(crate) struct Text<'a>(pub(crate) &'a Report);

impl Display for Text<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Text(report) = self;
        let (setup, summary) = (&report.setup, &report.summary);
        let requests = grouped(setup.requests as u64);
        writeln!(
            out,
            "{} at {} for {} s after {} s of warm-up, {requests} requests in the mix\n",
            setup.target, setup.profile, setup.duration_s, setup.warmup_s,
        )?;
        counts(out, report)?;
        let percentiles = [summary.p50_ms, summary.p90_ms, summary.p99_ms, summary.p999_ms, summary.max_ms];
        let [p50, p90, p99, p999, max] = percentiles.map(figure);
        writeln!(out, "\nlatency from the moment at which each request was due, in ms")?;
        writeln!(out, "  p50 {p50}   p90 {p90}   p99 {p99}   p99.9 {p999}   max {max}")?;
        placements(out, report)?;
        server(out, report)?;
        swaps(out, report)?;
        if report.lag.p99_ms.is_some_and(|lag| lag > LATE_MS) {
            writeln!(
                out,
                "\nwarning: this generator sent late (p99 {} ms, max {} ms), which is in the latencies: give it more \
                 CPU or a lower rate",
                figure(report.lag.p99_ms),
                figure(report.lag.max_ms),
            )?;
        }
        if !report.slo.is_empty() {
            writeln!(out)?;
        }
        report.slo.iter().try_for_each(|verdict| writeln!(out, "{verdict}"))
    }
}

fn counts(out: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let summary = &report.summary;
    let share = |count| format!("{:>10}   {:.2} %", grouped(count), percent(count, summary.offered));
    writeln!(out, "offered  {:>10}\nanswered {}", grouped(summary.offered), share(summary.answered))?;
    write!(out, "degraded {}", share(summary.degraded))?;
    for (name, count) in report.degraded.iter().chain(&report.causes) {
        write!(out, "   {name} {}", grouped(*count))?;
    }
    writeln!(out, "\nerrors   {}", share(summary.errors))?;
    for (code, error) in &report.errors {
        writeln!(out, "  {code} {}, such as: {}", grouped(error.count), error.example)?;
    }
    percentiles(out, "  failed after, ms:", &report.failures)?;
    percentiles(out, "  refused after, from the sending, ms:", &report.refusals)?;
    if let Some(deadline) = report.setup.deadline_ms {
        writeln!(out, "in time  {}   within {deadline} ms", share(summary.in_time))?;
    }
    if report.retries > 0 {
        let retries = grouped(report.retries);
        writeln!(
            out,
            "retries  {retries:>10}   of requests that a server had not begun with when it shut down"
        )?;
    }
    Ok(())
}

fn percentiles(out: &mut Formatter<'_>, what: &str, of: &Percentiles) -> fmt::Result {
    if of.p50_ms.is_none() {
        return Ok(());
    }
    let [p50, p99, max] = [of.p50_ms, of.p99_ms, of.max_ms].map(figure);
    writeln!(out, "{what} p50 {p50}   p99 {p99}   max {max}")
}

fn placements(out: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    // The summary above says it all for a single one.
    if report.placements.len() < 2 {
        return Ok(());
    }
    write!(out, "\n{:<24}", "placement")?;
    for name in ["offered", "errors", "degraded", "p50", "p99", "p99.9", "max", "cpu us"] {
        write!(out, "{name:>9}")?;
    }
    writeln!(out)?;
    for (name, of) in &report.placements {
        write!(out, "{name:<24}")?;
        for count in [of.offered, of.errors, of.degraded] {
            write!(out, "{:>9}", grouped(count))?;
        }
        for value in [of.p50_ms, of.p99_ms, of.p999_ms, of.max_ms, of.cpu_us_per_request] {
            write!(out, "{:>9}", figure(value))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn server(out: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let Some(server) = &report.server else { return Ok(()) };
    let mib = server.peak_rss_bytes / 1_048_576.0;
    writeln!(
        out,
        "\nserver   {} us of CPU a request, {:.2} s in all; at most {:.2} cores and {mib:.1} MiB of memory",
        figure(report.summary.cpu_us_per_request),
        server.cpu_s,
        server.peak_cores,
    )?;
    if let Some(ratio) = server.cache_hit_ratio {
        writeln!(out, "cache    {:.1} % of lookups were hits", 100.0 * ratio)?;
    }
    Ok(())
}

fn swaps(out: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let (Some(first), Some(last)) = (report.swaps.first(), report.swaps.last()) else { return Ok(()) };
    let windows = &report.swap_windows;
    let [inside, outside, ratio] = [windows.p99_inside_ms, windows.p99_outside_ms, windows.ratio].map(figure);
    writeln!(out, "\nswaps    {}, {} -> {}", report.swaps.len(), first.from, last.to)?;
    writeln!(
        out,
        "  p99 within {} s of one {inside} ms, in all other seconds {outside} ms ({ratio}x)",
        windows.side_s
    )
}
