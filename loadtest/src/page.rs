//! A report as one HTML page: a fixed template with the report's JSON in it, which the page's own script draws.

use std::io::Write as _;
use std::path::PathBuf;

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
    let page = filled(&Report::read(&args.run)?)?;
    files::write(&args.out, |out| out.write_all(page.as_bytes())).map_err(PageError::Write)
}

fn filled(report: &Report) -> Result<String, serde_json::Error> {
    // Within a script element only "</" and "<!--" mean anything to HTML, and JSON may spell `<` otherwise.
    let json = serde_json::to_string(report)?.replace('<', "\\u003c");
    // Once: the report may contain the place's text as well.
    Ok(TEMPLATE.replacen(PLACE, &json, 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::ErrorCount;

    #[test]
    fn nothing_in_a_report_can_become_a_tag_of_its_page() {
        let evil = "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>";
        let errors = [(evil.to_owned(), ErrorCount { count: 1, example: evil.to_owned() })].into();
        let page = filled(&Report { errors, ..Report::default() }).unwrap();
        let (_, rest) = page.split_once("<script type=\"application/json\" id=\"report\">").unwrap();
        let read: Report = serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap();
        assert_eq!(read.errors[evil].example, evil);
        assert_eq!(page.matches("<script").count(), TEMPLATE.matches("<script").count());
        assert!(!page.contains("<img") && !page.contains(PLACE));
        // The script puts text into the page as text only, and the page loads nothing.
        for bad in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "src=",
            "href=",
            "url(",
        ] {
            assert!(!TEMPLATE.contains(bad), "{bad}");
        }
        assert!(TEMPLATE.contains("default-src 'none'") && TEMPLATE.contains("width=device-width"));
    }
}
