//! Items, users and categories from a snapshot's own artifacts, as frequent as its `popularity` and `user_items` say.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::files::{self, FileError};
use crate::shoppers::Pool;

/// What requests can be made up from.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Known {
    pub(crate) items: Pool,
    pub(crate) users: Pool,
    /// One for each name in popularity's segments, such as `category`.
    pub(crate) contexts: BTreeMap<String, Pool>,
}

/// A snapshot that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{path}: {source}")]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("{path}: {source}")]
    Table { path: PathBuf, source: ParquetError },
    #[error("{0} names no popularity artifact, so nothing says which items to ask for")]
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

/// Reads a store (its channel `production`) or a snapshot's own directory.
pub(crate) fn read(dir: &Path) -> Result<Known, SnapshotError> {
    let snapshot = snapshot_of(dir)?;
    let manifest: Manifest = json(&snapshot.join("manifest.json"))?;
    let of_kind = |kind: &str| -> Vec<PathBuf> {
        let artifacts = manifest.artifacts.iter().filter(|artifact| artifact.kind == kind);
        artifacts.map(|artifact| snapshot.join(&artifact.path)).collect()
    };
    let popularity = of_kind("popularity");
    let popularity = popularity.first().ok_or(SnapshotError::NoPopularity(snapshot.join("manifest.json")))?;
    // Sorted maps, so that the same snapshot makes the same requests.
    let mut items: BTreeMap<String, f64> = BTreeMap::new();
    let mut contexts: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for_each_row(popularity, &["item_id", "score", "segment"], |row| {
        let (Some(item), Some(score)) = (text(&row, "item_id"), score(&row)) else { return };
        match text(&row, "segment").as_deref().map(|segment| segment.split_once('=')) {
            None => *items.entry(item).or_default() += score,
            Some(Some((name, value))) => {
                *contexts.entry(name.to_owned()).or_default().entry(value.to_owned()).or_default() += score;
            }
            // A segment without a name is not one that a request can ask for.
            Some(None) => {}
        }
    })?;
    let mut users: BTreeMap<String, f64> = BTreeMap::new();
    for path in of_kind("user_items") {
        for_each_row(&path, &["user_id", "items"], |row| {
            let Some(user) = text(&row, "user_id") else { return };
            let weight = users.entry(user).or_insert(1.0);
            // Tables of several placements may list the same user.
            *weight = weight.max(list_length(&row, "items") as f64);
        })?;
    }
    let contexts = contexts.into_iter().map(|(name, values)| (name, Pool::new(values))).collect();
    Ok(Known { items: Pool::new(items), users: Pool::new(users), contexts })
}

/// The directory itself, or what the channel `production` of a store names.
fn snapshot_of(dir: &Path) -> Result<PathBuf, SnapshotError> {
    if dir.join("manifest.json").is_file() {
        return Ok(dir.to_owned());
    }
    let channel: Channel = json(&dir.join("channels/production.json"))?;
    Ok(dir.join("snapshots").join(channel.snapshot))
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, SnapshotError> {
    serde_json::from_str(&files::read(path)?)
        .map_err(|source| SnapshotError::Json { path: path.to_owned(), source })
}

/// Hands out each row of a table, with those of the columns that the table has.
fn for_each_row(path: &Path, columns: &[&str], mut each: impl FnMut(Row)) -> Result<(), SnapshotError> {
    let failed = |source| SnapshotError::Table { path: path.to_owned(), source };
    let file = File::open(path).map_err(|error| failed(error.into()))?;
    let reader = SerializedFileReader::new(file).map_err(failed)?;
    let schema = reader.metadata().file_metadata().schema();
    let fields = schema.get_fields().iter().filter(|field| columns.contains(&field.name())).cloned();
    let wanted =
        Type::group_type_builder(schema.name()).with_fields(fields.collect()).build().map_err(failed)?;
    for row in reader.get_row_iter(Some(wanted)).map_err(failed)? {
        each(row.map_err(failed)?);
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

/// A score that can serve as a weight.
fn score(row: &Row) -> Option<f64> {
    let score = match field(row, "score")? {
        Field::Float(number) => f64::from(*number),
        Field::Double(number) => *number,
        _ => return None,
    };
    (score.is_finite() && score > 0.0).then_some(score)
}

fn list_length(row: &Row, name: &str) -> usize {
    match field(row, name) {
        Some(Field::ListInternal(list)) => list.elements().len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_snapshot_says_who_looks_at_what() {
        let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        let known = read(&store).unwrap();
        assert!(known.items.ids.len() > 1000 && known.users.ids.len() > 1000);
        assert!(known.contexts["category"].ids.len() > 3);
        assert_eq!(read(&snapshot_of(&store).unwrap()).unwrap(), known);
    }

    #[test]
    fn a_folder_without_a_snapshot_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).unwrap_err().to_string().contains("production.json"));
        std::fs::write(dir.path().join("manifest.json"), "{\"artifacts\": []}").unwrap();
        assert!(read(dir.path()).unwrap_err().to_string().contains("no popularity"));
    }
}
