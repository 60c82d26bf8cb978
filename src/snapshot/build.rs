//! From files to a manifest.

use std::io::Read as _;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{ArtifactEntry, FORMAT_VERSION, MANIFEST, Manifest, SnapshotError, write_shards};
use crate::artifact::table::{CellKind, Table, TableLimits};
use crate::artifact::{sha256_bytes, sha256_file};
use crate::model::Format;

/// How the names of models' files may end.
const MODEL_ENDINGS: [&str; 7] = ["txt", "json", "ubj", "ubjson", "onnx", "lgb", "model"];

/// A file that is to become an artifact.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildArtifact {
    /// The name that recipes will use.
    pub name: String,
    /// The artifact kind.
    pub kind: String,
    /// The file, relative to the directory.
    pub path: String,
    /// Rows of a table; 0 for other files.
    pub rows: u64,
    /// Parameters of the kind.
    pub params: Map<String, Value>,
}

/// Digests the files of `dir` and puts the manifest together. The version is made of `now` and the digests.
///
/// # Errors
/// A file that cannot be read.
pub fn build_manifest(
    dir: &Path,
    artifacts: Vec<BuildArtifact>,
    data_until_ms: Option<i64>,
    now: DateTime<Utc>,
) -> Result<Manifest, SnapshotError> {
    let mut entries = Vec::with_capacity(artifacts.len());
    for artifact in artifacts {
        let (sha256, bytes) = sha256_file(&dir.join(&artifact.path)).map_err(|e| SnapshotError::Content {
            artifact: artifact.name.clone(),
            reason: format!("{}: {e}", artifact.path),
        })?;
        let BuildArtifact { name, kind, path, rows, params } = artifact;
        entries.push(ArtifactEntry { name, kind, path, sha256, bytes, rows, params });
    }
    let rfc3339 = |time: DateTime<Utc>| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    Ok(Manifest {
        format_version: FORMAT_VERSION,
        snapshot: new_version(&entries, now),
        created_at: rfc3339(now),
        data_until: data_until_ms.and_then(DateTime::from_timestamp_millis).map(rfc3339),
        artifacts: entries,
        golden: Vec::new(),
        evidence: None,
    })
}

/// `20261120T030000Z-7f3a9c`: the time, and six digits of the digest of the artifacts' digests.
pub fn new_version(artifacts: &[ArtifactEntry], now: DateTime<Utc>) -> String {
    let digests: String = artifacts.iter().map(|entry| entry.sha256.as_str()).collect();
    let digest = sha256_bytes(digests.as_bytes());
    format!("{}-{}", now.format("%Y%m%dT%H%M%SZ"), digest.get(..6).unwrap_or("000000"))
}

/// Describes the files of a directory that somebody else wrote: each table's kind is told from its columns, `catalog.parquet` from
/// its name, a model from its first bytes, and `params.toml` (a table per artifact name) gives parameters, or another `kind`.
///
/// # Errors
/// A Parquet file of no known kind, a malformed `params.toml`, or a table there for a file that is not.
pub fn describe_directory(dir: &Path) -> Result<Vec<BuildArtifact>, SnapshotError> {
    let unreadable =
        |file: &Path, reason: String| SnapshotError::Document { file: file.display().to_string(), reason };
    let mut params: toml::Table = toml::Table::new();
    let params_file = dir.join("params.toml");
    if params_file.is_file() {
        let text =
            std::fs::read_to_string(&params_file).map_err(|e| unreadable(&params_file, e.to_string()))?;
        params = toml::from_str(&text).map_err(|e| unreadable(&params_file, e.to_string()))?;
    }
    let entries = std::fs::read_dir(dir).map_err(|e| unreadable(dir, e.to_string()))?;
    let mut files: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    files.sort();
    let mut artifacts = Vec::new();
    for file in files {
        if file == "placements.toml" {
            let name = "placements".to_owned();
            artifacts.push(BuildArtifact {
                kind: name.clone(),
                name,
                path: file,
                rows: 0,
                params: Map::new(),
            });
        } else if let Some(name) = file.strip_suffix(".parquet") {
            let params = own_params(&mut params, name)?;
            artifacts.push(describe_table(dir, name, &file, params)?);
        } else if let Some(name) = model_name(dir, &file, &params) {
            let mut params = own_params(&mut params, &name)?;
            params.remove("kind");
            artifacts.push(BuildArtifact { name, kind: "ranker".to_owned(), path: file, rows: 0, params });
        }
    }
    match params.keys().next() {
        Some(name) => {
            Err(unreadable(&params_file, format!("[{name}] names neither {name}.parquet nor a model here")))
        }
        None if !artifacts.iter().any(|artifact| artifact.kind == "catalog") => {
            Err(unreadable(dir, format!("has no catalog.parquet; {MANIFEST} was not written")))
        }
        None => Ok(artifacts),
    }
}

