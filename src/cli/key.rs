//! `larder key …`: API keys, which are shown once.

use chrono::{SecondsFormat, TimeDelta, Utc};
use clap::{Args, Subcommand};
use serde_json::json;

use super::CliError;
use super::terminal::{line, note};
use crate::server::identity::{NewKey, is_key_id};

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Draw a key; print it, once, and the lines by which a server knows it
    New(NewArgs),
}

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// Whose key it is: lower-case letters, digits and -
    #[arg(long, default_value = "client")]
    id: String,
    /// What its holder may do, between commas: recommend, rank, explain, events, status, admin
    #[arg(long, value_delimiter = ',', default_value = "recommend")]
    scopes: Vec<String>,
    /// Placements that it may ask for, between commas; * stands for any text
    #[arg(long, value_delimiter = ',', default_value = "*")]
    placements: Vec<String>,
    /// Traffic classes that it may claim, between commas: LIVE, SHADOW, SYNTHETIC [default: all]
    #[arg(long, value_delimiter = ',')]
    classes: Vec<String>,
    /// Requests a second [default: any number]
    #[arg(long)]
    rps: Option<u32>,
    /// Days after which it is refused [default: never]
    #[arg(long, value_name = "DAYS")]
    expires_in: Option<u32>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: &KeyCommand) -> Result<(), CliError> {
    let KeyCommand::New(args) = command;
    if !is_key_id(&args.id) {
        let expected = "1 to 32 lower-case letters, digits and -";
        return Err(CliError::Flag { flag: "id", value: args.id.clone(), expected });
    }
    let table = table(args)?;
    let NewKey { text, digest } = NewKey::draw(&args.id)?;
    let lines = format!("[[auth.keys]]\nid = \"{}\"\nsha256 = \"{digest}\"\n{table}", args.id);
    // By the same rules as a server: what is printed can be pasted.
    crate::config::read_credentials("what you asked for".as_ref(), &lines)?;
    if args.json {
        let document = json!({"id": args.id, "key": text, "sha256": digest.to_string(), "config": lines});
        return Ok(line(document)?);
    }
    line(&text)?;
    line(format_args!("\n{}", lines.trim_end()))?;
    note(
        "the first line is the key, which is nowhere else: give it to the client; the others are for the server",
    );
    Ok(())
}

/// The rights, as a table has them.
fn table(args: &NewArgs) -> Result<String, CliError> {
    let mut table = toml::Table::new();
    table.insert("scopes".to_owned(), args.scopes.clone().into());
    if args.scopes.iter().any(|scope| matches!(scope.as_str(), "recommend" | "rank")) {
        table.insert("placements".to_owned(), args.placements.clone().into());
    }
    if !args.classes.is_empty() {
        table.insert("classes".to_owned(), args.classes.clone().into());
    }
    if let Some(rps) = args.rps {
        table.insert("rps".to_owned(), i64::from(rps).into());
    }
    if let Some(days) = args.expires_in {
        let end = Utc::now().checked_add_signed(TimeDelta::days(days.into())).ok_or(CliError::Flag {
            flag: "expires-in",
            value: days.to_string(),
            expected: "a number of days that a calendar has",
        })?;
        table.insert("expires_at".to_owned(), end.to_rfc3339_opts(SecondsFormat::Secs, true).into());
    }
    Ok(table.to_string())
}
