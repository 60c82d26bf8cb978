//! `item_vectors` and `user_vectors`.

use super::{Fault, known_item};
use crate::artifact::table::{Cell, CellKind, Table, TableError};
use crate::index::{Metric, Vectors};
use crate::machine::large_zeroed;
use crate::snapshot::IdTable;

/// The widest vector.
const MAX_WIDTH: usize = 4096;

pub(super) fn by_item(table: &Table, items: &IdTable, metric: Metric) -> Result<Vectors, Fault> {
    let mut rows: Vec<usize> = Vec::with_capacity(table.rows());
    let mut present = vec![false; items.len()];
    table.each_id("item_id", |_, id| {
        let item = known_item(items, id)? as usize;
        if std::mem::replace(&mut present[item], true) {
            return Err(format!("\"{id}\" occurs a second time"));
        }
        rows.push(item);
        Ok(())
    })?;
    let (width, values) = read(table, items.len(), |row| rows[row])?;
    finish(width, metric, values, present)
}

pub(super) fn by_user(table: &Table, metric: Metric) -> Result<(IdTable, Vectors), Fault> {
    let mut users = IdTable::with_capacity(table.rows());
    table.each_id("user_id", |_, id| users.insert(id).map(|_| ()))?;
    users.shrink();
    let (width, values) = read(table, users.len(), |row| row)?;
    let present = vec![true; users.len()];
    let vectors = finish(width, metric, values, present)?;
    Ok((users, vectors))
}

fn read(table: &Table, rows: usize, place: impl Fn(usize) -> usize) -> Result<(usize, Vec<f32>), TableError> {
    table.expect("vector", &[CellKind::Floats], "a list of 32-bit floats")?;
    let mut width = 0;
    let mut values: Vec<f32> = Vec::new();
    table.each("vector", &mut |row, cell| {
        let Cell::Floats(vector) = cell else { return Err("is missing".to_owned()) };
        if row == 0 {
            if vector.is_empty() || vector.len() > MAX_WIDTH {
                return Err(format!("has {} numbers, expected 1 to {MAX_WIDTH}", vector.len()));
            }
            width = vector.len();
            values = large_zeroed(rows * width);
        }
        if vector.len() != width {
            return Err(format!("has {} numbers, the rows before have {width}", vector.len()));
        }
        if let Some(bad) = vector.iter().find(|x| !x.is_finite()) {
            return Err(format!("holds {bad}, expected finite numbers"));
        }
        values[place(row) * width..(place(row) + 1) * width].copy_from_slice(vector);
        Ok(())
    })?;
    Ok((width, values))
}

fn finish(width: usize, metric: Metric, values: Vec<f32>, present: Vec<bool>) -> Result<Vectors, Fault> {
    Vectors::new(width, metric, values, present).ok_or_else(|| Fault::Content("holds no vector".to_owned()))
}
