//! Files become indexes: one function per artifact kind, each checking every row.

mod catalog;
mod features;
mod lists;
mod ranker;
mod sessions;
mod vectors;

use std::path::Path;

use serde_json::Value;

use super::content::{Artifact, ItemVectors, Keyed};
use super::{ArtifactEntry, IdTable, LoadOptions, SnapshotError};
use crate::artifact::table::{CellKind, Table, TableError, TableLimits};
use crate::index::{FoldIn, IndexKind, IndexParams, VectorIndex};

pub(super) use catalog::catalog;
pub(super) use features::{MAX_SHARDS, is_sharded, shards, whole_bytes};

/// A decoder's own error, without the artifact's name.
#[derive(Debug)]
pub(super) enum Fault {
    Table(TableError),
    Content(String),
}

impl From<TableError> for Fault {
    fn from(error: TableError) -> Self {
        Fault::Table(error)
    }
}

impl Fault {
    pub(super) fn of(self, artifact: &str) -> SnapshotError {
        let artifact = artifact.to_owned();
        match self {
            Fault::Table(source) => SnapshotError::Table { artifact, source },
            Fault::Content(reason) => SnapshotError::Content { artifact, reason },
        }
    }
}

/// Opens an artifact's table and holds it against what the manifest says.
pub(super) fn open(entry: &ArtifactEntry, path: &Path, limits: &TableLimits) -> Result<Table, Fault> {
    let table = Table::open_parquet(path, limits)?;
    if entry.rows != 0 && table.rows() as u64 != entry.rows {
        return Err(Fault::Content(format!(
            "the file has {} rows, the manifest says {}",
            table.rows(),
            entry.rows
        )));
    }
    Ok(table)
}

/// The kinds that [`artifact`] decodes.
pub(super) const KINDS: [&str; 9] = [
    "popularity",
    "item_neighbors",
    "session_knn",
    "item_vectors",
    "user_vectors",
    "user_items",
    "item_features",
    "user_features",
    "ranker",
];

/// Decodes any artifact but the catalogue.
pub(super) fn artifact(
    entry: &ArtifactEntry,
    path: &Path,
    items: &IdTable,
    options: &LoadOptions,
) -> Result<Artifact, Fault> {
    let params = Params(entry);
    if entry.kind == "ranker" {
        return Ok(Artifact::Ranker(ranker::ranker(&params, path)?)); // no table
    }
    let table = open(entry, path, &options.table)?;
    match entry.kind.as_str() {
        "popularity" => Ok(Artifact::Popularity(lists::popularity(&table, items)?)),
        "item_neighbors" => Ok(Artifact::Neighbors(lists::neighbors(&table, items)?)),
        "session_knn" => {
            let (defaults, limits) = (params.session_knn()?, params.session_limits()?);
            let again = table.clone();
            Ok(Artifact::SessionKnn(sessions::sessions([&table, &again], items, limits)?, defaults))
        }
        "item_vectors" => {
            let vectors = vectors::by_item(&table, items, params.metric()?)?;
            let fold_in = FoldIn::new(&vectors, params.fold_in()?);
            let index = VectorIndex::build(vectors, params.vector_index()?);
            Ok(Artifact::ItemVectors(Box::new(ItemVectors { index, fold_in })))
        }
        "user_vectors" => {
            let (users, rows) = vectors::by_user(&table, params.metric()?)?;
            Ok(Artifact::UserVectors(Keyed { users, rows }))
        }
        "user_items" => {
            let (users, rows) = lists::user_items(&table, items)?;
            Ok(Artifact::UserItems(Keyed { users, rows }))
        }
        "item_features" => Ok(Artifact::ItemFeatures(features::by_item(&table, items)?)),
        "user_features" => {
            let memory = options.user_features_memory;
            Ok(Artifact::UserFeatures(features::by_user(&params, &table, path, memory)?))
        }
        other => {
            let nearest = crate::feature::nearest(other, KINDS);
            let hint = nearest.map(|kind| format!("; did you mean \"{kind}\"?")).unwrap_or_default();
            Err(Fault::Content(format!("kind \"{other}\" is not known to this version{hint}")))
        }
    }
}

