//! `larder events replay-dead`: dead letters that can be used by now become events once more.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use clap::Args;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::mapped::{sources, unusable};
use crate::cli::CliError;
use crate::cli::terminal::{line, note};
use crate::config::{Everything, Flags};
use crate::connect::dead::{Content, DEAD_LETTERS, DeadLetter, read};
use crate::connect::decode::{Decoder, limits};
use crate::connect::{Lines, Record, encode};

/// How the names of the files begin that are written.
const PREFIX: &str = "replayed-";

#[derive(Debug, Args)]
pub(in crate::cli) struct ReplayDeadArgs {
    /// The folder of dead letters, which is left as it is [default: that of the configuration file]
    #[arg(required_unless_present = "config")]
    dir: Option<PathBuf>,
    /// The directory of events to write to, which a server follows
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Configuration file whose mappings are applied, each to the letters of its source
    #[arg(long)]
    config: Option<PathBuf>,
    /// Only letters of this source
    #[arg(long)]
    source: Option<String>,
    /// Only letters with this reason
    #[arg(long)]
    reason: Option<String>,
    /// JSON for machines
    #[arg(long)]
    json: bool,
}

/// What became of the letters.
#[derive(Debug, Default)]
struct Replayed {
    /// Records whose letters were looked at.
    records: usize,
    /// Events written.
    events: usize,
    /// Events that an earlier run has written.
    known: usize,
    /// Records without their content.
    without_content: usize,
    /// Records that say nothing to any mapping.
    unmatched: usize,
    /// Events that still cannot be used, by reason.
    still_dead: BTreeMap<&'static str, usize>,
    unreadable: usize,
    file: Option<PathBuf>,
}

/// The letters of one record.
struct OfRecord {
    first: DeadLetter,
    is_wanted: bool,
}

pub(super) fn run(args: &ReplayDeadArgs) -> Result<(), CliError> {
    let dir = folder(args)?;
    let mut known = known(&args.to)?;
    let decoders = decoders(args)?;
    let mut out = tempfile::NamedTempFile::new_in(&args.to).map_err(|source| unwritable(args, source))?;
    let mut digest = Sha256::new();
    let mut replayed = Replayed::default();
    let mut open: Option<OfRecord> = None;
    // One after the other: a folder of letters may be larger than the memory.
    for letter in read(&dir)?.map(Some).chain([None]) {
        let letter = match letter.transpose() {
            Ok(letter) => letter,
            Err(error) => {
                note(&error);
                replayed.unreadable += 1;
                continue;
            }
        };
        let is_wanted = |letter: &DeadLetter| {
            args.source.as_ref().is_none_or(|source| *source == letter.source)
                && args.reason.as_ref().is_none_or(|reason| *reason == letter.reason)
        };
        // Only the first letter of a record has what it said.
        match (&mut open, &letter) {
            (Some(record), Some(letter)) if is_same_record(&record.first, letter) => {
                record.is_wanted |= is_wanted(letter);
                continue;
            }
            _ => {}
        }
        let done = std::mem::replace(
            &mut open,
            letter.map(|first| OfRecord { is_wanted: is_wanted(&first), first }),
        );
        let Some(record) = done.filter(|record| record.is_wanted) else { continue };
        for event in replay(&record.first, &decoders, &mut replayed) {
            if known.insert(fingerprint(&event)) {
                digest.update(&event);
                out.write_all(&event).map_err(|source| unwritable(args, source))?;
                replayed.events += 1;
            } else {
                replayed.known += 1;
            }
        }
    }
    if replayed.events > 0 {
        let name: String = digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let path = args.to.join(format!("{PREFIX}{name}.jsonl"));
        publish(out, &path).map_err(|source| unwritable(args, source))?;
        replayed.file = Some(path);
    }
    print(&replayed, args.json)?;
    match replayed.unreadable {
        0 => Ok(()),
        count => Err(CliError::DeadLetters { count, dir }),
    }
}

fn folder(args: &ReplayDeadArgs) -> Result<PathBuf, CliError> {
    if let Some(dir) = &args.dir {
        return Ok(dir.clone());
    }
    let config = Flags::<Everything>::default().load(args.config.as_deref())?.config;
    Ok(config.events.dead_dir.unwrap_or_else(|| config.cache_dir.join(DEAD_LETTERS)))
}

