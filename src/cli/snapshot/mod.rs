//! `larder snapshot …`: from a directory of files to what a channel names, and back.

mod show;

use std::path::{Path, PathBuf};

use chrono::Utc;
use clap::Subcommand;

use super::terminal::{OutputError, Progress, bytes, line, note};
use super::{CliError, Location, settings};
use crate::artifact::{Conditional, MAX_SMALL_OBJECT, OpenOptions, open, read_regular, replace_file};
use crate::config::{Flags, Loading, Publishing, Reading, Store};
use crate::pipeline::Stages;
use crate::recommender::View;
use crate::snapshot::{
    LeftOut, LoadOptions, MANIFEST, Published, Snapshot, SnapshotError, build_manifest, describe_directory,
    left_out, open_directory, publish, rollback, shard_tables,
};

#[derive(Debug, Subcommand)]
pub(super) enum SnapshotCommand {
    /// Write the manifest of a directory of Parquet files and models, and check that it would be served
    Build {
        /// The directory; its files' kinds are told from their columns, parameters come from params.toml
        dir: PathBuf,
        /// Newest event used, RFC 3339 or YYYY-MM-DD
        #[arg(long)]
        data_until: Option<String>,
        #[command(flatten)]
        settings: Flags<Loading>,
    },
    /// Load a snapshot completely, as a server would, and say what is wrong with it
    Verify {
        #[command(flatten)]
        location: Location,
        #[command(flatten)]
        settings: Flags<Reading>,
    },
    /// Check that a snapshot directory would be served, upload it and point the channel there
    Publish {
        /// The directory with the manifest
        dir: PathBuf,
        /// Upload only; leave the channel as it is
        #[arg(long)]
        no_channel: bool,
        /// Publish even what would not be served
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        location: Location,
        #[command(flatten)]
        settings: Flags<Publishing>,
    },
    /// Point the channel back
    Rollback {
        /// The version to go to [default: the one before]
        #[arg(long)]
        to: Option<String>,
        #[command(flatten)]
        location: Location,
        #[command(flatten)]
        settings: Flags<Store>,
    },
    /// Show a snapshot's artifacts and what they will take in memory, without decoding them
    Inspect {
        /// The manifest as JSON, for machines, with what each artifact will take as `predicted_bytes`
        #[arg(long)]
        json: bool,
        /// Load it too, and show what it does take
        #[arg(long = "load")]
        takes: bool,
        #[command(flatten)]
        location: Location,
        #[command(flatten)]
        settings: Flags<Reading>,
    },
    /// List a store's snapshots
    List {
        /// JSON for machines
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        location: Location,
        #[command(flatten)]
        settings: Flags<Store>,
    },
}

pub(super) fn run(command: &SnapshotCommand) -> Result<(), CliError> {
    match command {
        SnapshotCommand::Build { dir, data_until, settings: flags } => {
            build(dir, data_until.as_deref(), &settings(flags)?.snapshot.load)
        }
        SnapshotCommand::Verify { location, settings: flags } => {
            verify(location.snapshot(&settings(flags)?)?)
        }
        SnapshotCommand::Publish { dir, no_channel, force, location, settings: flags } => {
            let config = settings(flags)?;
            // Before the store is opened, which would leave an empty directory behind for a refused snapshot.
            check_before_publishing(dir, &config.snapshot.load, *force)?;
            let channel = (!no_channel).then_some(location.channel.as_str());
            let mut progress = Progress::new(false);
            warn_without_conditions(&location.store, &config.s3);
            let target = open(&location.store, &OpenOptions { create: true, ..config.s3 })?;
            let done = publish(target.as_ref(), dir, channel, Utc::now(), &mut |name| {
                progress.step(&format!("uploading {name}"), 0.0);
            })?;
            progress.finish();
            Ok(report(&done, channel)?)
        }
        SnapshotCommand::Rollback { to, location, settings: flags } => {
            let options = settings(flags)?.s3;
            warn_without_conditions(&location.store, &options);
            let target = open(&location.store, &options)?;
            let done = rollback(target.as_ref(), &location.channel, to.as_deref(), Utc::now())?;
            Ok(report(&done, Some(&location.channel))?)
        }
        SnapshotCommand::Inspect { json, takes, location, settings: flags } => {
            show::inspect(location, &settings(flags)?, *json, *takes)
        }
        SnapshotCommand::List { json, location, settings: flags } => {
            show::list_snapshots(location, &settings(flags)?, *json)
        }
    }
}