/// Reads an artifact's parameters with a message that names the key.
pub(super) struct Params<'a>(pub(super) &'a ArtifactEntry);

impl Params<'_> {
    fn number(&self, key: &str, default: f64, range: std::ops::RangeInclusive<f64>) -> Result<f64, Fault> {
        match self.0.params.get(key) {
            None => Ok(default),
            Some(value) => value.as_f64().filter(|number| range.contains(number)).ok_or_else(|| {
                let (low, high) = (range.start(), range.end());
                Fault::Content(format!("params.{key} is {value}, expected a number from {low} to {high}"))
            }),
        }
    }

    pub(super) fn metric(&self) -> Result<crate::index::Metric, Fault> {
        let name = self.0.params.get("metric").cloned().unwrap_or_else(|| Value::from("inner_product"));
        name.as_str().and_then(crate::index::Metric::parse).ok_or_else(|| {
            Fault::Content(format!("params.metric is {name}, expected inner_product, cosine or l2"))
        })
    }

    pub(super) fn vector_index(&self) -> Result<IndexParams, Fault> {
        let standard = IndexParams::default();
        let name = self.0.params.get("index").cloned().unwrap_or_else(|| Value::from("auto"));
        let kind = name.as_str().and_then(IndexKind::parse).ok_or_else(|| {
            let names = IndexKind::NAMES.join(", ");
            Fault::Content(format!("params.index is {name}, expected one of {names}"))
        })?;
        let recall = self.number("recall", standard.recall.into(), 0.5..=1.0)? as f32;
        let partitions = match self.0.params.get("partitions") {
            None => None,
            Some(_) => Some(self.number("partitions", 0.0, 1.0..=65536.0)? as usize),
        };
        Ok(IndexParams { kind, recall, partitions })
    }

    fn fold_in(&self) -> Result<crate::index::FoldInParams, Fault> {
        Ok(crate::index::FoldInParams {
            alpha: self.number("alpha", 10.0, 0.0..=1e6)? as f32,
            regularization: self.number("regularization", 1.0, 1e-6..=1e9)? as f32,
        })
    }

    fn session_limits(&self) -> Result<crate::index::SessionLimits, Fault> {
        let standard = crate::index::SessionLimits::default();
        let count =
            |key, default: usize| self.number(key, default as f64, 1.0..=1e6).map(|number| number as usize);
        Ok(crate::index::SessionLimits {
            items_per_session: count("max_items_per_session", standard.items_per_session)?,
            sessions_per_item: count("max_sessions_per_item", standard.sessions_per_item)?,
        })
    }

    fn session_knn(&self) -> Result<crate::index::SessionKnnParams, Fault> {
        let standard = crate::index::SessionKnnParams::default();
        let count = |key, default: usize, most| {
            self.number(key, default as f64, 1.0..=most).map(|number| number as usize)
        };
        Ok(crate::index::SessionKnnParams {
            m_most_recent_sessions: count("m_most_recent_sessions", standard.m_most_recent_sessions, 1e6)?,
            k_neighbors: count("k_neighbors", standard.k_neighbors, 1e6)?,
            max_items_in_session: count("max_items_in_session", standard.max_items_in_session, 64.0)?,
            idf_weighting: self.number("idf_weighting", standard.idf_weighting.into(), 0.0..=100.0)? as f32,
            ..standard
        })
    }
}

/// The number of an item named in a row, or the reason to refuse the row.
fn known_item(items: &IdTable, id: &str) -> Result<u32, String> {
    items.number(id).ok_or_else(|| format!("item \"{id}\" is not in the catalogue"))
}

fn list_kinds(table: &Table, columns: [&str; 2]) -> Result<(), TableError> {
    table.expect(columns[0], &[CellKind::Texts], "a list of text")?;
    table.expect(columns[1], &[CellKind::Floats], "a list of numbers")
}
