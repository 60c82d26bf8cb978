//! A report as people read it.

use std::fmt::{self, Display, Formatter};

use crate::measure::LATE_MS;
use crate::report::{Percentiles, Report, Summary};
use crate::tally::{Counts, Tally};
use crate::units::{grouped, ms, percent};

/// Rows of the table over time, at most; longer runs have several seconds in a row.
const ROWS: usize = 30;

/// A report to be printed.
#[derive(Debug)]
pub(crate) struct Text<'a> {
    pub(crate) report: &'a Report,
    pub(crate) tally: &'a Tally,
}

impl Display for Text<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let report = self.report;
        let (setup, summary) = (&report.setup, &report.summary);
        writeln!(
            out,
            "{} at {} for {} s after {} s of warm-up, {} requests in the mix\n",
            setup.target,
            setup.profile,
            setup.duration_s,
            setup.warmup_s,
            grouped(setup.requests as u64),
        )?;
        counts(out, report)?;

        writeln!(out, "\nlatency from the scheduled moment, in ms")?;
        let [p50, p90, p99, p999, max] =
            [summary.p50_ms, summary.p90_ms, summary.p99_ms, summary.p999_ms, summary.max_ms].map(ms);
        writeln!(out, "  p50 {p50}   p90 {p90}   p99 {p99}   p99.9 {p999}   max {max}\n")?;
        placements(out, report)?;
        server(out, report)?;
        over_time(out, self.tally)?;
        swaps(out, report)?;
        if report.lag.p99_ms.is_some_and(|lag| lag > LATE_MS) {
            writeln!(
                out,
                "\nwarning: this generator sent late (p99 {} ms, max {} ms), which is in the figures: give it more CPU, or ask for less",
                ms(report.lag.p99_ms),
                ms(report.lag.max_ms),
            )?;
        }
        if !report.slo.is_empty() {
            writeln!(out)?;
            report.slo.iter().try_for_each(|verdict| writeln!(out, "{verdict}"))?;
        }
        Ok(())
    }
}

fn counts(out: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let summary = &report.summary;
    let share = |count| format!("{:>10}   {:.2} %", grouped(count), percent(count, summary.offered));
    writeln!(out, "offered  {:>10}", grouped(summary.offered))?;
    writeln!(out, "answered {}", share(summary.answered))?;
    write!(out, "degraded {}", share(summary.degraded))?;
    report.degraded.iter().try_for_each(|(level, count)| write!(out, "   {level} {}", grouped(*count)))?;
    if !report.causes.is_empty() {
        write!(out, "\n  because of")?;
        report.causes.iter().try_for_each(|(cause, count)| write!(out, "   {cause} {}", grouped(*count)))?;
    }
    writeln!(out, "\nerrors   {}", share(summary.errors))?;
    for (code, error) in &report.errors {
        writeln!(out, "  {code} {}, such as: {}", grouped(error.count), error.example)?;
    }
    if summary.errors > 0 {
        let failures = &report.failures;
        let [p50, p99, max] = [failures.p50_ms, failures.p99_ms, failures.max_ms].map(ms);
        writeln!(out, "  after ms: p50 {p50}   p99 {p99}   max {max}")?;
    }
    if report.refusals != Percentiles::default() {
        let refusals = &report.refusals;
        let [p50, p99, max] = [refusals.p50_ms, refusals.p99_ms, refusals.max_ms].map(ms);
        writeln!(out, "  refusals, from their sending, ms: p50 {p50}   p99 {p99}   max {max}")?;
    }
    if let Some(deadline) = report.setup.deadline_ms {
        writeln!(out, "in time  {}   within {deadline} ms", share(summary.in_time))?;
    }
    if report.retries > 0 {
        writeln!(out, "retries  {:>10}   not begun by a server that said goodbye", grouped(report.retries))?;
    }
    Ok(())
}

fn placements(out: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    if report.placements.len() < 2 {
        return Ok(());
    }
    let head = ["offered", "errors", "degraded", "p50", "p99", "p99.9", "max", "cpu us"];
    write!(out, "{:<24}", "placement")?;
    head.iter().try_for_each(|name| write!(out, "{name:>9}"))?;
    writeln!(out)?;
    for (name, summary) in &report.placements {
        write!(out, "{name:<24}")?;
        [summary.offered, summary.errors, summary.degraded]
            .iter()
            .try_for_each(|count| write!(out, "{:>9}", grouped(*count)))?;
        [summary.p50_ms, summary.p99_ms, summary.p999_ms, summary.max_ms, summary.cpu_us_per_request]
            .iter()
            .try_for_each(|value| write!(out, "{:>9}", ms(*value)))?;
        writeln!(out)?;
    }
    writeln!(out)
}

fn server(out: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let Some(server) = &report.server else { return Ok(()) };
    writeln!(
        out,
        "server   {} us of CPU a request, {:.2} s in all, {:.2} cores at most, {:.1} MiB of memory at most",
        ms(report.summary.cpu_us_per_request),
        server.cpu_s,
        server.peak_cores,
        server.peak_rss_bytes / 1_048_576.0,
    )?;
    if let Some(ratio) = server.cache_hit_ratio {
        writeln!(out, "cache    {:.1} % of those that asked it", 100.0 * ratio)?;
    }
    writeln!(out)
}

fn over_time(out: &mut Formatter<'_>, tally: &Tally) -> fmt::Result {
    let head = ["second", "offered", "answered", "errors", "degraded", "p50", "p90", "p99", "max"];
    head.iter().try_for_each(|name| write!(out, "{name:>9}"))?;
    writeln!(out)?;
    let step = tally.seconds.len().div_ceil(ROWS).max(1);
    for (row, seconds) in tally.seconds.chunks(step).enumerate() {
        let mut sum = Counts::new(&tally.lag);
        seconds.iter().for_each(|second| sum.add(second));
        let Summary { offered, answered, errors, degraded, p50_ms, p90_ms, p99_ms, max_ms, .. } =
            Summary::new(&sum);
        write!(out, "{:>9}", row * step)?;
        [offered, answered, errors, degraded]
            .iter()
            .try_for_each(|count| write!(out, "{:>9}", grouped(*count)))?;
        [p50_ms, p90_ms, p99_ms, max_ms].iter().try_for_each(|value| write!(out, "{:>9}", ms(*value)))?;
        writeln!(out)?;
    }
    Ok(())
}

fn swaps(out: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    if report.swaps.is_empty() {
        return Ok(());
    }
    let times = |ratio: Option<f64>| ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}x"));
    let windows = &report.swap_windows;
    writeln!(out, "\nsnapshot swaps: p99 in ms, within {} s of the swap and beside that", windows.side_s)?;
    for swap in &report.swaps {
        let [before, during, after] = [swap.p99_before_ms, swap.p99_during_ms, swap.p99_after_ms].map(ms);
        writeln!(
            out,
            "  at {:.1} s   before {before}   during {during} ({})   after {after}   errors {}   {} -> {}",
            swap.at_s,
            times(swap.ratio),
            swap.errors,
            swap.from,
            swap.to,
        )?;
    }
    let [inside, outside] = [windows.p99_inside_ms, windows.p99_outside_ms].map(ms);
    writeln!(out, "  all windows {inside}, all other seconds {outside} ({})", times(windows.ratio))
}
