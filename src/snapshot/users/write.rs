//! Writes a user table by shard: one row group each, sorted by user id.

use std::path::Path;

use arrow_array::{ArrayRef, BooleanArray, Float32Array, Int64Array, StringArray, TimestampMillisecondArray};

use super::shard_of;
use crate::artifact::table::{Cell, CellKind, Table, TableError, TableLimits, TableWriter};

/// Reads the user table at `from` and writes it to `to` in `shards` shards. Each shard with users is one row group,
/// sorted by `user_id`; numbers become 32-bit floats.
///
/// # Errors
/// A table that cannot be read or written, or a column that is no feature.
pub fn write_shards(from: &Path, to: &Path, shards: u32) -> Result<(), TableError> {
    let table = Table::open_parquet(from, &TableLimits::default())?;
    let mut ids: Vec<Box<str>> = Vec::with_capacity(table.rows());
    table.each_id("user_id", |_, id| {
        ids.push(id.into());
        Ok(())
    })?;
    let mut order: Vec<(u32, u32)> =
        ids.iter().enumerate().map(|(row, id)| (shard_of(id, shards), row as u32)).collect();
    let id = |row: u32| ids.get(row as usize).map_or("", |id| &**id);
    // By id within a shard: the same users make the same bytes, whatever the order of the input, and so the same
    // digest.
    order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| id(a.1).cmp(id(b.1))));
    let mut groups = Vec::new();
    for run in order.chunk_by(|a, b| a.0 == b.0) {
        groups.push(run.len());
    }
    let rows: Vec<usize> = order.iter().map(|(_, row)| *row as usize).collect();
    let sorted = rows.iter().map(|row| id(*row as u32));
    let mut writer = TableWriter::default().column("user_id", StringArray::from_iter_values(sorted));
    for (name, kind) in table.columns().iter().filter(|(name, _)| name != "user_id") {
        writer = writer.column(name, column(&table, name, kind, &rows)?);
    }
    writer.write_groups(to, &groups)
}

/// A column in the order of `rows`.
fn column(table: &Table, name: &str, kind: &CellKind, rows: &[usize]) -> Result<ArrayRef, TableError> {
    macro_rules! gather {
        ($cell:pat => $value:expr, $array:ty) => {{
            // A whole column at a time: a table of users may be larger than memory, but one column of it is not.
            let mut values = vec![None; rows.len()];
            table.each(name, &mut |row, cell| {
                if let ($cell, Some(slot)) = (cell, values.get_mut(row)) {
                    *slot = Some($value);
                }
                Ok(())
            })?;
            let sorted = rows.iter().map(|row| values.get_mut(*row).and_then(Option::take));
            std::sync::Arc::new(sorted.collect::<$array>()) as ArrayRef
        }};
    }
    Ok(match kind {
        CellKind::Bool => gather!(Cell::Bool(value) => value, BooleanArray),
        CellKind::Int => gather!(Cell::Int(value) => value, Int64Array),
        CellKind::Float => gather!(Cell::Float(value) => value as f32, Float32Array),
        CellKind::Text => gather!(Cell::Text(value) => value.to_owned(), StringArray),
        CellKind::Time => gather!(Cell::Time(value) => value, TimestampMillisecondArray),
        _ => {
            table.expect(name, &[], "bool, a number, text or a timestamp")?;
            gather!(Cell::Bool(value) => value, BooleanArray)
        }
    })
}
