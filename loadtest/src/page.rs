//! A report as one HTML page: a fixed template with the report's JSON in it, which the page's own script draws.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::files::{self, FileError};
use crate::report::{Report, ReportError};

#[derive(Debug, Args)]
pub(crate) struct PageArgs {
    /// The report of a run
    #[arg(value_name = "RUN.json")]
    run: PathBuf,
    /// Where to write the page
    #[arg(long, value_name = "FILE.html")]
    pub(crate) out: PathBuf,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Write(FileError),
}

const TEMPLATE: &str = include_str!("page.html");
/// Where the template wants the report.
const PLACE: &str = "/* the report goes here */";

pub(crate) fn page(args: &PageArgs) -> Result<(), PageError> {
    write(&args.out, &Report::read(&args.run)?)
}

/// Writes the page of a report.
pub(crate) fn write(path: &Path, report: &Report) -> Result<(), PageError> {
    let page = filled(report)?;
    files::write(path, |out| out.write_all(page.as_bytes())).map_err(PageError::Write)
}

fn filled(report: &Report) -> Result<String, serde_json::Error> {
    // Within a script element only "</" and "<!--" mean anything to HTML, and JSON may spell `<` otherwise.
    let json = serde_json::to_string(report)?.replace('<', "\\u003c");
    Ok(TEMPLATE.replacen(PLACE, &json, 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::ErrorCount;

    fn embedded(page: &str) -> &str {
        let (_, rest) = page.split_once("<script type=\"application/json\" id=\"report\">").unwrap();
        rest.split_once("</script>").unwrap().0
    }

    #[test]
    fn the_page_has_the_report_and_nothing_in_it_can_become_a_tag() {
        let evil = "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>";
        let errors = [(evil.to_owned(), ErrorCount { count: 1, example: evil.to_owned() })].into();
        let mut report = Report { errors, ..Report::default() };
        report.setup.scenario = Some(evil.to_owned());
        let page = filled(&report).unwrap();
        let read: Report = serde_json::from_str(embedded(&page)).unwrap();
        assert_eq!((&read.errors[evil].example[..], read.setup.scenario.as_deref()), (evil, Some(evil)));
        assert_eq!(page.matches("<script").count(), TEMPLATE.matches("<script").count());
        assert!(!page.contains("<img") && !page.contains(PLACE));
    }

    /// The script puts text into the page as text only, and the page loads nothing.
    #[test]
    fn the_template_is_self_contained() {
        assert_eq!(TEMPLATE.matches(PLACE).count(), 1);
        for loads in ["src=", "href=", "url(", "@import", "fetch(", "XMLHttpRequest", "import "] {
            assert!(!TEMPLATE.contains(loads), "{loads}");
        }
        for parses in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!TEMPLATE.contains(parses), "{parses}");
        }
        assert!(TEMPLATE.contains("default-src 'none'") && TEMPLATE.contains("width=device-width"));
    }
}
