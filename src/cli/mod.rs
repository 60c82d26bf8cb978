//! The subcommands.

mod evaluate;
mod event_flags;
mod events;
mod key;
mod quarantine;
mod recommend;
mod replay;
mod report;
#[cfg(feature = "sample")]
mod sample;
mod serve;
mod snapshot;
mod terminal;
mod train;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::AppError;
use crate::artifact::table::TableError;
use crate::artifact::{PartError, StoreError};
use crate::config::{Config, ConfigError, Flags, Scope};
use crate::evaluate::TrainError;
use crate::recommender::RecommendError;
use crate::report::ReportError;
use crate::snapshot::{SignatureError, Snapshot, SnapshotError, open_snapshot};
use crate::train::EventsError;
use terminal::OutputError;

/// Bad usage or configuration, as in BSD's sysexits.h.
const EX_USAGE: u8 = 64;

#[derive(Debug, Parser)]
#[command(
    name = "larder",
    version,
    about = "A recommendation server, and the tools that prepare what it serves"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// In the order in which a newcomer needs them; clap prints them so.
#[derive(Debug, Subcommand)]
enum Command {
    /// Serve recommendations over gRPC and HTTP/JSON
    Serve(Box<serve::ServeArgs>),
    /// Ask a snapshot for recommendations, without a server
    Recommend(recommend::RecommendArgs),
    /// Build, verify, publish, roll back, inspect and list snapshots
    #[command(subcommand)]
    Snapshot(Box<snapshot::SnapshotCommand>),
    /// Train on events and a catalogue; write a snapshot and point its channel there
    Train(train::TrainArgs),
    /// Replay held-out events through the recommender and print the quality
    Evaluate(evaluate::EvaluateArgs),
    /// Say what became of what was shown: impressions, clicks and purchases, with intervals
    Report(report::ReportArgs),
    /// Ask what was asked once more, and say which slates are the ones that were shown
    Replay(replay::ReplayArgs),
    /// Check and follow the records of events, list those that could not be used, and use them after all
    #[command(subcommand)]
    Events(events::EventsCommand),
    /// Make API keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    #[command(hide = true)]
    Quarantine(quarantine::QuarantineArgs),
    /// Write the events and the catalogue of a generated sample shop
    #[cfg(feature = "sample")]
    Sample(sample::SampleArgs),
}

/// Where a command finds a snapshot.
#[derive(Debug, Args)]
struct Location {
    /// Store: a directory or s3://bucket/prefix; commands that only read take a snapshot's own directory too
    #[arg(long, env = "LARDER_STORE", default_value = "models")]
    store: String,
    /// Channel to read or switch
    #[arg(long, env = "LARDER_CHANNEL", default_value = "production")]
    channel: String,
}

impl Location {
    fn snapshot(&self, config: &Config) -> Result<Snapshot, SnapshotError> {
        open_snapshot(&self.store, &self.channel, &config.s3, &config.cache_dir, &config.snapshot.load)
    }
}

/// What can go wrong in a command.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Usage(String),
    /// A flag's value that its command cannot use.
    #[error("--{flag} {value}: expected {expected}")]
    Flag { flag: &'static str, value: String, expected: &'static str },
    /// A server was pointed at one snapshot instead of a store.
    #[error("store {} is a single snapshot, without a channel that a server could follow: {instead}", .store.display())]
    SingleSnapshot { store: PathBuf, instead: String },
    /// A snapshot that every server would refuse.
    #[error("{} would not be served: {source}; mend it, or publish it all the same with --force", .dir.display())]
    Unservable { dir: PathBuf, source: Box<SnapshotError> },
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error(transparent)]
    Table(#[from] TableError),
    /// Files that a flag names.
    #[error("--{flag} {source}")]
    Parts { flag: &'static str, source: PartError },
    #[error("--events {0}")]
    Events(#[from] EventsError),
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[cfg(feature = "sample")]
    #[error(transparent)]
    Sample(#[from] larder_sample::SampleError),
    #[error(transparent)]
    Request(#[from] RecommendError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{} cannot be read: {source}", .file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("{} cannot be written to: {source}", .file.display())]
    Unwritable { file: PathBuf, source: std::io::Error },
    /// A source of events.
    #[error(transparent)]
    Source(#[from] crate::connect::source::SourceError),
    /// What `events check` is for; the lines have been printed.
    #[error("{dead} events in {lines} lines cannot be used")]
    DeadEvents { dead: usize, lines: usize },
    /// Letters that were cut off; the others have been printed.
    #[error("{count} lines in {} are no dead letters", .dir.display())]
    DeadLetters { count: usize, dir: PathBuf },
    #[error(transparent)]
    Dead(#[from] crate::connect::dead::DeadError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl CliError {
    fn exit_code(&self) -> ExitCode {
        match self {
            // A supervisor may try again after 1, since a store or a port can come back. What is 64 stays wrong until
            // somebody changes it, and a location that no store can be opened on is of that kind.
            Self::Config(_) | Self::Usage(_) | Self::Flag { .. } | Self::SingleSnapshot { .. } => {
                ExitCode::from(EX_USAGE)
            }
            Self::App(
                AppError::Store(StoreError::Location { .. })
                | AppError::LiveMemory { .. }
                | AppError::Credentials(_)
                | AppError::Tls(_)
                | AppError::OpenControl { .. },
            )
            | Self::Store(StoreError::Location { .. }) => ExitCode::from(EX_USAGE),
            _ => ExitCode::FAILURE,
        }
    }
}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    crate::machine::give_back_at_once();
    // Not `parse`, which prints and exits by itself: it would exit with 2, and panic where nothing can be printed.
    let outcome = match Cli::try_parse() {
        Ok(cli) => run(cli.command),
        Err(usage) => match terminal::print_usage(&usage) {
            Ok(()) if usage.use_stderr() => return ExitCode::from(EX_USAGE),
            printed => printed.map_err(CliError::from),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // As ripgrep does: who closes the pipe has seen enough, and `set -o pipefail` should not call that a fault.
        Err(CliError::Output(error)) if error.reader_is_gone() => ExitCode::SUCCESS,
        Err(error) => {
            terminal::note(&error);
            error.exit_code()
        }
    }
}

fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Serve(args) => serve::run(&args),
        Command::Recommend(args) => recommend::run(&args),
        Command::Snapshot(command) => snapshot::run(&command),
        Command::Train(args) => train::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Events(command) => events::run(&command),
        Command::Key(command) => key::run(&command),
        Command::Quarantine(args) => quarantine::run(&args),
        #[cfg(feature = "sample")]
        Command::Sample(args) => sample::run(&args),
    }
}

/// The settings of a command that is no server: from the environment and its flags.
///
/// It reads no `larder.toml`: what a command publishes or rolls back should not hang on the directory it is run in.
fn settings<S: Scope>(flags: &Flags<S>) -> Result<Config, ConfigError> {
    let loaded = flags.load(None)?;
    for warning in &loaded.warnings {
        terminal::note(format_args!("warning: {warning}"));
    }
    Ok(loaded.config)
}
