//! Open-loop load generator for Larder.
//!
//! Exit codes: 0 all well; 1 the servers or the objectives fell short; 64 bad arguments or input; 69 no server; 74 a
//! file could not be written.

mod bare;
mod cli;
mod clock;
mod compare;
mod cost;
mod draw;
mod latency;
mod live;
mod measure;
mod mix;
mod page;
mod profile;
mod reading;
mod report;
mod run;
mod scenario;
mod scrape;
mod search;
mod settings;
mod shoppers;
mod slates;
mod slo;
mod snapshot;
mod swaps;
mod tally;
mod target;
mod text;
mod units;

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::bare::BareError;
use crate::cli::{Cli, Command, CompareArgs, RecordArgs, RunArgs};
use crate::measure::{measure, search};
use crate::mix::{Mix, MixError, SentAs};
use crate::run::RunError;
use crate::scrape::ScrapeError;
use crate::settings::{Settings, SettingsError};
use crate::target::{Server, TargetError};
use crate::text::Text;
use crate::units::grouped;

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Mix(#[from] MixError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Bare(#[from] BareError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Metrics(#[from] ScrapeError),
    #[error(transparent)]
    Reading(#[from] reading::ReadingError),
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    #[error("cannot count: {0}")]
    Histogram(#[from] hdrhistogram::CreationError),
}

/// Whether all was well.
type Verdict = Result<bool, Error>;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            drop(error.print());
            let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return ExitCode::from(if asked_for { 0 } else { 64 });
        }
    };
    match start(cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            drop(writeln!(io::stderr(), "error: {error}"));
            ExitCode::from(match error {
                Error::Reading(reading::ReadingError::Write { .. }) => 74,
                Error::Mix(_) | Error::Settings(_) | Error::Reading(_) => 64,
                Error::Bare(BareError::Settings(_)) => 64,
                Error::Target(_) | Error::Metrics(_) | Error::Run(RunError::Target(_)) => 69,
                Error::Bare(BareError::Target(_) | BareError::Refused { .. }) => 69,
                Error::Write { .. } | Error::Start(_) | Error::Histogram(_) | Error::Run(_) => 74,
                Error::Bare(_) => 74,
            })
        }
    }
}

fn start(cli: Cli) -> Verdict {
    if let Command::Bare(args) = &cli.command {
        return Ok(bare::serve(args, cli.threads).map(|()| true)?); // with a runtime of its own
    }
    // Requests of a run have threads of their own: this one shows, reads metrics and waits.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    match cli.command {
        Command::Run(args) => runtime.block_on(load(*args, cli.threads)),
        Command::Record(args) => record(&args),
        Command::CompareSlates(args) => runtime.block_on(compare(args)),
        Command::Reading(reading) => print(&reading.run()?).map(|()| true),
        Command::Bare(_) => Ok(true), // has a runtime of its own, above
    }
}

async fn load(args: RunArgs, threads: u16) -> Verdict {
    let settings = Settings::new(&args)?;
    let measured = match &args.search {
        Some(rules) => search(&args, threads, &settings, rules).await?,
        None => Some(measure(&args, threads, &settings, settings.schedule).await?),
    };
    let Some(mut measured) = measured else {
        note("no rate was found at which the rules hold")?;
        return Ok(false);
    };
    let report = &mut measured.report;
    if let Some(slo) = &settings.slo {
        let verdicts = slo.judge(report);
        report.slo.extend(verdicts);
    }
    if let Some(path) = &args.json {
        write_to(path, |out| {
            serde_json::to_writer_pretty(&mut *out, &report)?;
            writeln!(out)
        })?;
    }
    if let Some(path) = &args.html {
        page::write(path, report)?;
    }
    print(&Text { report, tally: &measured.tally })?;
    Ok(report.slo.iter().all(|verdict| verdict.held))
}

fn record(args: &RecordArgs) -> Verdict {
    let requests = settings::to_record(args.scenario.as_deref(), &args.shop)?;
    write_to(&args.out, |out| {
        for request in &requests {
            serde_json::to_writer(&mut *out, request)?;
            writeln!(out)?;
        }
        Ok(())
    })?;
    print(&format_args!("{} requests written to {}\n", grouped(requests.len() as u64), args.out.display()))?;
    Ok(true)
}

async fn compare(args: CompareArgs) -> Verdict {
    let mix = Arc::new(Mix::new(mix::read(&args.requests)?, SentAs::Synthetic)?);
    let connections = Some(args.at_a_time as usize);
    let a = Arc::new(Server::connect(&args.a, connections, None).await?);
    let b = Arc::new(Server::connect(&args.b, connections, None).await?);
    let comparison = slates::compare(a, b, mix, args.count, args.at_a_time).await;
    print(&comparison)?;
    Ok(comparison.same())
}

/// A line beside the result.
fn note(text: &str) -> Result<(), Error> {
    writeln!(io::stderr(), "{text}").map_err(|source| Error::Write { path: "standard error".into(), source })
}

fn print(text: &dyn std::fmt::Display) -> Result<(), Error> {
    let written = match write!(io::stdout(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()), // `| head` has seen enough
        written => written,
    };
    written.map_err(|source| Error::Write { path: "standard output".into(), source })
}

fn write_to(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), Error> {
    let written = File::create(path).and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.flush()
    });
    written.map_err(|source| Error::Write { path: path.to_owned(), source })
}