/// Writes those tables of users' features anew, in place, whose parameters ask for `shards` that they do not have yet.
///
/// # Errors
/// A table that cannot be read or written.
pub fn shard_tables(dir: &Path, artifacts: &[BuildArtifact]) -> Result<(), SnapshotError> {
    for artifact in artifacts.iter().filter(|artifact| artifact.kind == "user_features") {
        let shards =
            artifact.params.get("shards").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
        // Another number is refused by the decoder, with what is allowed.
        let Some(shards) = shards.filter(|shards| (1..=super::decode::MAX_SHARDS).contains(shards)) else {
            continue;
        };
        let failed = |source| SnapshotError::Table { artifact: artifact.name.clone(), source };
        let path = dir.join(&artifact.path);
        let table = Table::open_parquet(&path, &TableLimits::default()).map_err(failed)?;
        if super::decode::is_sharded(&table, shards) {
            continue;
        }
        drop(table);
        let other = dir.join(format!(".{}.sharded", artifact.path));
        let written = write_shards(&path, &other, shards).map_err(failed);
        let moved = written.and_then(|()| {
            std::fs::rename(&other, &path).map_err(|e| SnapshotError::Content {
                artifact: artifact.name.clone(),
                reason: e.to_string(),
            })
        });
        if moved.is_err() {
            let _ = std::fs::remove_file(&other); // what is left of it is of no use
        }
        moved?;
    }
    Ok(())
}

fn own_params(params: &mut toml::Table, name: &str) -> Result<Map<String, Value>, SnapshotError> {
    let Some(value) = params.remove(name) else { return Ok(Map::new()) };
    match serde_json::to_value(value) {
        Ok(Value::Object(params)) => Ok(params),
        _ => Err(SnapshotError::Content {
            artifact: name.to_owned(),
            reason: format!("[{name}] in params.toml is not a table"),
        }),
    }
}

fn describe_table(
    dir: &Path,
    name: &str,
    file: &str,
    mut params: Map<String, Value>,
) -> Result<BuildArtifact, SnapshotError> {
    let table = Table::open_parquet(&dir.join(file), &TableLimits::default())
        .map_err(|source| SnapshotError::Table { artifact: name.to_owned(), source })?;
    let said = params.remove("kind").and_then(|kind| Some(kind.as_str()?.to_owned()));
    let told = || if name == "catalog" { Some("catalog") } else { kind_of(&table) };
    let kind = said.or_else(|| told().map(str::to_owned)).ok_or_else(|| {
        let found: Vec<&str> = table.columns().iter().map(|(column, _)| column.as_str()).collect();
        let reason = format!("its columns ({}) are those of no artifact kind", found.join(", "));
        SnapshotError::Content { artifact: name.to_owned(), reason }
    })?;
    let rows = table.rows() as u64;
    Ok(BuildArtifact { name: name.to_owned(), kind, path: file.to_owned(), rows, params })
}

/// The name of the artifact that a file is if it is a model: it looks like one, or `params.toml` says so.
fn model_name(dir: &Path, file: &str, params: &toml::Table) -> Option<String> {
    let (name, ending) = file.rsplit_once('.').filter(|(name, _)| !name.is_empty())?;
    if !MODEL_ENDINGS.contains(&ending) || file == MANIFEST {
        return None;
    }
    let said = params.get(name).and_then(toml::Value::as_table);
    let said = said.is_some_and(|params| params.contains_key("format") || params.contains_key("inputs"));
    let looks = || {
        let mut head = Vec::new();
        let opened = std::fs::File::open(dir.join(file)).ok()?;
        opened.take(4096).read_to_end(&mut head).ok()?;
        Format::guess(&head)
    };
    (said || looks().is_some()).then(|| name.to_owned())
}

fn kind_of(table: &Table) -> Option<&'static str> {
    let has = |column: &str| table.has(column);
    let vector = has("vector") && table.kind("vector").is_ok_and(|kind| *kind == CellKind::Floats);
    if has("neighbor_id") || has("neighbors") {
        Some("item_neighbors")
    } else if has("session_id") && has("item_id") && has("timestamp") {
        Some("session_knn")
    } else if has("user_id") && has("items") {
        Some("user_items")
    } else if vector && has("user_id") {
        Some("user_vectors")
    } else if vector && has("item_id") {
        Some("item_vectors")
    } else if has("item_id") && has("score") {
        Some("popularity")
    } else if has("item_id") && table.columns().len() > 1 && !has("vector") {
        Some("item_features")
    } else if has("user_id") && table.columns().len() > 1 && !has("vector") {
        Some("user_features")
    } else {
        None
    }
}
