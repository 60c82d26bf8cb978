//! A table of typed columns, one row an item.

use std::sync::Arc;

use super::{Column, Value};
use crate::domain::AttributeValue;

/// Named columns of equal length. Row `i` belongs to item number `i` of the same snapshot.
///
/// Cheap to clone: clones share what is not [changed](Table::set) in one of them.
#[derive(Debug, Clone, Default)]
pub struct Table {
    names: Arc<Vec<String>>,
    columns: Vec<Arc<Column>>,
    rows: usize,
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
        true
    }

    /// Changes a cell; `false` for a row that does not exist, and for a value that is not of the column's type.
    pub fn set(&mut self, position: usize, row: usize, value: &AttributeValue) -> bool {
        self.columns.get_mut(position).is_some_and(|column| Arc::make_mut(column).set(row, value))
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
