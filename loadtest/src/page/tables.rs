//! What stands beside the charts: the figures that are quoted, verdicts, placements, refusals, swaps, how it was made.

use crate::reading::Trial;
use crate::report::{Report, Summary};
use crate::units::{grouped, ms, percent};

use super::html::Html;

pub(super) fn warnings(page: &mut Html, report: &Report) {
    if let Some(lag) = report.lag.p99_ms.filter(|lag| *lag > 1.0) {
        page.tags("<p class=\"warning\">").text(&format!(
            "The generator itself sent late (p99 {} ms), which is in the latencies: it had too little CPU.",
            ms(Some(lag))
        ));
        page.tags("</p>");
    }
}

/// The figures in large.
pub(super) fn summary(page: &mut Html, report: &Report) {
    let Summary { offered, answered, errors, degraded, in_time, .. } = report.summary;
    let summary = &report.summary;
    let share = |count| match count {
        0 => "0".to_owned(),
        count => format!("{} ({:.2} %)", grouped(count), percent(count, offered)),
    };
    let mut figures = vec![
        ("offered", grouped(offered)),
        ("answered", grouped(answered)),
        ("errors", share(errors)),
        ("degraded", share(degraded)),
        ("p50, ms", ms(summary.p50_ms)),
        ("p90, ms", ms(summary.p90_ms)),
        ("p99, ms", ms(summary.p99_ms)),
        ("p99.9, ms", ms(summary.p999_ms)),
        ("slowest, ms", ms(summary.max_ms)),
    ];
    if report.setup.deadline_ms.is_some() {
        figures.push(("within the deadline", format!("{:.2} %", percent(in_time, offered))));
    }
    if let Some(cpu) = summary.cpu_us_per_request {
        figures.push(("CPU a request, µs", format!("{cpu:.1}")));
    }
    if let Some(server) = &report.server {
        figures.push(("peak CPU, cores", format!("{:.3}", server.peak_cores)));
        figures.push(("peak memory, MiB", format!("{:.0}", server.peak_rss_bytes / (1024.0 * 1024.0))));
        if let Some(ratio) = server.cache_hit_ratio {
            figures.push(("result cache hits", format!("{:.1} %", 100.0 * ratio)));
        }
    }
    page.tags("<dl class=\"figures\">");
    for (name, figure) in figures {
        page.tags("<div>").element("dt", name).element("dd", &figure).tags("</div>");
    }
    page.tags("</dl>\n");
}

pub(super) fn objectives(page: &mut Html, report: &Report) {
    if report.slo.is_empty() {
        return;
    }
    page.element("h2", "Objectives").tags("<div class=\"words\"><table><tbody>");
    for verdict in &report.slo {
        let (class, word) = if verdict.held { ("good", "held") } else { ("bad", "broken") };
        let measured = verdict
            .measured
            .map_or("not measured".to_owned(), |value| format!("measured {}", rounded(value)));
        page.tags("<tr>").element("td", &verdict.rule).element("td", &measured);
        page.tags(&format!("<td class=\"{class}\">{word}</td></tr>"));
    }
    page.tags("</tbody></table></div>\n");
}

pub(super) fn placements(page: &mut Html, report: &Report) {
    if report.placements.is_empty() {
        return;
    }
    let cpu_of = |name: &str| {
        let server = report.server.as_ref()?;
        server.placement_cpu_us.get(name).copied()
    };
    let rows = report.placements.iter().map(|(name, of)| {
        let cpu = cpu_of(name).or(of.cpu_us_per_request).map_or("-".to_owned(), |cpu| format!("{cpu:.1}"));
        let counts = [of.offered, of.answered, of.errors, of.degraded].map(grouped);
        let times = [of.p50_ms, of.p90_ms, of.p99_ms, of.p999_ms, of.max_ms].map(ms);
        [name.clone()].into_iter().chain(counts).chain(times).chain([cpu]).collect()
    });
    let head = [
        "placement",
        "offered",
        "answered",
        "errors",
        "degraded",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "p99.9 ms",
        "max ms",
        "CPU µs",
    ];
    page.element("h2", "Placements").table(&head, &rows.collect::<Vec<_>>());
}

