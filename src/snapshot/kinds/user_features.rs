//! `user_features`: columns that rankers read, by user: in memory whole, or read by shard.

use std::path::Path;

use thiserror::Error;

use super::feature_columns::feature_columns;
use super::rows::{ColumnError, expect_feature, user_column};
use super::{ArtifactError, ArtifactKind, Encoded, FoundFile, Params, sizes};
use crate::artifact::table::{CellKind, Table, TableError, TableLimits};
use crate::feature::IdTable;
use crate::snapshot::users::{
    IdFilter, Plan, Sharded, UserColumn, UserFeatures, UserTable, shard_of, write_shards,
};
use crate::snapshot::{BuildArtifact, Prediction, SnapshotError};

/// The most shards of a table: each costs eight bytes of memory, whether it is used or not.
const MAX_SHARDS: u32 = 65_536;
/// Bytes that the id of a user takes beside its text.
const ID_BYTES: u64 = 16;

#[derive(Debug, Error)]
enum ShardError {
    #[error(
        "would take about {whole} bytes in memory, and user_features_memory is {memory}: give it more, or set \
         shards = {wanted} for it in params.toml and build the snapshot again (a shard may take half of that memory)"
    )]
    Memory { whole: u64, memory: u64, wanted: u64 },
    #[error("\"{id}\" is of shard {shard} of {shards}, row group {group} is another's: {AGAIN}")]
    OtherShard { id: String, shard: u32, shards: u32, group: usize },
    #[error("\"{id}\" follows \"{before}\": row group {group} is not sorted: {AGAIN}")]
    Unsorted { id: String, before: String, group: usize },
    #[error("row group {group} is the second of shard {shard}: {AGAIN}")]
    SecondGroup { group: usize, shard: u32 },
}

const AGAIN: &str = "set shards in params.toml and build the snapshot again";

impl ArtifactKind for UserFeatures {
    const NAME: &'static str = "user_features";

    fn recognise(file: &FoundFile<'_>) -> bool {
        let columns = file.table.map_or(0, |table| table.columns().len());
        file.has_columns(&["user_id"]) && columns > 1 && !file.has_columns(&["vector"])
    }

    /// The whole table, or what is needed to read it shard by shard, as fits the memory for it.
    fn decode(file: &Encoded<'_>, _: &IdTable) -> Result<Self, ArtifactError> {
        let table = file.table()?;
        let memory = file.options.user_features_memory;
        let known = user_columns(&table)?;
        let (whole, shards) = (whole_bytes(&table), shards(&file.params())?);
        if whole <= memory {
            return Ok(UserFeatures::whole(known, user_table(&table)?));
        }
        // A shard over half of the cache would drive out the one before it, and users of the two would wait in turns.
        let each = whole / u64::from(shards.max(1));
        if shards == 0 || each > memory / 2 {
            // A sixteenth of the cache each, so that some uneven shards do no harm.
            let wanted = (whole / (memory / 16).max(1) + 1).next_power_of_two();
            return Err(ArtifactError::content(ShardError::Memory { whole, memory, wanted }));
        }
        let (groups, filter) = survey(&table, shards)?;
        let plan = Plan { groups, filter, memory, whole, counters: file.options.user_counters.clone() };
        Ok(UserFeatures::sharded(known, Sharded::open(&table, plan, user_table)?))
    }

    fn predict(file: &Encoded<'_>, _: usize) -> Result<Prediction, ArtifactError> {
        let (table, memory) = (file.table()?, file.options.user_features_memory);
        let (rows, whole) = (table.rows(), whole_bytes(&table));
        if whole <= memory {
            let bytes = sizes::ids(&table, "user_id")? + sizes::features(&table, "user_id", rows)?;
            return Ok(Prediction::usual(bytes));
        }
        let cache = usize::try_from(memory).unwrap_or(usize::MAX);
        let places = shards(&file.params())? as usize * size_of::<Option<u32>>();
        // The cache fills later: a load reads no more than the ids.
        Ok(Prediction::flat(cache.saturating_add(IdFilter::predict_bytes(rows)).saturating_add(places)))
    }

    fn resident(&self) -> usize {
        self.resident_bytes()
    }
}