/// The events of a record by the mappings of today, a line each.
fn replay(
    letter: &DeadLetter,
    decoders: &BTreeMap<String, Decoder>,
    replayed: &mut Replayed,
) -> Vec<Vec<u8>> {
    replayed.records += 1;
    let Some((body, content)) = letter.body().zip(letter.content.as_ref()) else {
        replayed.without_content += 1;
        return Vec::new();
    };
    let headers = headers(content);
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
    let key = content.key.as_ref().and_then(|key| STANDARD.decode(key).ok());
    let record = Record::new(&letter.source, &body)
        .at(&letter.partition, letter.position.as_str())
        .with_headers(&headers);
    let record = Record { key: key.as_deref(), ..record };
    let canonical = Decoder::canonical();
    let decoder = decoders.get(&letter.source).unwrap_or(&canonical);
    // What arrived is old by now; that a clock is ahead is not worse today than it was.
    let now = Utc::now().timestamp_millis();
    let mut events = Vec::new();
    let decoded = decoder.decode(&record, now, &mut events);
    replayed.unmatched += decoded.unmatched;
    for poison in &decoded.poison {
        *replayed.still_dead.entry(poison.reason.as_str()).or_default() += 1;
    }
    events.iter().map(|event| [&encode(event)[..], b"\n"].concat()).collect()
}

fn headers(content: &Content) -> Vec<(&str, Vec<u8>)> {
    let pairs = content.headers.iter();
    pairs.filter_map(|(name, value)| Some((name.as_str(), STANDARD.decode(value).ok()?))).collect()
}

fn is_same_record(one: &DeadLetter, other: &DeadLetter) -> bool {
    let place = |letter: &DeadLetter| {
        (letter.source.clone(), letter.partition.clone(), letter.position.clone(), letter.arrived.clone())
    };
    // A letter with content begins a record, whatever its place: events that were not applied have none.
    other.content.is_none() && other.event > one.event && place(one) == place(other)
}

/// The mappings by the names of their sources; letters of others are read as events in Larder's own words.
fn decoders(args: &ReplayDeadArgs) -> Result<BTreeMap<String, Decoder>, CliError> {
    let Some(path) = &args.config else { return Ok(BTreeMap::new()) };
    let decoder = |source: super::mapped::Source| {
        let decoder = Decoder::new(&source.map).map_err(|error| unusable(Some(path), &error))?;
        Ok((source.name, decoder))
    };
    sources(path)?.into_iter().map(decoder).collect()
}

/// Fingerprints of the lines that earlier runs have written.
fn known(dir: &Path) -> Result<HashSet<[u8; 16]>, CliError> {
    let failed = |source| CliError::Unreadable { file: dir.to_owned(), source };
    let mut known = HashSet::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if !name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(".jsonl")) {
            continue;
        }
        let file = fs::File::open(entry.path()).map_err(failed)?;
        let mut lines = Lines::new(BufReader::new(file), limits::RECORD_BYTES);
        while let Some(text) = lines.read().map_err(failed)? {
            if let crate::connect::Line::Whole(text) = text {
                known.insert(fingerprint(&[text, b"\n"].concat()));
            }
        }
    }
    Ok(known)
}

fn fingerprint(line: &[u8]) -> [u8; 16] {
    let digest = Sha256::digest(line);
    std::array::from_fn(|at| digest[at])
}

/// The file is there whole, for the server to read, or not at all.
fn publish(out: tempfile::NamedTempFile, path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        out.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    out.as_file().sync_all()?;
    out.persist(path).map_err(|refused| refused.error)?;
    Ok(())
}

fn unwritable(args: &ReplayDeadArgs, source: io::Error) -> CliError {
    CliError::Unwritable { file: args.to.clone(), source }
}

fn print(replayed: &Replayed, as_json: bool) -> Result<(), CliError> {
    let Replayed { records, events, known, without_content, unmatched, still_dead, unreadable, file } =
        replayed;
    if as_json {
        let document = json!({
            "records": records, "events": events, "known": known, "without_content": without_content,
            "unmatched": unmatched, "still_dead": still_dead, "unreadable": unreadable, "file": file,
        });
        return Ok(line(format_args!("{document:#}"))?);
    }
    let to = file.as_ref().map(|file| format!(" to {}", file.display())).unwrap_or_default();
    line(format_args!(
        "{records} records: {events} events written{to}, {known} were written before, {unmatched} unmatched, \
         {without_content} kept without content"
    ))?;
    for (reason, count) in still_dead {
        line(format_args!("  still dead, {reason}: {count}"))?;
    }
    Ok(())
}