/// Errors by code, and degraded answers by level.
pub(super) fn refusals(page: &mut Html, report: &Report) {
    if !report.errors.is_empty() {
        page.element("h2", "Refusals and errors").tags("<div class=\"words\">");
        let rows = report
            .errors
            .iter()
            .map(|(code, error)| vec![code.clone(), grouped(error.count), error.example.clone()]);
        page.table(&["code", "count", "such as"], &rows.collect::<Vec<_>>()).tags("</div>");
        let failures = &report.failures;
        if failures.p50_ms.is_some() {
            let [p50, p99, max] = [failures.p50_ms, failures.p99_ms, failures.max_ms].map(ms);
            page.element("p", &format!("They came after p50 {p50} ms, p99 {p99} ms, at most {max} ms."));
        }
    }
    let refusals = &report.refusals;
    if refusals.p50_ms.is_some() {
        let [p50, p99, max] = [refusals.p50_ms, refusals.p99_ms, refusals.max_ms].map(ms);
        let said = format!(
            "Refusals (RESOURCE_EXHAUSTED), from when each was sent: p50 {p50} ms, p99 {p99} ms, at most {max} ms."
        );
        page.element("p", &said);
    }
    if report.retries > 0 {
        let said = format!(
            "{} requests were sent again, because a server that went had not begun with them.",
            grouped(report.retries)
        );
        page.element("p", &said);
    }
    if !report.degraded.is_empty() {
        let rows = report.degraded.iter().map(|(level, count)| vec![level.clone(), grouped(*count)]);
        page.element("h2", "Degraded answers").table(&["level", "count"], &rows.collect::<Vec<_>>());
        let rows: Vec<Vec<String>> =
            report.causes.iter().map(|(cause, count)| vec![cause.clone(), grouped(*count)]).collect();
        if !rows.is_empty() {
            page.table(&["cause (one answer may have several)", "count"], &rows);
        }
    }
}

pub(super) fn swaps(page: &mut Html, report: &Report) {
    if report.swaps.is_empty() {
        return;
    }
    let times = |ratio: Option<f64>| ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
    let rows = report.swaps.iter().map(|swap| {
        let [before, during, after] = [swap.p99_before_ms, swap.p99_during_ms, swap.p99_after_ms].map(ms);
        let versions = format!("{} → {}", swap.from, swap.to);
        vec![
            versions,
            format!("{:.1}", swap.at_s),
            before,
            during,
            after,
            times(swap.ratio),
            grouped(swap.errors),
        ]
    });
    let head = ["versions", "at s", "p99 before, ms", "during", "after", "during/before", "errors"];
    page.element("h2", "Snapshot swaps").table(&head, &rows.collect::<Vec<_>>());
    let windows = &report.swap_windows;
    let [inside, outside] = [windows.p99_inside_ms, windows.p99_outside_ms].map(ms);
    page.element(
        "p",
        &format!(
            "Within {} s of a swap p99 {inside} ms, in all other seconds {outside} ms ({} times).",
            windows.side_s,
            times(windows.ratio)
        ),
    );
}

pub(super) fn trials(page: &mut Html, trials: &[Trial]) {
    if trials.is_empty() {
        return;
    }
    let mut sorted = trials.to_vec();
    sorted.sort_by(|a, b| a.rps.total_cmp(&b.rps));
    let rows = sorted.iter().map(|trial| {
        let held = if trial.held { "held" } else { "broken" };
        vec![format!("{:.0}", trial.rps), ms(trial.p99_ms), held.to_owned()]
    });
    page.element("h2", "Rates tried")
        .table(&["requests/s", "p99 ms", "objectives"], &rows.collect::<Vec<_>>());
}

pub(super) fn setup(page: &mut Html, report: &Report) {
    let setup = &report.setup;
    let mut rows = vec![
        ("target", setup.target.clone()),
        ("rate", setup.profile.clone()),
        ("deadline", setup.deadline_ms.map_or("none".to_owned(), |ms| format!("{ms} ms"))),
        ("requests in the mix", grouped(setup.requests as u64)),
        ("generator", format!("larder-loadtest {}", setup.version)),
        ("server", setup.server_version.clone().unwrap_or_else(|| "not asked".to_owned())),
        ("machine", setup.machine.clone()),
        ("started at", moment(setup.started_at)),
    ];
    rows.retain(|(_, value)| !value.is_empty());
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    page.element("h2", "How it was made").tags("<div class=\"words\">");
    page.table(&["", ""], &rows).tags("</div>").element("pre", &setup.command.join(" "));
}

/// Seconds since 1970 as a date and time of UTC (Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn moment(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", second / 3600, second / 60 % 60, second % 60)
}

fn rounded(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates() {
        assert_eq!(moment(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(moment(951_782_399), "2000-02-28 23:59:59 UTC");
        assert_eq!(moment(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(moment(1_795_000_000), "2026-11-18 11:06:40 UTC");
    }
}
