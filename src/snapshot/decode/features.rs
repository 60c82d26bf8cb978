//! `item_features` and `user_features`: typed columns by id, narrowed to what rankers read.

use std::path::Path;

use super::{Fault, Params, known_item};
use crate::artifact::table::{Cell, CellKind, Table, TableError};
use crate::feature::{FeatureColumn, Features, TextCodesBuilder};
use crate::snapshot::IdTable;
use crate::snapshot::content::Keyed;
use crate::snapshot::users::{IdFilter, Plan, Sharded, UserColumn, UserFeatures, shard_of};

/// The most shards of a user table.
pub(in crate::snapshot) const MAX_SHARDS: u32 = 65_536;
/// What the id of a user takes beside its text.
const ID_BYTES: u64 = 16;

/// One row an item of the catalogue; missing values where the file has no row for it.
pub(super) fn by_item(table: &Table, items: &IdTable) -> Result<Features, Fault> {
    let mut rows = Vec::with_capacity(table.rows());
    let mut seen = vec![false; items.len()];
    table.each_id("item_id", |_, id| {
        let item = known_item(items, id)?;
        match seen.get_mut(item as usize) {
            Some(seen) if *seen => return Err(format!("\"{id}\" occurs a second time")),
            Some(seen) => *seen = true,
            None => {}
        }
        rows.push(item);
        Ok(())
    })?;
    Ok(columns(table, "item_id", items.len(), |row| rows.get(row).map_or(usize::MAX, |item| *item as usize))?)
}

/// The whole table, or what is needed to read it shard by shard, as fits `memory`.
pub(super) fn by_user(
    params: &Params<'_>,
    table: &Table,
    path: &Path,
    memory: u64,
) -> Result<UserFeatures, Fault> {
    let known = user_columns(table)?;
    let (whole, shards) = (whole_bytes(table), shards(params)?);
    if whole <= memory {
        return Ok(UserFeatures::whole(known, keyed(table)?));
    }
    let each = whole / u64::from(shards.max(1));
    if shards == 0 || each > memory / 2 {
        let wanted = (whole / (memory / 16).max(1) + 1).next_power_of_two();
        return Err(Fault::Content(format!(
            "would take about {whole} bytes in memory, and user_features_memory is {memory}: give it more, or set \
             shards = {wanted} for it in params.toml and build the snapshot again (a shard may take half of that memory)"
        )));
    }
    let (groups, filter) = survey(table, shards)?;
    let plan = Plan { groups, filter, memory, whole };
    Ok(UserFeatures::sharded(known, Sharded::open(table, path, plan, keyed)?))
}

/// The bytes that a table of users takes as a whole, roughly: the measure by which it is held whole or read by shard.
pub(in crate::snapshot) fn whole_bytes(table: &Table) -> u64 {
    let cells = (table.columns().len() as u64).saturating_sub(1) * 4;
    table.column_bytes("user_id").saturating_add((table.rows() as u64).saturating_mul(cells + ID_BYTES))
}

/// The shards that a table of users is said to be in; 0 where nothing is said.
pub(in crate::snapshot) fn shards(params: &Params<'_>) -> Result<u32, Fault> {
    Ok(params.number("shards", 0.0, 0.0..=f64::from(MAX_SHARDS))? as u32)
}

/// Whether the row groups of a table are these many shards.
pub(in crate::snapshot) fn is_sharded(table: &Table, shards: u32) -> bool {
    survey(table, shards).is_ok()
}

/// Reads the ids of a sharded file, which must say the same as their row groups.
fn survey(table: &Table, shards: u32) -> Result<(Vec<Option<u32>>, IdFilter), Fault> {
    let mut groups: Vec<Option<u32>> = vec![None; shards as usize];
    let mut filter = IdFilter::new(table.rows());
    let again = "set shards in params.toml and build the snapshot again";
    for group in 0..table.groups() {
        let mut own: Option<u32> = None;
        let mut before = String::new();
        table.group(group)?.each_id("user_id", |row, id| {
            let shard = shard_of(id, shards);
            if own.is_some_and(|own| own != shard) {
                return Err(format!(
                    "\"{id}\" is of shard {shard} of {shards}, row group {group} is another's: {again}"
                ));
            }
            if row > 0 && id <= before.as_str() {
                return Err(format!(
                    "\"{id}\" follows \"{before}\": row group {group} is not sorted: {again}"
                ));
            }
            before.clear();
            before.push_str(id);
            own = Some(shard);
            filter.insert(id);
            Ok(())
        })?;
        let Some(shard) = own else { continue };
        match groups.get_mut(shard as usize) {
            Some(slot @ None) => *slot = Some(group as u32),
            _ => {
                let reason = format!("row group {group} is the second of shard {shard}: {again}");
                return Err(Fault::Content(reason));
            }
        }
    }
    Ok((groups, filter))
}

/// A table, or one shard of it, by user.
fn keyed(table: &Table) -> Result<Keyed<Features>, TableError> {
    let mut users = IdTable::with_capacity(table.rows());
    table.each_id("user_id", |_, id| users.insert(id).map(|_| ()))?;
    users.shrink();
    let rows = columns(table, "user_id", users.len(), |row| row)?;
    Ok(Keyed { users, rows })
}

fn user_columns(table: &Table) -> Result<Vec<UserColumn>, TableError> {
    table.expect("user_id", &[CellKind::Text], "text")?;
    let mut known = Vec::new();
    for (name, kind) in table.columns().iter().filter(|(name, _)| name != "user_id") {
        expect_feature(table, name)?;
        if known.iter().any(|column: &UserColumn| column.name == *name) {
            return Err(table.bad(name, 0, "the column occurs twice".to_owned()));
        }
        known.push(UserColumn { name: name.clone(), text: *kind == CellKind::Text });
    }
    Ok(known)
}

fn expect_feature(table: &Table, column: &str) -> Result<(), TableError> {
    let kinds = [CellKind::Bool, CellKind::Int, CellKind::Float, CellKind::Text, CellKind::Time];
    table.expect(column, &kinds, "bool, a number, text or a timestamp")
}

/// All columns but the id; `place` says where a row of the file goes.
fn columns(
    table: &Table,
    id: &str,
    rows: usize,
    place: impl Fn(usize) -> usize,
) -> Result<Features, TableError> {
    let mut features = Features::new(rows);
    for (name, kind) in table.columns().iter().filter(|(name, _)| name != id) {
        expect_feature(table, name)?;
        let column = if *kind == CellKind::Text {
            let mut texts = TextCodesBuilder::new(rows);
            table.each(name, &mut |row, cell| {
                if let Cell::Text(text) = cell {
                    texts.set(place(row), text);
                }
                Ok(())
            })?;
            texts.finish()
        } else {
            let mut numbers = vec![f32::NAN; rows];
            table.each(name, &mut |row, cell| {
                let number = match cell {
                    Cell::Bool(value) => f32::from(u8::from(value)),
                    Cell::Int(value) | Cell::Time(value) => value as f32,
                    Cell::Float(value) => value as f32,
                    _ => f32::NAN,
                };
                if number.is_infinite() {
                    return Err(format!(
                        "is {cell:?}, which no 32-bit float can hold; leave it out where it is unknown"
                    ));
                }
                if let Some(slot) = numbers.get_mut(place(row)) {
                    *slot = number;
                }
                Ok(())
            })?;
            FeatureColumn::Numbers(numbers)
        };
        if !features.add(name, column) {
            return Err(table.bad(name, 0, "the column occurs twice".to_owned()));
        }
    }
    Ok(features)
}
