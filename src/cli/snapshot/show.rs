//! What a snapshot is made of, and which snapshots a store has.

use serde_json::{Value, json};

use crate::artifact::open;
use crate::cli::terminal::{bytes, line, table};
use crate::cli::{CliError, Location};
use crate::config::Config;
use crate::snapshot::{
    ArtifactEntry, Channel, Manifest, Prediction, Snapshot, SnapshotError, list, predict_snapshot,
    read_channel,
};

pub(super) fn inspect(location: &Location, config: &Config, json: bool, load: bool) -> Result<(), CliError> {
    let (store, channel) = (&location.store, &location.channel);
    let (manifest, predicted) =
        predict_snapshot(store, channel, &config.s3, &config.cache_dir, &config.snapshot.load)?;
    if json {
        return Ok(line(format_args!("{:#}", with_predictions(&manifest, &predicted)?))?);
    }
    let loaded = if load { Some(location.snapshot(config)?) } else { None };
    line(format_args!("snapshot    {}", manifest.snapshot))?;
    line(format_args!("created     {}", manifest.created_at))?;
    line(format_args!("data until  {}", manifest.data_until.as_deref().unwrap_or("not said")))?;
    line(format_args!("will take   {}", bytes(predicted.iter().map(|found| found.resident).sum())))?;
    if let Some(snapshot) = &loaded {
        line(format_args!("takes       {}", bytes(snapshot.resident_bytes() as u64)))?;
    }
    line("")?;
    let mut headings = vec!["artifact", "kind", "rows", "file", "will take"];
    if loaded.is_some() {
        headings.push("takes");
    }
    headings.push("parameters");
    let artifacts = manifest.artifacts.iter().zip(&predicted);
    let rows: Vec<Vec<String>> =
        artifacts.map(|(entry, predicted)| row(entry, predicted, loaded.as_ref())).collect();
    Ok(table(&headings, &rows)?)
}

fn with_predictions(manifest: &Manifest, predicted: &[Prediction]) -> Result<Value, CliError> {
    // Beside the manifest's own fields, which stay as they are in the file, for programs that read both.
    let mut document = serde_json::to_value(manifest).map_err(std::io::Error::other)?;
    if let Some(artifacts) = document.get_mut("artifacts").and_then(Value::as_array_mut) {
        for (artifact, found) in artifacts.iter_mut().zip(predicted) {
            if let Some(artifact) = artifact.as_object_mut() {
                artifact.insert("predicted_bytes".to_owned(), found.resident.into());
            }
        }
    }
    Ok(document)
}

fn row(entry: &ArtifactEntry, predicted: &Prediction, loaded: Option<&Snapshot>) -> Vec<String> {
    let (name, kind, rows) = (entry.name.clone(), entry.kind.clone(), entry.rows.to_string());
    let mut row = vec![name, kind, rows, bytes(entry.bytes), bytes(predicted.resident)];
    if let Some(snapshot) = loaded {
        let resident = snapshot.artifact(&entry.name).map_or(0, |artifact| artifact.resident_bytes());
        row.push(bytes(resident as u64));
    }
    let params = serde_json::to_string(&entry.params).unwrap_or_default();
    // Most artifacts have none, and a column of braces only draws the eye.
    row.push(if params == "{}" { String::new() } else { params });
    row
}

pub(super) fn list_snapshots(location: &Location, config: &Config, json: bool) -> Result<(), CliError> {
    let store = open(&location.store, &config.s3)?;
    let channel = read_channel(store.as_ref(), &location.channel)?.map(|(channel, _)| channel);
    let found = list(store.as_ref())?;
    if json {
        let rows: Vec<Value> = found
            .iter()
            .map(|(version, manifest)| {
                let serving = channel.as_ref().is_some_and(|channel| channel.snapshot == *version);
                json!({
                    "snapshot": version, "complete": manifest.is_ok(), "channel": serving,
                    "bytes": manifest.as_ref().map(file_bytes).unwrap_or_default(),
                    "error": manifest.as_ref().err().map(SnapshotError::to_string),
                })
            })
            .collect();
        return Ok(line(format_args!("{:#}", Value::from(rows)))?);
    }
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|(version, manifest)| {
            let mark = mark(version, channel.as_ref(), &location.channel);
            match manifest {
                Ok(manifest) => {
                    vec![version.clone(), manifest.created_at.clone(), bytes(file_bytes(manifest)), mark]
                }
                Err(error) => vec![version.clone(), format!("incomplete: {error}"), String::new(), mark],
            }
        })
        .collect();
    Ok(table(&["snapshot", "created", "files", location.channel.as_str()], &rows)?)
}

fn file_bytes(manifest: &Manifest) -> u64 {
    manifest.artifacts.iter().map(|entry| entry.bytes).sum()
}

/// Whether the channel names this version now, or named it before.
fn mark(version: &str, channel: Option<&Channel>, name: &str) -> String {
    match channel {
        Some(channel) if channel.snapshot == version => format!("<- {name}"),
        Some(channel) if channel.previous.as_deref() == Some(version) => "   previous".to_owned(),
        _ => String::new(),
    }
}
