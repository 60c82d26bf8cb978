//! From a directory that somebody else wrote to the artifacts in it: each file's kind is told from the file.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use serde_json::{Map, Value};

use super::kinds::{self, ArtifactError, ArtifactKind as _, Catalog, FoundFile};
use super::{BuildArtifact, DirectoryError, MANIFEST, SnapshotError};
use crate::artifact::table::{Table, TableLimits};
use crate::artifact::{MAX_SMALL_OBJECT, name_of, open_regular, read_regular};

/// The bytes at a file's beginning that its kind may be told from.
const HEAD: u64 = 4096;

/// The file with the artifacts' parameters.
const PARAMS: &str = "params.toml";

/// Describes the files of a directory that somebody else wrote: each table's kind is told from its columns,
/// `catalog.parquet` from its name, a model from its first bytes, and `params.toml` (a table per artifact name) gives
/// parameters, or another `kind`.
///
/// # Errors
/// A Parquet file of no known kind, a malformed `params.toml`, or a table there for a file that is not.
pub fn describe_directory(dir: &Path) -> Result<Vec<BuildArtifact>, SnapshotError> {
    let mut params = read_params(dir)?;
    let mut artifacts = Vec::new();
    for file in files(dir)? {
        let Some((name, _)) = file.rsplit_once('.').filter(|(name, _)| !name.is_empty()) else { continue };
        // Taken out only where the file turns out to be an artifact: what is left over names no file, which is a typing
        // mistake.
        let own = params.get(name).cloned().unwrap_or_default();
        let described = describe(dir, name, &file, own);
        if let Some(artifact) = described.map_err(|error| SnapshotError::of_artifact(name, error))? {
            params.remove(name);
            artifacts.push(artifact);
        }
    }
    if let Some(name) = params.into_keys().next() {
        return Err(of_file(&dir.join(PARAMS), DirectoryError::UnusedParams { name }));
    }
    if !artifacts.iter().any(|artifact| artifact.kind == Catalog::NAME) {
        return Err(of_file(dir, DirectoryError::NoCatalog));
    }
    Ok(artifacts)
}

/// Something in a snapshot's directory that is none of its artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name.
    pub name: String,
    /// What it is, to follow "is".
    pub what: String,
}

/// What lies in a directory besides its `artifacts`, the manifest and `params.toml`, by name.
///
/// # Errors
/// A directory that cannot be read.
pub fn left_out(dir: &Path, artifacts: &[BuildArtifact]) -> Result<Vec<LeftOut>, SnapshotError> {
    let mut left_out = Vec::new();
    for name in names(dir)? {
        // What begins with two dots is how a mounted volume changes all its files at once.
        let belongs = name == MANIFEST || name == PARAMS || name.starts_with("..");
        if belongs || artifacts.iter().any(|artifact| artifact.path == name) {
            continue;
        }
        let what = match fs::metadata(dir.join(&name)) {
            Ok(about) if about.is_file() => "a file of no kind that is known".to_owned(),
            Ok(about) => name_of(about.file_type()).to_owned(),
            Err(error) => format!("a link that leads nowhere ({error})"),
        };
        left_out.push(LeftOut { name, what });
    }
    Ok(left_out)
}

/// What `params.toml` says, by artifact.
fn read_params(dir: &Path) -> Result<BTreeMap<String, Value>, SnapshotError> {
    let file = dir.join(PARAMS);
    let bytes = match read_regular(&file, MAX_SMALL_OBJECT) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(of_file(&file, error)),
    };
    toml::from_slice(&bytes).map_err(|error| of_file(&file, error))
}

/// The names of the files, in an order that does not depend on the system.
fn files(dir: &Path) -> Result<Vec<String>, SnapshotError> {
    let mut files = names(dir)?;
    // Nothing but files: opening a pipe would wait for its writer.
    files.retain(|file| file != MANIFEST && dir.join(file).is_file());
    Ok(files)
}

/// The names of all that is in a directory, sorted.
fn names(dir: &Path) -> Result<Vec<String>, SnapshotError> {
    let entries = fs::read_dir(dir).map_err(|error| of_file(dir, error))?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

fn of_file(file: &Path, source: impl Into<DirectoryError>) -> SnapshotError {
    SnapshotError::Directory { file: file.display().to_string(), source: source.into() }
}

/// The artifact that a file is; `None` for one that has nothing to do with the snapshot.
fn describe(
    dir: &Path,
    name: &str,
    file: &str,
    params: Value,
) -> Result<Option<BuildArtifact>, ArtifactError> {
    let mut params = match params {
        Value::Object(params) => params,
        Value::Null => Map::new(),
        _ => return Err(ArtifactError::ParamsNoTable { name: name.to_owned() }),
    };
    let path = dir.join(file);
    let is_parquet = file.ends_with(".parquet");
    let table = if is_parquet { Some(Table::open_parquet(&path, &TableLimits::default())?) } else { None };
    let head = if is_parquet { Vec::new() } else { head(&path) };
    let found = FoundFile { file, head: &head, table: table.as_ref(), params: &params };
    // Asked even where `params.toml` says the kind: a file that nothing recognises is left alone, whatever is said of
    // it.
    let recognised = kinds::ALL.iter().find(|kind| (kind.recognise)(&found)).map(|kind| kind.name.to_owned());
    // What the publisher says wins, but only over a file that is an artifact at all.
    let said = params.remove("kind").and_then(|kind| Some(kind.as_str()?.to_owned()));
    let kind = match (said, recognised) {
        (Some(said), recognised) if is_parquet || recognised.is_some() => said,
        (_, Some(recognised)) => recognised,
        (_, None) => {
            let Some(table) = &table else { return Ok(None) };
            let columns: Vec<&str> = table.columns().iter().map(|(column, _)| column.as_str()).collect();
            return Err(ArtifactError::Unrecognised { columns: columns.join(", ") });
        }
    };
    let rows = table.map_or(0, |table| table.rows() as u64);
    Ok(Some(BuildArtifact { name: name.to_owned(), kind, path: file.to_owned(), rows, params }))
}

/// The first bytes of a file; none of what cannot be read, which is no artifact then.
fn head(path: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    let read = open_regular(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    if read.is_err() {
        head.clear();
    }
    head
}
