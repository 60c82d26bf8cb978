//! `larder events …`: what records say, and those that could not be used.

mod check;
mod dead;
mod mapped;
mod print;
mod replay_dead;
mod tail;

use clap::Subcommand;

use super::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum EventsCommand {
    /// Decode a file of records, a line each, and say what each becomes or why it cannot be used
    Check(check::CheckArgs),
    /// List the events that a server could not use
    Dead(dead::DeadArgs),
    /// Decode dead letters again, and write those that can be used by now where a server reads them
    ReplayDead(replay_dead::ReplayDeadArgs),
    /// Print what comes from the sources of events, and why a record is of no use
    Tail(tail::TailArgs),
}

pub(super) fn run(command: &EventsCommand) -> Result<(), CliError> {
    match command {
        EventsCommand::Check(args) => check::run(args),
        EventsCommand::Dead(args) => dead::run(args),
        EventsCommand::ReplayDead(args) => replay_dead::run(args),
        EventsCommand::Tail(args) => tail::run(args),
    }
}
