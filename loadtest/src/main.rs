//! Open-loop load generator for Larder.
//!
//! Exit codes: 0 all well; 1 the servers or the objectives fell short; 64 bad arguments or input; 69 no server; 74 a
//! file could not be written.

mod baseline;
mod cli;
mod clock;
mod compare;
mod cost;
mod files;
mod latency;
mod measure;
mod mix;
mod page;
mod profile;
mod progress;
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

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::baseline::BaselineError;
use crate::cli::{Cli, Command, RecordArgs};
use crate::measure::MeasureError;
use crate::page::PageError;
use crate::run::RunError;
use crate::scenario::Scenario;
use crate::settings::{RunArgs, Settings};
use crate::slates::SlatesError;
use crate::text::Text;
use crate::units::grouped;

/// Bad arguments or input: EX_USAGE of sysexits.h.
const USAGE: u8 = 64;
/// No server, or one that refuses: EX_UNAVAILABLE.
const UNAVAILABLE: u8 = 69;
/// Something could not be written or started: EX_IOERR.
const IO: u8 = 74;

/// Why there is no verdict.
struct Failure {
    exit_code: u8,
    error: Box<dyn Error>,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            drop(error.print());
            let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return ExitCode::from(if is_help { 0 } else { USAGE });
        }
    };
    match start(cli.command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Failure { exit_code, error }) => {
            drop(writeln!(io::stderr(), "error: {error}"));
            ExitCode::from(exit_code)
        }
    }
}

/// Whether all was well.
fn start(command: Command) -> Result<bool, Failure> {
    match command {
        Command::Run(args) => run(&args),
        Command::Record(args) => record(&args),
        Command::CompareSlates(args) => {
            let compared = runtime()?.block_on(slates::compare(&args)).map_err(|error| match error {
                SlatesError::Mix(_) => fail(USAGE, error),
                SlatesError::Connect(_) => fail(UNAVAILABLE, error),
            })?;
            print(&compared)?;
            Ok(compared.is_same())
        }
        Command::Baseline(args) => baseline::serve(&args).map(|()| true).map_err(|error| match error {
            BaselineError::Mix(_) => fail(USAGE, error),
            BaselineError::Connect(_) | BaselineError::Refused { .. } => fail(UNAVAILABLE, error),
            BaselineError::Serve(_) => fail(IO, error),
        }),
        Command::Page(args) => {
            page::page(&args).map_err(|error| match error {
                PageError::Report(_) | PageError::Json(_) => fail(USAGE, error),
                PageError::Write(_) => fail(IO, error),
            })?;
            print(&format_args!("{} written\n", args.out.display()))
        }
        Command::Compare(args) => print(&compare::compare(&args).map_err(|error| fail(USAGE, error))?),
        Command::Cost(args) => print(&cost::cost(&args).map_err(|error| fail(USAGE, error))?),
        Command::Plan(args) => print(&cost::plan(&args).map_err(|error| fail(USAGE, error))?),
    }
}

fn run(args: &RunArgs) -> Result<bool, Failure> {
    let settings = Settings::new(args).map_err(|error| fail(USAGE, error))?;
    let measured = runtime()?.block_on(measure::measure(args, &settings)).map_err(|error| match error {
        MeasureError::Run(RunError::Connect(_)) | MeasureError::Scrape(_) => fail(UNAVAILABLE, error),
        MeasureError::Run(_) | MeasureError::Histogram(_) => fail(IO, error),
    })?;
    let Some(mut report) = measured else {
        drop(writeln!(io::stderr(), "no rate was found at which the rules hold"));
        return Ok(false);
    };
    if let Some(slo) = &args.slo {
        report.slo.extend(slo.judge(&report));
    }
    if let Some(path) = &args.json {
        let written = files::write(path, |out| writeln!(out, "{}", serde_json::to_string_pretty(&report)?));
        written.map_err(|error| fail(IO, error))?;
    }
    print(&Text(&report))?;
    Ok(report.slo.iter().all(|verdict| verdict.held))
}

fn record(args: &RecordArgs) -> Result<bool, Failure> {
    let scenario = Scenario::read(args.made_up.scenario.as_deref()).map_err(|error| fail(USAGE, error))?;
    let requests = scenario.make_up(&args.made_up).map_err(|error| fail(USAGE, error))?;
    let written = files::write(&args.out, |out| {
        requests.iter().try_for_each(|request| writeln!(out, "{}", serde_json::to_string(request)?))
    });
    written.map_err(|error| fail(IO, error))?;
    print(&format_args!("{} requests written to {}\n", grouped(requests.len() as u64), args.out.display()))
}

/// Requests of a run have threads of their own: this one shows the progress, reads metrics and waits.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(1).enable_all().build().map_err(|error| fail(IO, error))
}

fn fail(exit_code: u8, error: impl Error + 'static) -> Failure {
    Failure { exit_code, error: Box::new(error) }
}

fn print(text: &dyn Display) -> Result<bool, Failure> {
    match write!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(fail(IO, error)),
        // `| head` may have read enough.
        _ => Ok(true),
    }
}
