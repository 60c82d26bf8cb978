//! `larder events tail`: what comes from the sources, as it comes.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chrono::Utc;
use clap::Args;
use serde_json::json;

use super::mapped::unusable;
use super::print::print_record;
use crate::app::open_source;
use crate::cli::CliError;
use crate::cli::terminal::{OutputError, line, note};
use crate::config::{Everything, Flags};
use crate::connect::decode::{Decoded, Decoder};
use crate::connect::source::{EventSource, FilesOptions, SourceKind, SourceOptions};
use crate::connect::{FILES, Record, encode};
use crate::domain::Event;
use crate::live::EventCounts;

/// How long a look at a source waits for a record.
const WAIT: Duration = Duration::from_millis(100);

/// How long to wait after a source could not be read.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(in crate::cli) struct TailArgs {
    /// A directory of events
    #[arg(required_unless_present = "config", conflicts_with = "config")]
    dir: Option<PathBuf>,
    /// Configuration file whose sources are read
    #[arg(long)]
    config: Option<PathBuf>,
    /// Only this source of the file
    #[arg(long, requires = "config")]
    source: Option<String>,
    /// Go on with what comes, until it is ended; this is what it does
    #[arg(long, overrides_with = "no_follow")]
    follow: bool,
    /// End when all is read that was there
    #[arg(long, overrides_with = "follow")]
    no_follow: bool,
    /// A line of JSON each: events in Larder's own words, and why a record is none
    #[arg(long)]
    json: bool,
}

struct Tailed {
    name: String,
    source: Box<dyn EventSource>,
    decoder: Decoder,
    is_caught_up: bool,
}

pub(super) fn run(args: &TailArgs) -> Result<(), CliError> {
    let mut tailed = open(args)?;
    loop {
        for one in &mut tailed {
            if let Err(error) = one.look(args.json)? {
                // Whoever follows it waits for a broker that is away.
                if args.no_follow {
                    return Err(CliError::Source(error));
                }
                note(format_args!("{}: {error}", one.name));
                thread::park_timeout(PAUSE);
            }
        }
        if args.no_follow && tailed.iter().all(|one| one.is_caught_up) {
            return Ok(());
        }
    }
}

fn open(args: &TailArgs) -> Result<Vec<Tailed>, CliError> {
    if let Some(dir) = &args.dir {
        // A source makes the directory that it follows; one that is mistyped here is not to appear.
        std::fs::read_dir(dir).map_err(|source| CliError::Unreadable { file: dir.clone(), source })?;
    }
    let options = match (&args.dir, &args.config) {
        (Some(dir), _) => vec![SourceOptions {
            name: FILES.to_owned(),
            kind: SourceKind::Files(FilesOptions { dir: dir.clone() }),
            mappings: Vec::new(),
        }],
        (None, Some(path)) => Flags::<Everything>::default().load(Some(path))?.config.events.all_sources(),
        (None, None) => Vec::new(),
    };
    let names: Vec<&str> = options.iter().map(|options| options.name.as_str()).collect();
    let wanted = |options: &&SourceOptions| args.source.as_ref().is_none_or(|name| *name == options.name);
    if !options.iter().any(|options| wanted(&options)) {
        let problem = format!("choose one of its sources with --source: {}", names.join(", "));
        let problem = if names.is_empty() { "it has no source of events".to_owned() } else { problem };
        return Err(unusable(args.config.as_deref(), &problem));
    }
    let counts: Arc<EventCounts> = Arc::default();
    let open = |options: &SourceOptions| {
        let decoder =
            Decoder::new(&options.mappings).map_err(|error| unusable(args.config.as_deref(), &error))?;
        let mut source = open_source(options, &counts)?;
        source.seek(None);
        Ok(Tailed { name: options.name.clone(), source, decoder, is_caught_up: false })
    };
    options.iter().filter(wanted).map(open).collect()
}

impl Tailed {
    /// Prints what has come; the inner error is the source's.
    fn look(
        &mut self,
        as_json: bool,
    ) -> Result<Result<(), crate::connect::source::SourceError>, OutputError> {
        let Self { name, source, decoder, .. } = self;
        let (mut events, mut printed) = (Vec::new(), Ok(()));
        let polled = source.poll(WAIT, &mut |record| {
            if printed.is_err() {
                return;
            }
            events.clear();
            let decoded = decoder.decode(record, Utc::now().timestamp_millis(), &mut events);
            printed = if as_json {
                print_json(record, &events, &decoded)
            } else {
                let place = [name.as_str(), record.partition, &record.position.to_string()].join(" ");
                print_record(place, &events, &decoded)
            };
        });
        printed?;
        Ok(polled.map(|polled| self.is_caught_up = polled.caught_up && !polled.more))
    }
}

fn print_json(record: &Record<'_>, events: &[Event], decoded: &Decoded) -> Result<(), OutputError> {
    for event in events {
        line(String::from_utf8_lossy(&encode(event)))?;
    }
    let (source, partition, position) = (record.source, record.partition, record.position.to_string());
    for (what, count) in [("unmatched", decoded.unmatched), ("ignored", decoded.ignored)] {
        if count > 0 {
            line(json!({what: {"source": source, "partition": partition, "position": position}}))?;
        }
    }
    for poison in &decoded.poison {
        line(json!({"dead": {
            "source": source, "partition": partition, "position": position, "reason": poison.reason.as_str(),
            "field": poison.field, "message": poison.message,
        }}))?;
    }
    Ok(())
}
