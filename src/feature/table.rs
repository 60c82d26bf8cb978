//! A table of typed columns, one row an item.

use std::sync::Arc;

use super::filter_index::{ColumnSize, FilterIndex, choose_indexes};
use super::{Column, Value};
use crate::domain::{AttributeValue, ChunkedBitmap, ItemIdx};

/// An index is made anew when more than one row of so many have changed. Raising it makes them more often, and leaves
/// filters fewer rows to look at one by one.
const STALE: usize = 32;

/// Named columns of equal length. Row `i` belongs to item number `i` of the same snapshot.
///
/// Cheap to clone: clones share what is not [changed](Table::set) in one of them.
#[derive(Debug, Clone, Default)]
pub struct Table {
    names: Arc<Vec<String>>,
    columns: Vec<Arc<Column>>,
    /// What filters look up, by column.
    indexes: Vec<TableIndex>,
    rows: usize,
}

/// The index of a column of a table, and what has changed since it was made.
#[derive(Debug, Clone, Default)]
struct TableIndex {
    index: Option<Arc<FilterIndex>>,
    changed: ChunkedBitmap,
    changes: usize,
}

/// The index of a column, and the rows for which it does not hold any more.
#[derive(Debug, Clone, Copy)]
pub(super) struct ColumnIndex<'t> {
    pub(super) index: &'t FilterIndex,
    pub(super) changed: &'t ChunkedBitmap,
    /// How many rows have changed.
    pub(super) changes: usize,
}

impl Table {
    /// An empty table of `rows` rows.
    pub fn new(rows: usize) -> Self {
        Self { rows, ..Self::default() }
    }

    /// Adds a column; `false` (and no change) if its length or name does not fit.
    pub fn add(&mut self, name: &str, column: Column) -> bool {
        if column.len() != self.rows || self.names.iter().any(|known| known == name) {
            return false;
        }
        Arc::make_mut(&mut self.names).push(name.to_owned());
        self.columns.push(Arc::new(column));
        self.indexes.push(TableIndex::default());
        true
    }

    /// Makes indexes that filters look up, of the columns whose indexes take least, as many as fit into `memory` bytes.
    pub fn index(&mut self, memory: usize) {
        let sizes: Vec<_> =
            self.columns.iter().map(|column| (column.kind(), ColumnSize::of(column))).collect();
        // One after the other: what making one takes beside its result is there once.
        for at in choose_indexes(&sizes, memory) {
            if let (Some(column), Some(index)) = (self.columns.get(at), self.indexes.get_mut(at)) {
                let changed = ChunkedBitmap::default();
                *index = TableIndex { index: FilterIndex::of(column).map(Arc::new), changed, changes: 0 };
            }
        }
    }

    /// Whether so many rows have changed that filters spend their time on those, and [`Table::renew_indexes`] is due.
    pub fn has_stale_index(&self) -> bool {
        self.indexes.iter().any(|index| index.is_stale(self.rows))
    }

    /// Makes the indexes anew of whose columns many rows have changed: some ten milliseconds for a million rows.
    pub fn renew_indexes(&mut self) {
        for (index, column) in self.indexes.iter_mut().zip(&self.columns) {
            if let Some(old) = index.index.as_ref().filter(|_| index.is_stale(self.rows)) {
                let new = old.renewed(column, &index.changed).map(Arc::new);
                *index = TableIndex { index: new, changed: ChunkedBitmap::default(), changes: 0 };
            }
        }
    }

    /// Changes a cell; `false` for a row that does not exist, and for a value that is not of the column's type.
    pub fn set(&mut self, position: usize, row: usize, value: &AttributeValue) -> bool {
        let Some(column) = self.columns.get_mut(position) else { return false };
        let is_set = Arc::make_mut(column).set(row, value);
        if let Some(index) = self.indexes.get_mut(position).filter(|index| is_set && index.index.is_some()) {
            index.change(row, self.rows);
        }
        is_set
    }

    /// Appends rows without values until there are `rows`.
    pub fn extend_to(&mut self, rows: usize) {
        for column in &mut self.columns {
            Arc::make_mut(column).extend_to(rows);
        }
        self.rows = self.rows.max(rows);
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The column names, in the order of the file.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.position(name).and_then(|at| self.column_at(at))
    }

    /// Where the column of this name stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// A column by its position.
    pub fn column_at(&self, position: usize) -> Option<&Column> {
        self.columns.get(position).map(|column| &**column)
    }

    /// The index of a column, if it has one.
    pub(super) fn index_at(&self, position: usize) -> Option<ColumnIndex<'_>> {
        let TableIndex { index, changed, changes } = self.indexes.get(position)?;
        Some(ColumnIndex { index: index.as_deref()?, changed, changes: *changes })
    }

    /// One cell; `Null` for a column or row that does not exist.
    pub fn value(&self, name: &str, row: usize) -> Value<'_> {
        self.column(name).map_or(Value::Null, |column| column.value(row))
    }

    /// The column whose name is closest to `name`, for error messages.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.names.iter().map(String::as_str))
    }

    /// The bytes of texts that came by [`Table::set`], also of those that no cell has any more.
    pub fn new_text_bytes(&self) -> usize {
        self.columns.iter().map(|column| column.new_text_bytes()).sum()
    }

    /// The bytes the columns occupy.
    pub fn resident_bytes(&self) -> usize {
        self.columns.iter().map(|column| column.resident_bytes()).sum()
    }

    /// The bytes that [indexes](Table::index) occupy; all clones share them.
    pub fn index_bytes(&self) -> usize {
        self.indexes.iter().filter_map(|index| index.index.as_ref()).map(|index| index.resident_bytes()).sum()
    }
}

impl TableIndex {
    fn is_stale(&self, rows: usize) -> bool {
        self.changes > rows / STALE
    }

    fn change(&mut self, row: usize, rows: usize) {
        let item = ItemIdx(row as u32);
        if !self.changed.contains(item) {
            self.changed.extend_to(rows);
            self.changed.set(item, true);
            self.changes += 1;
        }
    }
}

/// The known name closest to a wrong one (Jaro-Winkler at least 0.7), for "did you mean".
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > 128 {
        // No misspelling, and comparing would take long.
        return None;
    }
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        // Below that a suggestion is more often wrong than right.
        .filter(|(similarity, _)| *similarity >= 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)))
        .map(|(_, candidate)| candidate)
}

/// `; did you mean "x"?`, or nothing: the end of a message about a wrong name.
pub fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default()
}
