//! Open-loop load generator for Larder.
//!
//! Exit codes: 0 all well; 1 the servers or the objectives fell short; 64 bad arguments or input; 69 no server; 74 a
//! file could not be written.

mod bare;
mod cli;
mod draw;
mod latency;
mod mix;
mod pace;
mod progress;
mod report;
mod run;
mod shoppers;
mod slates;
mod slo;
mod swaps;
mod tally;
mod target;
mod text;
mod units;

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser as _;
use clap::error::ErrorKind;
use larder_proto::v1;

use crate::bare::BareError;
use crate::cli::{Cli, Command, CompareArgs, RecordArgs, RunArgs, ShopArgs};
use crate::mix::{Mix, MixError, SentAs};
use crate::pace::Profile;
use crate::report::{Report, Setup};
use crate::run::{Load, locked};
use crate::shoppers::Shop;
use crate::tally::Tally;
use crate::target::{Server, TargetError};
use crate::text::Text;
use crate::units::grouped;

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Mix(#[from] MixError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Bare(#[from] bare::BareError),
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
                Error::Mix(_) | Error::Bare(BareError::Mix(_)) => 64,
                Error::Target(_) | Error::Bare(BareError::Target(_) | BareError::Refused { .. }) => 69,
                Error::Write { .. } | Error::Start(_) | Error::Histogram(_) | Error::Bare(_) => 74,
            })
        }
    }
}

fn start(cli: Cli) -> Verdict {
    if let Command::Bare(args) = &cli.command {
        return Ok(bare::serve(args, cli.threads, made_up).map(|()| true)?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(usize::from(cli.threads))
        .enable_all()
        .build()?;
    match cli.command {
        Command::Run(args) => runtime.block_on(load(*args)),
        Command::Record(args) => record(&args),
        Command::CompareSlates(args) => runtime.block_on(compare(args)),
        Command::Bare(_) => Ok(true), // has a runtime of its own, above
    }
}

async fn load(args: RunArgs) -> Verdict {
    let requests = match &args.requests {
        Some(path) => mix::read(path)?,
        None => made_up(&args.shop)?,
    };
    let mix = Mix::new(requests, args.traffic_class)?;
    let setup = Setup {
        command: std::env::args().collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        profile: format!("constant {}/s", args.rps),
        started_at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
        target: args.target.to_string(),
        rps: args.rps,
        warmup_s: args.warmup.as_secs_f64(),
        duration_s: args.duration.as_secs_f64(),
        requests: mix.len(),
        ..Setup::default()
    };
    let server = Arc::new(Server::connect(&args.target, args.connections).await?);
    let load = Arc::new(Load {
        mix,
        profile: Profile::Constant { rps: args.rps },
        warmup: args.warmup,
        duration: args.duration,
        timeout: args.timeout,
        max_in_flight: args.max_in_flight,
    });
    let tally = Arc::new(Mutex::new(Tally::new(args.warmup)?));
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await // then Ctrl-C cannot be noticed
        }
    };
    tokio::select! {
        done = run::run(server, load, tally.clone(), interrupted) => done?,
        () = progress::show(tally.clone(), args.warmup, args.duration) => {}
    }
    progress::clear();

    let tally = locked(&tally);
    let mut report = Report::new(setup, &tally, args.warmup, args.swap_window);
    if let Some(slo) = &args.slo {
        report.slo = slo.judge(&report);
    }
    if let Some(path) = &args.json {
        write_to(path, |out| {
            serde_json::to_writer_pretty(&mut *out, &report)?;
            writeln!(out)
        })?;
    }
    print(&Text { report: &report, tally: &tally })?;
    Ok(report.slo.iter().all(|verdict| verdict.held))
}

fn record(args: &RecordArgs) -> Verdict {
    let requests = made_up(&args.shop)?;
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
    let a = Arc::new(Server::connect(&args.a, connections).await?);
    let b = Arc::new(Server::connect(&args.b, connections).await?);
    let comparison = slates::compare(a, b, mix, args.count, args.at_a_time).await;
    print(&comparison)?;
    Ok(comparison.same())
}

fn made_up(args: &ShopArgs) -> Result<Vec<v1::RecommendRequest>, MixError> {
    let ids = |path: &Option<PathBuf>| path.as_deref().map_or(Ok(Vec::new()), mix::read_ids);
    let shop = Shop {
        placements: args.placements.clone(),
        items: ids(&args.items)?,
        users: ids(&args.users)?,
        contexts: args.contexts.clone(),
        zipf: args.zipf,
    };
    Ok(shoppers::requests(&shop, args.count, args.seed))
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
