//! What decoders of several kinds make of a row, and why they refuse one.

use thiserror::Error;

use crate::artifact::table::{Cell, CellError, CellKind, Table, TableError};
use crate::feature::{IdError, IdTable};

/// Why a row was refused.
#[derive(Debug, Error)]
pub(super) enum RowError {
    #[error("item \"{0}\" is not in the catalogue")]
    UnknownItem(String),
    #[error("\"{0}\" occurs a second time")]
    Repeated(String),
    #[error("is missing")]
    Missing,
}

/// Why columns were refused.
#[derive(Debug, Error)]
pub(super) enum ColumnError {
    #[error("column \"{0}\" occurs twice")]
    Repeated(String),
    #[error("the column occurs twice")]
    Twice,
}

/// The number of an item named in a row, or the reason to refuse the row.
pub(super) fn known_item(items: &IdTable, id: &str) -> Result<u32, RowError> {
    items.number(id).ok_or_else(|| RowError::UnknownItem(id.to_owned()))
}

/// The items of a column, by row.
pub(super) fn item_column(table: &Table, column: &str, items: &IdTable) -> Result<Vec<u32>, TableError> {
    table.numbers(column, |id| Ok(known_item(items, id)?))
}

/// The items of a column that has each item once, by row.
pub(super) fn distinct_items(table: &Table, column: &str, items: &IdTable) -> Result<Vec<u32>, TableError> {
    let mut rows = Vec::with_capacity(table.rows());
    // A bit would do, but this is freed before anything large is made.
    let mut seen = vec![false; items.len()];
    table.each_id(column, |_, id| {
        let item = known_item(items, id)?;
        if seen.get_mut(item as usize).is_none_or(|seen| std::mem::replace(seen, true)) {
            return Err(RowError::Repeated(id.to_owned()).into());
        }
        rows.push(item);
        Ok(())
    })?;
    Ok(rows)
}

/// The users of a table with one row each; a user's number is the row.
pub(super) fn user_column(table: &Table) -> Result<IdTable, TableError> {
    let mut users = IdTable::with_capacity(table.rows());
    table.each_id("user_id", |_, id| insert(&mut users, id))?;
    // The capacity was a guess from the number of rows, and the table stays for hours.
    users.shrink();
    Ok(users)
}

pub(super) fn insert(ids: &mut IdTable, id: &str) -> Result<(), CellError> {
    ids.insert(id).map(|_| ()).map_err(|error: IdError| error.into())
}

/// The time in a cell, in milliseconds since 1970.
pub(super) fn time(cell: &Cell<'_>) -> Result<i64, RowError> {
    match cell {
        Cell::Time(time) | Cell::Int(time) => Ok(*time),
        _ => Err(RowError::Missing),
    }
}

/// The kinds of column that a feature may be.
pub(super) fn expect_feature(table: &Table, column: &str) -> Result<(), TableError> {
    let kinds = [CellKind::Bool, CellKind::Int, CellKind::Float, CellKind::Text, CellKind::Time];
    table.expect(column, &kinds, "bool, a number, text or a timestamp")
}
