//! The subcommands.

mod evaluate;
mod recommend;
#[cfg(feature = "sample")]
mod sample;
mod serve;
mod snapshot;
mod terminal;
mod train;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::AppError;
use crate::artifact::StoreError;
use crate::artifact::table::TableError;
use crate::config::ConfigError;
use crate::evaluate::TrainError;
use crate::recommender::RecommendError;
use crate::snapshot::{LoadOptions, SnapshotError};

/// Bad usage or configuration, as in BSD's sysexits.h.
const EX_USAGE: u8 = 64;

#[derive(Debug, Parser)]
#[command(name = "larder", version, about = "A recommendation server, and what it takes to stock it")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve recommendations over gRPC and HTTP/JSON
    Serve(Box<serve::ServeArgs>),
    /// Train on events and a catalogue; write a snapshot and point its channel there
    Train(train::TrainArgs),
    /// Replay held-out events through the recommender and print the quality
    Evaluate(evaluate::EvaluateArgs),
    /// Build, verify, publish, roll back, inspect and list snapshots
    #[command(subcommand)]
    Snapshot(snapshot::SnapshotCommand),
    /// Ask a snapshot for recommendations, without a server
    Recommend(recommend::RecommendArgs),
    /// Write the events and the catalogue of a generated sample shop
    #[cfg(feature = "sample")]
    Sample(sample::SampleArgs),
}

/// How a command loads a snapshot.
#[derive(Debug, Args)]
struct LoadArgs {
    /// Memory for one artifact of users' features, as the server that it is for has it
    #[arg(long, env = "LARDER_USER_FEATURES_MEMORY", default_value = "256MiB")]
    user_features_memory: String,
}

impl LoadArgs {
    fn options(&self) -> Result<LoadOptions, ConfigError> {
        let user_features_memory = crate::config::user_features_memory(&self.user_features_memory)?;
        Ok(LoadOptions { user_features_memory, ..LoadOptions::default() })
    }
}

/// What can go wrong in a command.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error("configuration: {0}")]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[cfg(feature = "sample")]
    #[error(transparent)]
    Sample(#[from] larder_sample::SampleError),
    #[error(transparent)]
    Request(#[from] RecommendError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    crate::machine::give_back_at_once();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(EX_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let outcome = match cli.command {
        Command::Serve(args) => serve::run(*args),
        Command::Train(args) => train::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Snapshot(command) => snapshot::run(&command),
        Command::Recommend(args) => recommend::run(&args),
        #[cfg(feature = "sample")]
        Command::Sample(args) => sample::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("larder: {error}");
            match error {
                CliError::Config(_) | CliError::Usage(_) => ExitCode::from(EX_USAGE),
                CliError::App(AppError::Store(StoreError::Location { .. }))
                | CliError::Store(StoreError::Location { .. }) => ExitCode::from(EX_USAGE),
                _ => ExitCode::FAILURE,
            }
        }
    }
}
