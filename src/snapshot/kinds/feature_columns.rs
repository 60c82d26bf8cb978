//! Typed columns by id, in the 32 bits a cell that rankers read.

use thiserror::Error;

use super::rows::{ColumnError, expect_feature};
use crate::artifact::table::{Cell, CellKind, Table, TableError};
use crate::feature::{FeatureColumn, Features, TextCodesBuilder};

#[derive(Debug, Error)]
#[error("is {value:e}, which no 32-bit float can hold; leave it out where it is unknown")]
struct TooGreat {
    value: f64,
}

/// All columns but the id; `place` says where a row of the file goes.
pub(super) fn feature_columns(
    table: &Table,
    id: &str,
    rows: usize,
    place: impl Fn(usize) -> usize,
) -> Result<Features, TableError> {
    let mut features = Features::new(rows);
    for (name, kind) in table.columns().iter().filter(|(name, _)| name != id) {
        expect_feature(table, name)?;
        let column = if *kind == CellKind::Text {
            texts(table, name, rows, &place)?
        } else {
            numbers(table, name, rows, &place)?
        };
        if !features.add(name, column) {
            return Err(table.bad(name, 0, ColumnError::Twice));
        }
    }
    Ok(features)
}

fn texts(
    table: &Table,
    name: &str,
    rows: usize,
    place: &impl Fn(usize) -> usize,
) -> Result<FeatureColumn, TableError> {
    let mut texts = TextCodesBuilder::new(rows);
    table.each(name, &mut |row, cell| {
        if let Cell::Text(text) = cell {
            texts.set(place(row), text);
        }
        Ok(())
    })?;
    Ok(texts.finish())
}

fn numbers(
    table: &Table,
    name: &str,
    rows: usize,
    place: &impl Fn(usize) -> usize,
) -> Result<FeatureColumn, TableError> {
    let mut numbers = vec![f32::NAN; rows];
    table.each(name, &mut |row, cell| {
        let number = match cell {
            Cell::Bool(value) => f32::from(u8::from(value)),
            // Not by way of a double: the number would be rounded twice.
            Cell::Int(value) | Cell::Time(value) => value as f32,
            Cell::Float(value) if (value as f32).is_infinite() => return Err(TooGreat { value }.into()),
            Cell::Float(value) => value as f32,
            _ => f32::NAN,
        };
        // Items that the catalogue does not have were refused with the ids: every row has its place.
        if let Some(slot) = numbers.get_mut(place(row)) {
            *slot = number;
        }
        Ok(())
    })?;
    Ok(FeatureColumn::Numbers(numbers))
}
