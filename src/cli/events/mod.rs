//! `larder events …`: what records say, and those that could not be used.

mod check;
mod dead;

use clap::Subcommand;

use super::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum EventsCommand {
    /// Decode a file of records, a line each, and say what each becomes or why it cannot be used
    Check(check::CheckArgs),
    /// List the events that a server could not use
    Dead(dead::DeadArgs),
}

pub(super) fn run(command: &EventsCommand) -> Result<(), CliError> {
    match command {
        EventsCommand::Check(args) => check::run(args),
        EventsCommand::Dead(args) => dead::run(args),
    }
}
