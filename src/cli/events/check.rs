//! `larder events check`: what the records of a file become.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use chrono::Utc;
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::CliError;
use crate::cli::terminal::{OutputError, line};
use crate::connect::decode::{Decoded, Decoder, Mapping, MissingTime, Poison, Reason, limits};
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
        Some(path) => mappings(path, args.source.as_deref())?,
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
            print_line(found.lines, &events, &decoded)?;
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

fn print_line(number: usize, events: &[Event], decoded: &Decoded) -> Result<(), OutputError> {
    for event in events {
        let item = event.item_id.as_deref().map(|id| format!(" {id}")).unwrap_or_default();
        let attributes: Vec<&str> = event.attributes.iter().map(|(name, _)| &**name).collect();
        let sets =
            if attributes.is_empty() { String::new() } else { format!(" ({})", attributes.join(", ")) };
        line(format_args!("{number}: {}{item}{sets}", event.kind.as_str()))?;
    }
    for (what, count) in [("unmatched", decoded.unmatched), ("ignored", decoded.ignored)] {
        if count > 0 {
            line(format_args!("{number}: {what}"))?;
        }
    }
    for poison in &decoded.poison {
        let field = if poison.field.is_empty() { String::new() } else { format!(" at {}", poison.field) };
        line(format_args!("{number}: dead: {}{field}: {}", poison.reason, poison.message))?;
    }
    Ok(())
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

/// The part of a configuration file that mappings are in.
#[derive(Deserialize)]
struct ConfigFile {
    #[serde(default)]
    events: Events,
}

#[derive(Default, Deserialize)]
struct Events {
    #[serde(default)]
    source: Vec<Source>,
}

#[derive(Deserialize)]
struct Source {
    #[serde(default)]
    name: String,
    #[serde(default)]
    map: Vec<Mapping>,
}

// Only this part, because a file that is right but for a mapping is what people try out with this command.
fn mappings(path: &Path, source: Option<&str>) -> Result<Vec<Mapping>, CliError> {
    let failed = |source| CliError::Unreadable { file: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let file: ConfigFile = toml::from_str(&text).map_err(|error| {
        // Not the parser's own words, which show the line: there may be a secret in it.
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        unusable(Some(path), &format!("line {}: {}", before.matches('\n').count() + 1, error.message()))
    })?;
    let sources = file.events.source;
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let at = match source {
        Some(wanted) => names.iter().position(|name| *name == wanted),
        None => (names.len() == 1).then_some(0),
    };
    match at.and_then(|at| sources.get(at)) {
        Some(source) => Ok(source.map.clone()),
        None => Err(CliError::Usage(format!(
            "{}: choose one of its [[events.source]] with --source: {}",
            path.display(),
            if names.is_empty() { "there are none".to_owned() } else { names.join(", ") }
        ))),
    }
}

fn unusable(path: Option<&Path>, problem: &dyn std::fmt::Display) -> CliError {
    let path = path.map(|path| format!("{}: ", path.display())).unwrap_or_default();
    CliError::Usage(format!("{path}{problem}"))
}
