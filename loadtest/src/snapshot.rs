//! Who shops for what, from a snapshot's own artifacts: items as popular as its `popularity` says, categories likewise,
//! and users as active as their lists in `user_items` are long.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use serde::Deserialize;

use crate::shoppers::{ContextChoice, Pool};

/// What requests can be made up from.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Clientele {
    pub(crate) items: Pool,
    pub(crate) users: Pool,
    /// One for each name in popularity's segments, such as `category`.
    pub(crate) contexts: Vec<ContextChoice>,
}

/// A snapshot that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    #[error(
        "{0}: neither a store with one channel or a channel \"production\", nor a snapshot's directory with a manifest.json"
    )]
    NoManifest(PathBuf),
    #[error("{path}: {reason}")]
    Unreadable { path: PathBuf, reason: String },
    #[error("{0}: the manifest names no popularity artifact, so that nothing says which items to ask for")]
    NoPopularity(PathBuf),
}

#[derive(Deserialize)]
struct Channel {
    snapshot: String,
}

#[derive(Deserialize)]
struct Manifest {
    artifacts: Vec<Artifact>,
}

#[derive(Deserialize)]
struct Artifact {
    kind: String,
    path: String,
}

/// Reads a store (its channel `production`, or its only one) or a snapshot's own directory.
pub(crate) fn read(dir: &Path) -> Result<Clientele, SnapshotError> {
    let snapshot = snapshot_of(dir)?;
    let manifest: Manifest = json(&snapshot.join("manifest.json"))?;
    let of_kind = |kind: &'static str| {
        let artifacts = manifest.artifacts.iter().filter(move |artifact| artifact.kind == kind);
        artifacts.map(|artifact| snapshot.join(&artifact.path))
    };
    let popularity = of_kind("popularity").next();
    let popularity = popularity.ok_or_else(|| SnapshotError::NoPopularity(snapshot.join("manifest.json")))?;
    let mut clientele = Clientele::default();
    let mut items = HashMap::new();
    let mut segments: BTreeMap<String, HashMap<String, f64>> = BTreeMap::new();
    rows(&popularity, &["item_id", "score", "segment"], |row| {
        let (Some(item), Some(score)) = (text(&row, "item_id"), number(&row, "score")) else { return };
        match text(&row, "segment").as_deref().map(|segment| segment.split_once('=')) {
            None => *items.entry(item).or_default() += score,
            Some(Some((name, value))) => {
                *segments.entry(name.to_owned()).or_default().entry(value.to_owned()).or_default() += score;
            }
            Some(None) => {}
        }
    })?;
    clientele.items = ranked(items);
    clientele.contexts =
        segments.into_iter().map(|(name, values)| ContextChoice { name, values: ranked(values) }).collect();

    let mut users: HashMap<String, f64> = HashMap::new();
    let with_lists: Vec<PathBuf> = of_kind("user_items").collect();
    // Who has no list has bought nothing; such users are asked for where there are no others.
    let tables = if with_lists.is_empty() { of_kind("user_vectors").collect() } else { with_lists };
    for path in tables {
        rows(&path, &["user_id", "items"], |row| {
            let Some(user) = text(&row, "user_id") else { return };
            let weight = users.entry(user).or_insert(1.0);
            *weight = weight.max(length(&row, "items") as f64);
        })?;
    }
    clientele.users = ranked(users);
    Ok(clientele)
}

fn snapshot_of(dir: &Path) -> Result<PathBuf, SnapshotError> {
    if dir.join("manifest.json").is_file() {
        return Ok(dir.to_owned());
    }
    let channels = dir.join("channels");
    let production = channels.join("production.json");
    let channel = if production.is_file() {
        production
    } else {
        let files = std::fs::read_dir(&channels).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut files = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
        match (files.next(), files.next()) {
            (Some(only), None) => only,
            _ => return Err(SnapshotError::NoManifest(dir.to_owned())),
        }
    };
    let channel: Channel = json(&channel)?;
    Ok(dir.join("snapshots").join(channel.snapshot))
}

fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, SnapshotError> {
    let unreadable = |reason: String| SnapshotError::Unreadable { path: path.to_owned(), reason };
    let text = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))
}

/// Each row of a table, with those of the columns that it has.
fn rows(path: &Path, columns: &[&str], mut each: impl FnMut(Row)) -> Result<(), SnapshotError> {
    let unreadable = |reason: String| SnapshotError::Unreadable { path: path.to_owned(), reason };
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let reader = SerializedFileReader::new(file).map_err(|error| unreadable(error.to_string()))?;
    let schema = reader.metadata().file_metadata().schema().clone();
    let fields =
        schema.get_fields().iter().filter(|field| columns.contains(&field.name())).cloned().collect();
    let wanted = Type::group_type_builder(schema.name()).with_fields(fields).build();
    let wanted = wanted.map_err(|error| unreadable(error.to_string()))?;
    for row in reader.get_row_iter(Some(wanted)).map_err(|error| unreadable(error.to_string()))? {
        each(row.map_err(|error| unreadable(error.to_string()))?);
    }
    Ok(())
}

fn field<'a>(row: &'a Row, name: &str) -> Option<&'a Field> {
    row.get_column_iter().find_map(|(column, field)| (column == name).then_some(field))
}

fn text(row: &Row, name: &str) -> Option<String> {
    match field(row, name)? {
        Field::Str(text) => Some(text.clone()),
        _ => None,
    }
}

/// A score that can be drawn by.
fn number(row: &Row, name: &str) -> Option<f64> {
    let number = match field(row, name)? {
        Field::Float(number) => f64::from(*number),
        Field::Double(number) => *number,
        _ => return None,
    };
    (number.is_finite() && number > 0.0).then_some(number)
}

fn length(row: &Row, name: &str) -> usize {
    match field(row, name) {
        Some(Field::ListInternal(list)) => list.elements().len(),
        _ => 0,
    }
}

/// The heaviest first; equals by their ids, so that the same snapshot makes the same requests.
fn ranked(weights: HashMap<String, f64>) -> Pool {
    let mut ranked: Vec<(String, f64)> = weights.into_iter().collect();
    ranked.sort_by(|(a, a_weight), (b, b_weight)| b_weight.total_cmp(a_weight).then_with(|| a.cmp(b)));
    let (ids, weights) = ranked.into_iter().unzip();
    Pool { ids, weights: Some(weights) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_snapshot_says_who_shops_for_what() {
        let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        let clientele = read(&store).unwrap();
        let weights = clientele.items.weights.as_ref().unwrap();
        assert!(clientele.items.ids.len() > 1000 && clientele.users.ids.len() > 1000);
        assert!(
            weights.windows(2).all(|pair| pair[0] >= pair[1]) && weights.iter().all(|weight| *weight > 0.0)
        );
        assert!(clientele.users.weights.as_ref().unwrap()[0] > 1.0, "somebody has a list");
        assert!(
            clientele.contexts.iter().any(|choice| choice.name == "category" && choice.values.ids.len() > 3)
        );
        assert_eq!(read(&snapshot_of(&store).unwrap()).unwrap(), clientele);
    }

    #[test]
    fn what_is_no_snapshot_is_told() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).unwrap_err().to_string().contains("manifest.json"));
        std::fs::write(dir.path().join("manifest.json"), "{\"artifacts\": []}").unwrap();
        assert!(read(dir.path()).unwrap_err().to_string().contains("no popularity"));
    }
}
