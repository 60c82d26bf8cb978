//! `larder events check`: what the records of a file become.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

use chrono::Utc;
use clap::Args;
use serde_json::{Value, json};

use super::mapped::{choose, sources, unusable};
use super::print::print_record;
use crate::cli::CliError;
use crate::cli::terminal::{OutputError, line};
use crate::connect::decode::{Decoded, Decoder, MissingTime, Poison, Reason, limits};
use crate::connect::{Line, Lines, Record};
use crate::domain::Event;

/// Faults that the JSON answer lists, so that a large file of nothing else does not fill the memory.
const LISTED: usize = 10_000;

#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArgs {
    /// A file of JSON lines, or - for standard input
    file: PathBuf,
    /// Configuration file whose mappings are applied; its other settings are not read
    #[arg(long)]
    config: Option<PathBuf>,
    /// The [[events.source]] whose mappings are applied [default: the only one]
    #[arg(long, requires = "config")]
    source: Option<String>,
    /// Take events without a time as if they happened now, as those sent over the API are
    #[arg(long)]
    arrival_time: bool,
    /// JSON for machines
    #[arg(long)]
    json: bool,
}

/// What was found so far.
#[derive(Default)]
struct Found {
    lines: usize,
    events: usize,
    unmatched: usize,
    ignored: usize,
    dead: usize,
    by_type: BTreeMap<String, usize>,
    by_reason: BTreeMap<&'static str, usize>,
    /// The first faults, for the JSON answer.
    listed: Vec<Value>,
}

pub(super) fn run(args: &CheckArgs) -> Result<(), CliError> {
    let mappings = match &args.config {
        Some(path) => choose(path, sources(path)?, args.source.as_deref())?.map,
        None => Vec::new(),
    };
    let missing_time = if args.arrival_time { MissingTime::Arrival } else { MissingTime::Refuse };
    let decoder = Decoder::new(&mappings).map_err(|error| unusable(args.config.as_deref(), &error))?;
    let decoder = decoder.with_missing_time(missing_time);
    let input: Box<dyn BufRead> = match args.file.as_os_str() {
        name if name == "-" => Box::new(io::stdin().lock()),
        _ => {
            let failed = |source| CliError::Unreadable { file: args.file.clone(), source };
            Box::new(BufReader::new(File::open(&args.file).map_err(failed)?))
        }
    };
    let found = check(&mut Lines::new(input, limits::RECORD_BYTES), &decoder, args)?;
    if args.json {
        print_json(&found)?
    } else {
        print_summary(&found)?
    }
    match found.dead {
        0 => Ok(()),
        dead => Err(CliError::DeadEvents { dead, lines: found.lines }),
    }
}

fn check<R: BufRead>(lines: &mut Lines<R>, decoder: &Decoder, args: &CheckArgs) -> Result<Found, CliError> {
    let mut found = Found::default();
    let mut events = Vec::new();
    let failed = |source| CliError::Unreadable { file: args.file.clone(), source };
    while let Some(text) = lines.read().map_err(failed)? {
        found.lines += 1;
        events.clear();
        let decoded = match text {
            Line::Whole(body) => {
                let record = Record::new("check", body).at("", found.lines as i64);
                decoder.decode(&record, Utc::now().timestamp_millis(), &mut events)
            }
            Line::TooLong => too_large(),
        };
        found.add(&events, &decoded);
        if !args.json {
            print_record(found.lines, &events, &decoded)?;
        }
    }
    Ok(found)
}

impl Found {
    fn add(&mut self, events: &[Event], decoded: &Decoded) {
        self.events += events.len();
        self.unmatched += decoded.unmatched;
        self.ignored += decoded.ignored;
        self.dead += decoded.poison.len();
        for event in events {
            count(&mut self.by_type, event.kind.as_str());
        }
        for poison in &decoded.poison {
            *self.by_reason.entry(poison.reason.as_str()).or_default() += 1;
            if self.listed.len() < LISTED {
                self.listed.push(json!({"line": self.lines, "reason": poison.reason.as_str(),
                    "field": poison.field, "message": poison.message}));
            }
        }
    }
}

/// Names are a producer's to choose, so there may be any number of them; those beyond a thousand are counted together.
fn count(by_type: &mut BTreeMap<String, usize>, name: &str) {
    if let Some(count) = by_type.get_mut(name) {
        *count += 1;
    } else {
        let name = if by_type.len() < 1000 { name } else { "others" };
        *by_type.entry(name.to_owned()).or_default() += 1;
    }
}

fn too_large() -> Decoded {
    let message = format!("the line has more than {} bytes", limits::RECORD_BYTES);
    let poison = Poison { event: 0, reason: Reason::TooLarge, field: String::new(), message };
    Decoded { poison: vec![poison], ..Decoded::default() }
}

fn print_summary(found: &Found) -> Result<(), OutputError> {
    let Found { lines, events, unmatched, ignored, dead, .. } = found;
    line(format_args!(
        "{lines} lines: {events} events, {unmatched} unmatched, {ignored} ignored, {dead} dead"
    ))?;
    for (name, count) in &found.by_type {
        line(format_args!("  {name}: {count}"))?;
    }
    for (reason, count) in &found.by_reason {
        line(format_args!("  dead, {reason}: {count}"))?;
    }
    Ok(())
}

fn print_json(found: &Found) -> Result<(), OutputError> {
    let document = json!({
        "lines": found.lines, "events": found.events, "unmatched": found.unmatched, "ignored": found.ignored,
        "by_type": found.by_type, "dead": found.listed, "dead_count": found.dead, "by_reason": found.by_reason,
    });
    line(format_args!("{document:#}"))
}
