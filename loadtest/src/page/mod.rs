//! One self-contained HTML page of a report: charts, tables, and how the run was made. It loads nothing and runs no script.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::reading::{self, ReadingError, Recorded, Trial};
use crate::report::Report;
use figures::Figure;
use html::{Html, escaped};

mod chart;
mod figures;
mod html;
mod tables;

/// A report and where its page goes.
#[derive(Debug, Args)]
pub(crate) struct PageArgs {
    /// The report of a run
    #[arg(value_name = "RUN.json")]
    run: PathBuf,
    /// Where to write the page
    #[arg(long, value_name = "FILE.html")]
    out: PathBuf,
}

const STYLE: &str = include_str!("style.css");

pub(crate) fn run(args: &PageArgs) -> Result<String, ReadingError> {
    let run = Recorded::read(&args.run)?;
    save(&args.out, &page(&run.report, &run.trials)?)?;
    Ok(format!("{} written\n", args.out.display()))
}

/// The page of a run that has just ended.
pub(crate) fn write(path: &Path, report: &Report) -> Result<(), ReadingError> {
    save(path, &page(report, &reading::trials(report)?)?)
}

fn save(path: &Path, page: &str) -> Result<(), ReadingError> {
    std::fs::write(path, page).map_err(|source| ReadingError::Write { path: path.to_owned(), source })
}

fn page(report: &Report, trials: &[Trial]) -> Result<String, ReadingError> {
    let setup = &report.setup;
    let name = setup.scenario.as_deref().unwrap_or("Load test");
    let mut page = Html::default();
    page.tags("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\" />");
    page.tags("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />");
    page.tags("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\" />");
    page.element("title", &format!("{name}: {}", setup.profile));
    page.tags("<style>").tags(STYLE).tags("</style></head><body>\n");
    page.element("h1", name);
    page.tags("<p class=\"soft\">");
    page.text(&format!(
        "{} at {}, {} s after {} s of warm-up",
        setup.target, setup.profile, setup.duration_s, setup.warmup_s
    ));
    page.tags("</p>");
    tables::warnings(&mut page, report);
    tables::summary(&mut page, report);
    tables::objectives(&mut page, report);
    for figure in figures::of(report) {
        draw(&mut page, &figure)?;
    }
    tables::placements(&mut page, report);
    tables::refusals(&mut page, report);
    tables::swaps(&mut page, report);
    tables::trials(&mut page, trials);
    tables::setup(&mut page, report);
    page.tags("</body></html>\n");
    Ok(page.into_string())
}

fn draw(page: &mut Html, figure: &Figure) -> Result<(), ReadingError> {
    page.element("h2", figure.title).tags("<figure role=\"img\" aria-label=\"");
    page.tags(&escaped(figure.title)).tags("\">").tags(&figure.chart.svg()?).tags("<figcaption>");
    for line in &figure.chart.lines {
        page.tags(&format!("<span><span class=\"key\" style=\"background:{}\"></span>", line.colour.css()));
        page.text(line.name).tags("</span>");
    }
    page.element("span", figure.says).tags("</figcaption></figure>\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::sample;
    use crate::tally::ErrorCount;

    fn parsed(page: &str) -> roxmltree::Document<'_> {
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
        roxmltree::Document::parse_with_options(page, options).unwrap()
    }

    fn named(page: &roxmltree::Document<'_>, tag: &str) -> usize {
        page.descendants().filter(|node| node.tag_name().name() == tag).count()
    }

    fn said(page: &roxmltree::Document<'_>) -> String {
        page.descendants().filter_map(|node| node.text()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_page_has_its_charts_tables_and_how_the_run_was_made() {
        let trials = [Trial { rps: 900.0, held: true, p99_ms: Some(8.5) }];
        let text = page(&sample::report(), &trials).unwrap();
        let page = parsed(&text);
        assert_eq!(named(&page, "svg"), 5);
        let said = said(&page);
        for part in [
            "reference-day",
            "Latency over time",
            "Percentile curve",
            "Offered and answered",
            "CPU of the server",
            "Memory of the server",
            "p99<10ms",
            "pdp.similar",
            "RESOURCE_EXHAUSTED",
            "over the limit",
            "v2",
            "larder-loadtest run --scenario day.toml",
            "a machine of two cores",
            "p99.9",
            "cores",
            "MiB",
            "900",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }

    #[test]
    fn what_a_server_says_cannot_become_a_tag() {
        let evil = "</p><script>alert(1)</script><img src=x onerror=alert(1)>\u{0}\u{1b}";
        let mut report = sample::report();
        report.errors = [(evil.to_owned(), ErrorCount { count: 1, example: evil.to_owned() })].into();
        report.degraded = [(evil.to_owned(), 7)].into();
        report.causes = [(evil.to_owned(), 7)].into();
        report.placements =
            report.placements.into_values().map(|summary| (evil.to_owned(), summary)).collect();
        report.swaps[0].to = evil.to_owned();
        report.swaps[0].from = evil.to_owned();
        report.slo[0].rule = evil.to_owned();
        let setup = &mut report.setup;
        setup.command = vec![evil.to_owned()];
        for text in [&mut setup.version, &mut setup.machine, &mut setup.target, &mut setup.profile] {
            evil.clone_into(text);
        }
        setup.scenario = Some(evil.to_owned());
        setup.server_version = Some(evil.to_owned());
        let text = page(&report, &[]).unwrap();
        let page = parsed(&text);
        assert_eq!((named(&page, "script"), named(&page, "img")), (0, 0));
        assert!(said(&page).contains("<script>alert(1)</script>"), "shown as text");
    }

    #[test]
    fn a_page_loads_nothing() {
        let text = page(&sample::report(), &[]).unwrap();
        let page = parsed(&text);
        for node in page.descendants() {
            for attribute in node.attributes() {
                let loads = ["src", "href", "xlink:href"].contains(&attribute.name());
                assert!(!loads, "{attribute:?}");
            }
        }
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }

    #[test]
    fn a_report_of_nothing_makes_a_page_too() {
        let text = page(&Report::default(), &[]).unwrap();
        assert_eq!(named(&parsed(&text), "svg"), 0);
        let mut stalled = sample::report();
        for second in &mut stalled.seconds {
            second.summary.p99_ms = None;
            second.summary.p90_ms = None;
            second.summary.p50_ms = None;
        }
        stalled.curve.clear();
        assert!(named(&parsed(&page(&stalled, &[]).unwrap()), "svg") >= 3);
    }
}
