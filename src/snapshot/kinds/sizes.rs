//! How large decoded tables will be, told from their outlines.

use hashbrown::{HashMap, HashSet};

use crate::artifact::table::{Cell, CellKind, Table, TableError};
use crate::feature::{ColumnKind, ColumnSize, IdTable, Texts, is_frequent};

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

/// What of a column decides how large its index will be, but for what of it is frequent.
pub(super) fn column(table: &Table, name: &str, kind: ColumnKind) -> Result<ColumnSize, TableError> {
    let rows = table.rows();
    let outline = table.outline(name)?;
    // The footer counts a missing or empty list as a value, too few to matter.
    let values = if kind == ColumnKind::List { outline.values } else { outline.values.min(rows) };
    Ok(ColumnSize { rows, values, distinct: outline.distinct, ..ColumnSize::default() })
}

/// The same with what is frequent in the first rows.
pub(super) fn with_frequent(
    table: &Table,
    name: &str,
    kind: ColumnKind,
    size: ColumnSize,
) -> Result<ColumnSize, TableError> {
    if !matches!(kind, ColumnKind::Text | ColumnKind::List) {
        return Ok(size);
    }
    let (mut counts, mut rows, mut values) = (HashMap::<String, usize>::new(), 0, 0);
    table.head(name, SAMPLE, &mut |_, cell| {
        rows += 1;
        let mut count = |text: &str| {
            values += 1;
            match counts.get_mut(text) {
                Some(count) => *count += 1,
                None => drop(counts.insert(text.to_owned(), 1)),
            }
        };
        match cell {
            Cell::Text(text) => count(text),
            Cell::Texts(texts) => texts.into_iter().for_each(count),
            _ => {}
        }
        Ok(())
    })?;
    let frequent: Vec<usize> = counts.into_values().filter(|count| is_frequent(*count, rows)).collect();
    let frequent_share = frequent.iter().sum::<usize>() as f64 / (values.max(1)) as f64;
    Ok(ColumnSize { frequent: frequent.len(), frequent_share, ..size })
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
