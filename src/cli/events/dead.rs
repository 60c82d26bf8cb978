//! `larder events dead`: the events that could not be used.

use std::path::PathBuf;

use clap::Args;

use crate::cli::CliError;
use crate::cli::terminal::{line, note};
use crate::connect::dead::read;

#[derive(Debug, Args)]
pub(in crate::cli) struct DeadArgs {
    /// The folder of dead letters
    #[arg(long)]
    dir: PathBuf,
    /// The letters as they are, a line of JSON each, for machines
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &DeadArgs) -> Result<(), CliError> {
    let mut unreadable = 0;
    for letter in read(&args.dir)? {
        match letter {
            Ok(letter) if args.json => line(serde_json::to_string(&letter).map_err(std::io::Error::from)?)?,
            Ok(letter) => {
                let place = [&letter.partition, &letter.position].map(String::as_str).join(" ");
                let field =
                    if letter.field.is_empty() { String::new() } else { format!(" at {}", letter.field) };
                line(format_args!(
                    "{} {} {}: {}{field}: {}",
                    letter.arrived,
                    letter.source,
                    place.trim(),
                    letter.reason,
                    letter.message
                ))?;
            }
            // One line that a crash cut off must not hide the others.
            Err(error) => {
                note(&error);
                unreadable += 1;
            }
        }
    }
    match unreadable {
        0 => Ok(()),
        count => Err(CliError::DeadLetters { count, dir: args.dir.clone() }),
    }
}
