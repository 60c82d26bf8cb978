//! How large decoded tables will be, told from their outlines.

use hashbrown::HashSet;

use crate::artifact::table::{Cell, CellKind, Table, TableError};
use crate::feature::IdTable;
use crate::feature::Texts;

/// Rows that are looked at where the footer does not tell: more of them make the prediction surer and a load start
/// later.
pub(super) const SAMPLE: usize = 50_000;

/// A table of ids.
pub(super) fn ids(table: &Table, name: &str) -> Result<usize, TableError> {
    let outline = table.outline(name)?;
    let mut lengths = HashSet::new();
    // Ids of one length need no ends: whether they are is told from the first rows.
    table.head(name, SAMPLE, &mut |_, cell| {
        if let Cell::Text(text) = cell {
            lengths.insert(text.len());
        }
        Ok(())
    })?;
    // An id that came twice would be refused: the distinct ones are all of them.
    Ok(IdTable::predict_bytes(outline.values.max(table.rows()), outline.distinct_text, lengths.len() <= 1))
}

/// The entries of a list column, those of all rows together.
pub(super) fn entries(table: &Table, column: &str) -> Result<usize, TableError> {
    table.outline(column).map(|outline| outline.values)
}

/// The entries of scored lists. Where items and scores differ in number, room is made for as many as there are scores
/// before that is noticed.
pub(super) fn scored_entries(table: &Table, columns: [&str; 2]) -> Result<usize, TableError> {
    columns.into_iter().try_fold(0, |most, column| {
        let found = if table.has(column) { entries(table, column)? } else { 0 };
        Ok(most.max(found))
    })
}

/// Features of 32 bits a cell: all columns but that of the id.
pub(super) fn features(table: &Table, id: &str, rows: usize) -> Result<usize, TableError> {
    let mut bytes = 0usize;
    for (name, kind) in table.columns().iter().filter(|(name, _)| name != id) {
        bytes = bytes.saturating_add(rows.saturating_mul(size_of::<f32>()));
        if *kind == CellKind::Text {
            bytes = bytes.saturating_add(distinct_texts(table, name)?);
        }
    }
    Ok(bytes)
}

/// The distinct texts of a column.
pub(super) fn distinct_texts(table: &Table, name: &str) -> Result<usize, TableError> {
    let outline = table.outline(name)?;
    Ok(Texts::predict_bytes(outline.distinct, outline.distinct_text))
}
