//! The commands that read the reports of runs: what two of them differ in, what a run would cost, how many replicas a
//! rate takes, and the page that people look at.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use crate::compare::{self, CompareReportsArgs};
use crate::cost::plan::{self, PlanArgs};
use crate::cost::{self, CostArgs};
use crate::page::{self, PageArgs};
use crate::report::{Report, Summary};

#[cfg(test)]
pub(crate) mod sample;

/// A command over reports that are there already; nothing is sent.
#[derive(Debug, Subcommand)]
pub(crate) enum Reading {
    /// Compare reports: ratios B/A, and whether they are more than noise
    Compare(CompareReportsArgs),
    /// Reckon dollars a month and per million recommendations from a report, on Fargate, EC2 and Lambda
    Cost(CostArgs),
    /// Say how many replicas of which size a rate takes, from a report, and what they cost
    Plan(PlanArgs),
    /// Make an HTML page of a report
    Page(PageArgs),
}

/// Why there is nothing to say.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadingError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} is not the report of a run (what `run --json` writes): {source}")]
    NotAReport { path: PathBuf, source: serde_json::Error },
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Prices(#[from] cost::prices::PricesError),
    #[error("{path} {lacks}")]
    Lacks { path: PathBuf, lacks: Lack },
    #[error("give reports in pairs, A then B: {given} are not pairs")]
    NotPairs { given: usize },
    #[error("cannot draw the page: {0}")]
    Draw(String),
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// What a report does not say and a command needs, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub(crate) enum Lack {
    #[error("has no CPU per request: run again with `--metrics http://host:port/metrics`")]
    Cpu,
    #[error("has no memory of the server: run again with `--metrics http://host:port/metrics`")]
    Memory,
    #[error("has no requests in it: give --rps, or a report of a run that sent some")]
    Requests,
}

/// A report from a file, with what only some reports have.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    pub(crate) path: PathBuf,
    pub(crate) report: Report,
    /// The rates that a search tried, in any order; empty for a plain run.
    pub(crate) trials: Vec<Trial>,
}

/// One rate that a search tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "Tried")]
pub(crate) struct Trial {
    pub(crate) rps: f64,
    /// Whether every rule of the search held, and the generator kept to its schedule.
    pub(crate) held: bool,
    pub(crate) p99_ms: Option<f64>,
}

/// A trial as reports have it: the p99 in its own summary, or beside the rate.
#[derive(Debug, Deserialize)]
struct Tried {
    rps: f64,
    held: bool,
    /// The generator was too slow: it says nothing about the server.
    #[serde(default)]
    void: bool,
    #[serde(default)]
    p99_ms: Option<f64>,
    #[serde(default)]
    summary: Summary,
}

impl From<Tried> for Trial {
    fn from(tried: Tried) -> Trial {
        let Tried { rps, held, void, p99_ms, summary } = tried;
        Trial { rps, held: held && !void, p99_ms: p99_ms.or(summary.p99_ms) }
    }
}

impl Reading {
    /// What to print.
    pub(crate) fn run(&self) -> Result<String, ReadingError> {
        match self {
            Reading::Compare(args) => compare::run(args),
            Reading::Cost(args) => cost::run(args),
            Reading::Plan(args) => plan::run(args),
            Reading::Page(args) => page::run(args),
        }
    }
}

impl Recorded {
    pub(crate) fn read(path: &Path) -> Result<Recorded, ReadingError> {
        let text =
            std::fs::read(path).map_err(|source| ReadingError::Read { path: path.to_owned(), source })?;
        let wrong = |source| ReadingError::NotAReport { path: path.to_owned(), source };
        let report = serde_json::from_slice(&text).map_err(wrong)?;
        let Beside { search } = serde_json::from_slice(&text).map_err(wrong)?;
        Ok(Recorded { path: path.to_owned(), report, trials: search.unwrap_or_default() })
    }
}

/// What some reports have beside the rest.
#[derive(Debug, Deserialize)]
struct Beside {
    #[serde(default)]
    search: Option<Vec<Trial>>,
}

/// The rates that a search tried, of a report that was not read from a file.
pub(crate) fn trials(report: &Report) -> Result<Vec<Trial>, ReadingError> {
    let Beside { search } = serde_json::from_value(serde_json::to_value(report)?)?;
    Ok(search.unwrap_or_default())
}

/// Either as text or as JSON, with a last line end.
pub(crate) fn shown<T: Display + Serialize>(answer: &T, form: Form) -> Result<String, ReadingError> {
    Ok(match form {
        Form::Text => answer.to_string(),
        Form::Json => serde_json::to_string_pretty(answer)? + "\n",
    })
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Form {
    Text,
    Json,
}

impl Form {
    /// From the flag `--json`.
    pub(crate) fn new(json: bool) -> Form {
        if json { Form::Json } else { Form::Text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_with_and_without_the_trials_of_a_search() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.json");
        let mut json = serde_json::to_value(sample::report()).unwrap();
        std::fs::write(&path, json.to_string()).unwrap();
        let plain = Recorded::read(&path).unwrap();
        assert_eq!(plain.report.summary, sample::report().summary);
        assert!(plain.trials.is_empty());

        json["search"] = serde_json::json!([
            {"rps": 900.0, "held": true, "p99_ms": 8.5, "more": 1},
            {"rps": 2000.0, "held": false, "p99_ms": null},
            {"rps": 1000.0, "held": true, "void": false, "summary": {"p99_ms": 9.5}},
            {"rps": 1500.0, "held": true, "void": true, "summary": {"p99_ms": 9.5}},
        ]);
        std::fs::write(&path, json.to_string()).unwrap();
        let trials = Recorded::read(&path).unwrap().trials;
        assert_eq!(trials[0], Trial { rps: 900.0, held: true, p99_ms: Some(8.5) });
        assert_eq!(trials[1].p99_ms, None);
        assert_eq!(trials[2], Trial { rps: 1000.0, held: true, p99_ms: Some(9.5) });
        assert!(!trials[3].held, "a trial that the generator spoiled shows nothing");
    }

    #[test]
    fn what_is_no_report_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("other.json");
        let said = |path: &Path| Recorded::read(path).unwrap_err().to_string();
        assert!(said(&path).contains("other.json"));
        std::fs::write(&path, "{}").unwrap();
        assert!(said(&path).contains("other.json is not the report of a run"), "{}", said(&path));
    }
}