/// Writes those tables of users' features anew, in place, whose parameters ask for `shards` that they do not have yet.
///
/// # Errors
/// A table that cannot be read or written.
pub fn shard_tables(dir: &Path, artifacts: &[BuildArtifact]) -> Result<(), SnapshotError> {
    for artifact in artifacts.iter().filter(|artifact| artifact.kind == UserFeatures::NAME) {
        shard_table(dir, artifact).map_err(|error| SnapshotError::of_artifact(&artifact.name, error))?;
    }
    Ok(())
}

fn shard_table(dir: &Path, artifact: &BuildArtifact) -> Result<(), ArtifactError> {
    let said = artifact.params.get("shards").and_then(serde_json::Value::as_u64);
    let shards = said.and_then(|shards| u32::try_from(shards).ok());
    // Another number is refused by the decoder, with what is allowed.
    let Some(shards) = shards.filter(|shards| (1..=MAX_SHARDS).contains(shards)) else { return Ok(()) };
    let path = dir.join(&artifact.path);
    let table = Table::open_parquet(&path, &TableLimits::default())?;
    // Not written again where nothing changes: the digest, and with it the version, stays the same.
    if survey(&table, shards).is_ok() {
        return Ok(());
    }
    // Some systems do not replace a file that is open.
    drop(table);
    let other = dir.join(format!(".{}.sharded", artifact.path));
    let moved = write_shards(&path, &other, shards).map_err(ArtifactError::from).and_then(|()| {
        let unreadable = |source| ArtifactError::Unreadable { file: other.display().to_string(), source };
        std::fs::rename(&other, &path).map_err(unreadable)
    });
    if moved.is_err() {
        // What is left of it is of no use.
        let _ = std::fs::remove_file(&other);
    }
    moved
}

/// The bytes that a table of users takes as a whole, roughly: the measure by which it is held whole or read by shard.
fn whole_bytes(table: &Table) -> u64 {
    let cells = (table.columns().len() as u64).saturating_sub(1) * 4;
    table.column_bytes("user_id").saturating_add((table.rows() as u64).saturating_mul(cells + ID_BYTES))
}

/// The shards that a table of users is said to be in; 0 where nothing is said.
fn shards(params: &Params<'_>) -> Result<u32, ArtifactError> {
    Ok(params.number("shards", 0.0, 0.0..=f64::from(MAX_SHARDS))? as u32)
}

/// Reads the ids of a sharded file, which must say the same as their row groups.
fn survey(table: &Table, shards: u32) -> Result<(Vec<Option<u32>>, IdFilter), ArtifactError> {
    let mut groups: Vec<Option<u32>> = vec![None; shards as usize];
    let mut filter = IdFilter::new(table.rows());
    for group in 0..table.groups() {
        let mut own: Option<u32> = None;
        let mut before = String::new();
        table.group(group)?.each_id("user_id", |row, id| {
            let shard = shard_of(id, shards);
            if own.is_some_and(|own| own != shard) {
                return Err(ShardError::OtherShard { id: id.to_owned(), shard, shards, group }.into());
            }
            if row > 0 && id <= before.as_str() {
                return Err(ShardError::Unsorted { id: id.to_owned(), before: before.clone(), group }.into());
            }
            before.clear();
            before.push_str(id);
            own = Some(shard);
            // A user without features must not cost a reading of the disk.
            filter.insert(id);
            Ok(())
        })?;
        let Some(shard) = own else { continue };
        match groups.get_mut(shard as usize) {
            Some(slot @ None) => *slot = Some(group as u32),
            _ => return Err(ArtifactError::content(ShardError::SecondGroup { group, shard })),
        }
    }
    Ok((groups, filter))
}

/// A table, or one shard of it, by user.
fn user_table(table: &Table) -> Result<UserTable, TableError> {
    let users = user_column(table)?;
    let rows = feature_columns(table, "user_id", users.len(), |row| row)?;
    Ok(UserTable { users, rows })
}

fn user_columns(table: &Table) -> Result<Vec<UserColumn>, TableError> {
    table.expect("user_id", &[CellKind::Text], "text")?;
    let mut known = Vec::new();
    for (name, kind) in table.columns().iter().filter(|(name, _)| name != "user_id") {
        expect_feature(table, name)?;
        if known.iter().any(|column: &UserColumn| column.name == *name) {
            return Err(table.bad(name, 0, ColumnError::Twice));
        }
        known.push(UserColumn { name: name.clone(), text: *kind == CellKind::Text });
    }
    Ok(known)
}