/// Says what is given up where nobody holds conditions.
fn warn_without_conditions(store: &str, options: &OpenOptions) {
    if store.starts_with("s3://") && options.conditional == Conditional::Off {
        note(
            "warning: s3.conditional is off: of two publishers at the same moment the second wins, and neither is told",
        );
    }
}

fn report(done: &Published, channel: Option<&str>) -> Result<(), OutputError> {
    let now = match channel {
        Some(channel) => format!("channel {channel} names {}", done.snapshot),
        None => format!("{} is uploaded; no channel was switched", done.snapshot),
    };
    let before = done.previous.as_ref().map(|version| format!(" (before: {version})")).unwrap_or_default();
    line(format_args!("{now}{before}; {} artifacts uploaded", done.uploaded))
}

fn build(dir: &Path, data_until: Option<&str>, load: &LoadOptions) -> Result<(), CliError> {
    let until = data_until.map(|text| {
        crate::train::parse_time_ms(text).ok_or_else(|| CliError::Flag {
            flag: "data-until",
            value: text.to_owned(),
            expected: "a date or an RFC 3339 time",
        })
    });
    let until = until.transpose()?;
    let artifacts = describe_directory(dir)?;
    for LeftOut { name, what } in left_out(dir, &artifacts)? {
        // Quoted: whoever names a file does not write lines of ours.
        note(format_args!("note: {name:?} in {} is {what}, and no part of the snapshot", dir.display()));
    }
    shard_tables(dir, &artifacts)?; // before the manifest, which has the digests of the files that this writes
    let manifest = build_manifest(dir, artifacts, until, Utc::now())?;
    let file = dir.join(MANIFEST);
    let before = read_regular(&file, MAX_SMALL_OBJECT).ok();
    replace_file(&file, &manifest.to_json())?; // first, because a snapshot is loaded by its manifest
    if let Err(error) = as_served(dir, load) {
        // A manifest says that a directory is complete: a refused one must not stay behind.
        match before {
            Some(before) => replace_file(&file, &before)?,
            None => std::fs::remove_file(&file)?,
        }
        return Err(error.into());
    }
    let artifacts = manifest.artifacts.len();
    Ok(line(format_args!("{}: {artifacts} artifacts, {}", manifest.snapshot, file.display()))?)
}

/// Loads a snapshot's directory, compiles its recipes and asks its golden queries, as a server does beforehand.
fn as_served(dir: &Path, load: &LoadOptions) -> Result<View, SnapshotError> {
    // The channel does not matter: there is a manifest, so the directory is no store.
    View::prepare(open_directory(dir, "production", load)?, &Stages::default())
}

fn verify(snapshot: Snapshot) -> Result<(), CliError> {
    let view = View::prepare(snapshot, &Stages::default())?;
    let snapshot = &view.snapshot;
    Ok(line(format_args!(
        "{}: sound. {} items, {} artifacts, {} placements, {} in memory",
        snapshot.version(),
        snapshot.items().len(),
        snapshot.manifest().artifacts.len(),
        view.placements.len(),
        bytes(snapshot.resident_bytes() as u64)
    ))?)
}

/// Refuses what every server of the fleet would refuse; `force` turns that into a warning.
fn check_before_publishing(dir: &Path, load: &LoadOptions, force: bool) -> Result<(), CliError> {
    if !dir.join(MANIFEST).is_file() {
        return Ok(()); // publishing says what is missing; as a store, the directory may well be served
    }
    match as_served(dir, load) {
        Ok(_) => Ok(()),
        Err(source) if force => {
            note(format_args!("warning: {} would not be served: {source}", dir.display()));
            Ok(())
        }
        Err(source) => Err(CliError::Unservable { dir: dir.to_owned(), source: Box::new(source) }),
    }
}
