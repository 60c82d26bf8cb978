//! `larder snapshot …`.

use std::path::PathBuf;

use chrono::Utc;
use clap::{Args, Subcommand};

use super::terminal::{Progress, bytes, table};
use super::{CliError, LoadArgs};
use crate::artifact::open;
use crate::config::RawStore;
use crate::pipeline::Stages;
use crate::recommender::View;
use crate::snapshot::{
    ArtifactEntry, MANIFEST, Manifest, Prediction, Published, SnapshotError, build_manifest,
    describe_directory, list, open_snapshot, predict_snapshot, publish, read_channel, rollback, shard_tables,
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
        load: LoadArgs,
    },
    /// Load a snapshot completely, as a server would, and say what is wrong with it
    Verify {
        #[command(flatten)]
        load: LoadArgs,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Upload a snapshot directory and point the channel there
    Publish {
        /// The directory with the manifest
        dir: PathBuf,
        /// Upload only; leave the channel as it is
        #[arg(long)]
        no_channel: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Point the channel back
    Rollback {
        /// The version to go to [default: the one before]
        #[arg(long)]
        to: Option<String>,
        #[command(flatten)]
        store: StoreArgs,
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
        load: LoadArgs,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List a store's snapshots
    List {
        /// JSON for machines
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
}

#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    /// Directory or s3://bucket/prefix; for verify and inspect also a snapshot's own directory
    #[arg(long, env = "LARDER_STORE", default_value = "models")]
    store: String,
    /// Channel to read or switch
    #[arg(long, env = "LARDER_CHANNEL", default_value = "production")]
    channel: String,
    #[command(flatten)]
    s3: RawStore,
}

impl StoreArgs {
    fn snapshot(&self, load: &LoadArgs) -> Result<crate::snapshot::Snapshot, CliError> {
        let cache = crate::config::cache_dir();
        Ok(open_snapshot(&self.store, &self.channel, &self.s3.options(false), &cache, &load.options()?)?)
    }
}

pub(super) fn run(command: &SnapshotCommand) -> Result<(), CliError> {
    match command {
        SnapshotCommand::Build { dir, data_until, load } => build(dir, data_until.as_deref(), load),
        SnapshotCommand::Verify { load, store } => {
            let served = View::prepare(store.snapshot(load)?, &Stages::default())?;
            let snapshot = &served.snapshot;
            println!(
                "{}: sound. {} items, {} artifacts, {} placements, {} in memory",
                snapshot.version(),
                snapshot.items().len(),
                snapshot.manifest().artifacts.len(),
                served.placements.len(),
                bytes(snapshot.resident_bytes() as u64)
            );
            Ok(())
        }
        SnapshotCommand::Publish { dir, no_channel, store } => {
            let mut progress = Progress::new(false);
            let target = open(&store.store, &store.s3.options(true))?;
            let channel = (!no_channel).then_some(store.channel.as_str());
            let done = publish(target.as_ref(), dir, channel, Utc::now(), &mut |name| {
                progress.step(&format!("uploading {name}"), 0.0);
            })?;
            progress.finish();
            report(&done, channel);
            Ok(())
        }
        SnapshotCommand::Rollback { to, store } => {
            let target = open(&store.store, &store.s3.options(false))?;
            let done = rollback(target.as_ref(), &store.channel, to.as_deref(), Utc::now())?;
            report(&done, Some(&store.channel));
            Ok(())
        }
        SnapshotCommand::Inspect { json, takes, load, store } => inspect(store, load, *json, *takes),
        SnapshotCommand::List { json, store } => list_snapshots(store, *json),
    }
}

fn report(done: &Published, channel: Option<&str>) {
    let now = match channel {
        Some(channel) => format!("channel {channel} names {}", done.snapshot),
        None => format!("{} is uploaded; no channel was switched", done.snapshot),
    };
    let before = done.previous.as_ref().map(|version| format!(" (before: {version})")).unwrap_or_default();
    println!("{now}{before}; {} artifacts uploaded", done.uploaded);
}

fn build(dir: &std::path::Path, data_until: Option<&str>, load: &LoadArgs) -> Result<(), CliError> {
    let until = data_until.map(|text| {
        let wrong = || CliError::Usage(format!("--data-until {text}: expected a date or RFC 3339 time"));
        crate::train::parse_time_ms(text).ok_or_else(wrong)
    });
    let options = load.options()?;
    let artifacts = describe_directory(dir)?;
    shard_tables(dir, &artifacts)?;
    let manifest = build_manifest(dir, artifacts, until.transpose()?, Utc::now())?;
    let file = dir.join(MANIFEST);
    let before = std::fs::read(&file).ok();
    std::fs::write(&file, manifest.to_json())?;
    let checked = crate::snapshot::open_directory(dir, "production", &options)
        .and_then(|snapshot| View::prepare(snapshot, &Stages::default()));
    if let Err(error) = checked {
        match before {
            Some(before) => std::fs::write(&file, before)?,
            None => std::fs::remove_file(&file)?,
        }
        return Err(error.into());
    }
    println!("{}: {} artifacts, {}", manifest.snapshot, manifest.artifacts.len(), file.display());
    Ok(())
}

fn inspect(store: &StoreArgs, load: &LoadArgs, json: bool, takes: bool) -> Result<(), CliError> {
    let cache = crate::config::cache_dir();
    let (manifest, predicted) =
        predict_snapshot(&store.store, &store.channel, &store.s3.options(false), &cache, &load.options()?)?;
    if json {
        let mut said = serde_json::to_value(&manifest).map_err(std::io::Error::other)?;
        let artifacts = said.get_mut("artifacts").and_then(serde_json::Value::as_array_mut);
        for (artifact, found) in artifacts.into_iter().flatten().zip(&predicted) {
            if let Some(artifact) = artifact.as_object_mut() {
                artifact.insert("predicted_bytes".to_owned(), found.resident.into());
            }
        }
        println!("{said:#}");
        return Ok(());
    }
    let loaded = takes.then(|| store.snapshot(load)).transpose()?;
    println!("snapshot    {}", manifest.snapshot);
    println!("created     {}", manifest.created_at);
    println!("data until  {}", manifest.data_until.as_deref().unwrap_or("not said"));
    println!("will take   {}", bytes(predicted.iter().map(|found| found.resident).sum()));
    if let Some(snapshot) = &loaded {
        println!("takes       {}", bytes(snapshot.resident_bytes() as u64));
    }
    println!();
    let row = |(entry, predicted): (&ArtifactEntry, &Prediction)| {
        let params = serde_json::to_string(&entry.params).unwrap_or_default();
        let params = if params == "{}" { String::new() } else { params };
        let (name, kind, rows) = (entry.name.clone(), entry.kind.clone(), entry.rows.to_string());
        let mut row = vec![name, kind, rows, bytes(entry.bytes), bytes(predicted.resident)];
        if let Some(snapshot) = &loaded {
            let resident = snapshot.artifact(&entry.name).map_or(0, |artifact| artifact.resident_bytes());
            row.push(bytes(resident as u64));
        }
        row.push(params);
        row
    };
    let rows: Vec<Vec<String>> = manifest.artifacts.iter().zip(&predicted).map(row).collect();
    let mut headings = vec!["artifact", "kind", "rows", "file", "will take"];
    headings.extend(loaded.as_ref().map(|_| "takes"));
    headings.push("parameters");
    table(&headings, &rows);
    Ok(())
}

fn list_snapshots(args: &StoreArgs, json: bool) -> Result<(), CliError> {
    let store = open(&args.store, &args.s3.options(false))?;
    let channel = read_channel(store.as_ref(), &args.channel)?.map(|(channel, _)| channel);
    let found = list(store.as_ref())?;
    if json {
        let rows: Vec<serde_json::Value> = found
            .iter()
            .map(|(version, manifest)| {
                let serving = channel.as_ref().is_some_and(|channel| channel.snapshot == *version);
                let size = |manifest: &Manifest| manifest.artifacts.iter().map(|a| a.bytes).sum::<u64>();
                serde_json::json!({
                    "snapshot": version, "complete": manifest.is_ok(), "channel": serving,
                    "bytes": manifest.as_ref().map(size).unwrap_or_default(),
                    "error": manifest.as_ref().err().map(SnapshotError::to_string),
                })
            })
            .collect();
        println!("{:#}", serde_json::Value::from(rows));
        return Ok(());
    }
    let mark = |version: &str| match &channel {
        Some(channel) if channel.snapshot == version => format!("<- {}", args.channel),
        Some(channel) if channel.previous.as_deref() == Some(version) => "   previous".to_owned(),
        _ => String::new(),
    };
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|(version, manifest)| match manifest {
            Ok(manifest) => {
                let size = manifest.artifacts.iter().map(|entry| entry.bytes).sum();
                vec![version.clone(), manifest.created_at.clone(), bytes(size), mark(version)]
            }
            Err(error) => vec![version.clone(), format!("incomplete: {error}"), String::new(), mark(version)],
        })
        .collect();
    table(&["snapshot", "created", "files", args.channel.as_str()], &rows);
    Ok(())
}
