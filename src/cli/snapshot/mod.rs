//! `larder snapshot …`: from a directory of files to what a channel names, and back.

mod show;
mod signing;

use std::path::{Path, PathBuf};

use chrono::Utc;
use clap::Subcommand;

use super::terminal::{OutputError, Progress, bytes, line, note};
use super::{CliError, Location, settings};
use crate::artifact::{Conditional, MAX_SMALL_OBJECT, OpenOptions, open, read_regular, replace_file};
use crate::config::{Config, Flags, Loading, Publishing, Reading, Store};
use crate::pipeline::Stages;
use crate::recommender::View;
use crate::snapshot::{
    LeftOut, LoadOptions, MANIFEST, Published, Quarantine, RefreshOptions, Snapshot, SnapshotError,
    Soundness, TrustedKeys, build_manifest, describe_directory, left_out, open_directory, publish_signed,
    rollback, shard_tables, try_out_directory, try_out_snapshot,
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
        /// Public key that must have signed it: in base64, or a file in PEM; may be given several times
        #[arg(long, value_name = "KEY")]
        trusted_key: Vec<String>,
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
        /// Sign the manifest with this Ed25519 private key, a file in PEM (PKCS#8)
        #[arg(long, value_name = "KEY")]
        sign: Option<PathBuf>,
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
            build(dir, data_until.as_deref(), &settings(flags)?.snapshot)
        }
        SnapshotCommand::Verify { trusted_key, location, settings: flags } => {
            let mut config = settings(flags)?;
            if !trusted_key.is_empty() {
                let keys: Result<_, CliError> = trusted_key.iter().map(|key| signing::trusted(key)).collect();
                config.snapshot.load.trusted_keys = Some(TrustedKeys::new(keys?));
            }
            verify(location, &config)
        }
        SnapshotCommand::Publish { dir, no_channel, force, sign, location, settings: flags } => {
            let config = settings(flags)?;
            let key = sign.as_deref().map(signing::private).transpose()?;
            // Before the store is opened, which would leave an empty directory behind for a refused snapshot.
            check_before_publishing(dir, &config.snapshot, *force)?;
            let channel = (!no_channel).then_some(location.channel.as_str());
            let mut progress = Progress::new(false);
            warn_without_conditions(&location.store, &config.s3);
            let target = open(&location.store, &OpenOptions { create: true, ..config.s3 })?;
            let sign = key.as_ref().map(|key| |manifest: &[u8]| key.sign(manifest));
            let sign = sign.as_ref().map(|sign| sign as &dyn Fn(&[u8]) -> String);
            let done = publish_signed(target.as_ref(), dir, channel, Utc::now(), sign, &mut |name| {
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

fn build(dir: &Path, data_until: Option<&str>, options: &RefreshOptions) -> Result<(), CliError> {
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
    if let Err(error) = as_served(dir, options) {
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

/// Tries a snapshot's directory out as a server does beforehand: decodes it, compiles its recipes, asks its golden
/// queries.
fn as_served(dir: &Path, options: &RefreshOptions) -> Result<Soundness, SnapshotError> {
    // It is signed when it is published.
    let load = LoadOptions { trusted_keys: None, ..options.load.clone() };
    // The channel does not matter: there is a manifest, so the directory is no store.
    let channel = "production";
    if options.quarantine {
        match try_out_directory(dir, channel, &load, &Quarantine::of_this_program()) {
            Ok(verdict) => return verdict,
            Err(error) => note(format_args!("warning: {error}; it is tried out in this process")),
        }
    }
    here(open_directory(dir, channel, &load)?)
}

/// What a snapshot is like that was decoded in this process.
fn here(snapshot: Snapshot) -> Result<Soundness, SnapshotError> {
    let view = View::prepare(snapshot, &Stages::default())?;
    let snapshot = &view.snapshot;
    Ok(Soundness {
        version: snapshot.version().to_owned(),
        items: snapshot.items().len(),
        artifacts: snapshot.manifest().artifacts.len(),
        placements: view.placements.len(),
        resident_bytes: snapshot.resident_bytes() as u64,
    })
}

fn verify(location: &Location, config: &Config) -> Result<(), CliError> {
    let Soundness { version, items, artifacts, placements, resident_bytes } = tried_out(location, config)?;
    let memory = bytes(resident_bytes);
    Ok(line(format_args!(
        "{version}: sound. {items} items, {artifacts} artifacts, {placements} placements, {memory} in memory"
    ))?)
}

fn tried_out(location: &Location, config: &Config) -> Result<Soundness, SnapshotError> {
    let Location { store, channel } = location;
    if config.snapshot.quarantine {
        let (load, quarantine) = (&config.snapshot.load, Quarantine::of_this_program());
        match try_out_snapshot(store, channel, &config.s3, &config.cache_dir, load, &quarantine) {
            Ok(verdict) => return verdict,
            Err(error) => note(format_args!("warning: {error}; it is tried out in this process")),
        }
    }
    here(location.snapshot(config)?)
}

/// Refuses what every server of the fleet would refuse; `force` turns that into a warning.
fn check_before_publishing(dir: &Path, options: &RefreshOptions, force: bool) -> Result<(), CliError> {
    if !dir.join(MANIFEST).is_file() {
        return Ok(()); // publishing says what is missing; as a store, the directory may well be served
    }
    match as_served(dir, options) {
        Ok(_) => Ok(()),
        Err(source) if force => {
            note(format_args!("warning: {} would not be served: {source}", dir.display()));
            Ok(())
        }
        Err(source) => Err(CliError::Unservable { dir: dir.to_owned(), source: Box::new(source) }),
    }
}
