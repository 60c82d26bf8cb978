//! The catalogue as given: `item_id` and any attributes.

use std::path::Path;

use arrow_array::StringArray;
use hashbrown::HashMap;

use super::attributes::Attribute;
use super::bad_rows::{BadRows, RowFault};
use crate::artifact::table::{Cell, CellKind, Table, TableError, TableLimits, TableWriter};

/// Products with their attributes; an item's number is its position here.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Item ids in the order of the file.
    pub ids: Vec<String>,
    /// Attribute columns by name.
    pub attributes: Vec<(String, Attribute)>,
    /// Rows left out: no id, or an id seen before.
    pub bad: BadRows,
    /// Columns left out because of their type.
    pub ignored_columns: Vec<String>,
    rows: Vec<usize>,
    numbers: HashMap<String, u32>,
}

impl Catalog {
    /// Reads a Parquet or CSV file.
    ///
    /// # Errors
    /// An unreadable file, or one without a usable `item_id` column.
    pub fn read(path: &Path) -> Result<Self, TableError> {
        let table = Table::open(path, &TableLimits::default())?;
        table.expect("item_id", &[CellKind::Text, CellKind::Int], "text or an integer")?;
        let mut catalog = Self::default();
        table.each("item_id", &mut |row, cell| {
            let id = match cell {
                Cell::Text(id) => id.to_owned(),
                Cell::Int(id) => id.to_string(),
                _ => String::new(),
            };
            if id.is_empty() {
                catalog.bad.add(row, RowFault::NoItem);
            // The first row wins, and the count of the others tells the user to look.
            } else if catalog.numbers.contains_key(&id) {
                catalog.bad.add(row, RowFault::RepeatedItem);
            } else {
                catalog.numbers.insert(id.clone(), catalog.ids.len() as u32);
                catalog.ids.push(id);
                catalog.rows.push(row);
            }
            Ok(())
        })?;
        if catalog.ids.is_empty() {
            return Err(table.bad("item_id", 0, "no row has an item id".to_owned()));
        }
        // Whatever else the file has becomes filterable, without being declared anywhere.
        for (name, _) in table.columns().iter().filter(|(name, _)| name != "item_id") {
            match Attribute::read(&table, name)? {
                Some(attribute) => catalog.attributes.push((name.clone(), attribute)),
                None => catalog.ignored_columns.push(name.clone()),
            }
        }
        Ok(catalog)
    }

    /// A catalogue of ids without attributes, in this order.
    pub fn from_ids<'a>(ids: impl IntoIterator<Item = &'a str>) -> Self {
        let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
        let numbers = ids.iter().enumerate().map(|(number, id)| (id.clone(), number as u32)).collect();
        Self { rows: (0..ids.len()).collect(), ids, numbers, ..Self::default() }
    }

    /// The number of an item id.
    pub fn number(&self, id: &str) -> Option<u32> {
        self.numbers.get(id).copied()
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The text of an attribute for an item.
    pub fn text(&self, attribute: &str, item: u32) -> Option<&str> {
        let (_, cells) = self.attributes.iter().find(|(name, _)| name == attribute)?;
        cells.texts()?.get(*self.rows.get(item as usize)?)?.as_deref()
    }

    /// Whether a bool attribute exists.
    pub fn has_flag(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|(name, cells)| name == attribute && matches!(cells, Attribute::Bool(_)))
    }

    /// The columns of the `catalog` artifact.
    pub(super) fn to_table(&self) -> TableWriter {
        let mut table = TableWriter::default().column("item_id", StringArray::from_iter_values(&self.ids));
        for (name, attribute) in &self.attributes {
            table = table.column(name, attribute.gather(&self.rows));
        }
        table
    }
}
