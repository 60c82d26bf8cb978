//! Columns of a table that are carried along unchanged: catalogue attributes, extra columns of events.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMillisecondArray,
};

use crate::artifact::table::{Cell, CellKind, Table, TableError, text_lists};

/// A column of any supported type, by row.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Attribute {
    /// true or false
    Bool(Vec<Option<bool>>),
    /// integers
    Int(Vec<Option<i64>>),
    /// floats
    Float(Vec<Option<f64>>),
    /// text
    Text(Vec<Option<String>>),
    /// lists of text
    Texts(Vec<Vec<String>>),
    /// milliseconds since 1970
    Time(Vec<Option<i64>>),
}

impl Attribute {
    /// Reads a column; `None` if its type is not one that a catalogue can hold.
    ///
    /// # Errors
    /// An unreadable file.
    pub fn read(table: &Table, column: &str) -> Result<Option<Self>, TableError> {
        let rows = table.rows();
        let mut attribute = match table.kind(column)? {
            CellKind::Bool => Attribute::Bool(Vec::with_capacity(rows)),
            CellKind::Int => Attribute::Int(Vec::with_capacity(rows)),
            CellKind::Float => Attribute::Float(Vec::with_capacity(rows)),
            CellKind::Text => Attribute::Text(Vec::with_capacity(rows)),
            CellKind::Texts => Attribute::Texts(Vec::with_capacity(rows)),
            CellKind::Time => Attribute::Time(Vec::with_capacity(rows)),
            // Vectors are artifacts of their own; as an attribute nothing could filter by them.
            CellKind::Floats | CellKind::Other(_) => return Ok(None),
        };
        // A cell of another type than its column does not occur; were one there, it would count as missing.
        table.each(column, &mut |_, cell| {
            attribute.push(cell);
            Ok(())
        })?;
        Ok(Some(attribute))
    }

    /// The rows named, as an Arrow column.
    pub fn gather(&self, rows: &[usize]) -> ArrayRef {
        fn pick<T: Clone>(cells: &[Option<T>], rows: &[usize]) -> Vec<Option<T>> {
            rows.iter().map(|row| cells.get(*row).cloned().flatten()).collect()
        }
        match self {
            Attribute::Bool(cells) => Arc::new(BooleanArray::from(pick(cells, rows))),
            Attribute::Int(cells) => Arc::new(Int64Array::from(pick(cells, rows))),
            Attribute::Float(cells) => Arc::new(Float64Array::from(pick(cells, rows))),
            Attribute::Text(cells) => {
                let texts = rows.iter().map(|row| cells.get(*row).and_then(|cell| cell.as_deref()));
                Arc::new(texts.collect::<StringArray>())
            }
            Attribute::Texts(cells) => {
                let empty = Vec::new();
                let lists = rows.iter().map(|row| cells.get(*row).unwrap_or(&empty));
                Arc::new(text_lists(lists.map(|list| list.iter().map(String::as_str)))) as Arc<dyn Array>
            }
            Attribute::Time(cells) => Arc::new(TimestampMillisecondArray::from(pick(cells, rows))),
        }
    }

    /// The texts of a text column.
    pub fn texts(&self) -> Option<&[Option<String>]> {
        match self {
            Attribute::Text(cells) => Some(cells),
            _ => None,
        }
    }

    /// What it holds, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Attribute::Bool(_) => "bool",
            Attribute::Int(_) => "an integer",
            Attribute::Float(_) => "a float",
            Attribute::Text(_) => "text",
            Attribute::Texts(_) => "a list of text",
            Attribute::Time(_) => "a timestamp",
        }
    }

    /// Adds missing cells at the end, up to this many cells.
    pub(super) fn pad(&mut self, rows: usize) {
        match self {
            Attribute::Bool(cells) => cells.resize(rows.max(cells.len()), None),
            Attribute::Int(cells) => cells.resize(rows.max(cells.len()), None),
            Attribute::Float(cells) => cells.resize(rows.max(cells.len()), None),
            Attribute::Text(cells) => cells.resize(rows.max(cells.len()), None),
            Attribute::Texts(cells) => cells.resize(rows.max(cells.len()), Vec::new()),
            Attribute::Time(cells) => cells.resize(rows.max(cells.len()), None),
        }
    }

    /// Adds the cells of another column behind these; `false` if the two have nothing in common. Integers become floats
    /// beside floats, and a column without any value becomes whatever the other is: a CSV file does not say more.
    pub(super) fn append(&mut self, other: Self) -> bool {
        let (own, mut other) = match (std::mem::replace(self, Attribute::Text(Vec::new())), other) {
            (Attribute::Int(own), other @ Attribute::Float(_)) => (floats(own), other),
            (own @ Attribute::Float(_), Attribute::Int(other)) => (own, floats(other)),
            (own, other) if own.is_blank() => (other.blank(own.len()), other),
            (own, other) if other.is_blank() => {
                let blank = own.blank(other.len());
                (own, blank)
            }
            pair => pair,
        };
        *self = own;
        match (self, &mut other) {
            (Attribute::Bool(own), Attribute::Bool(other)) => own.append(other),
            (Attribute::Int(own), Attribute::Int(other)) => own.append(other),
            (Attribute::Float(own), Attribute::Float(other)) => own.append(other),
            (Attribute::Text(own), Attribute::Text(other)) => own.append(other),
            (Attribute::Texts(own), Attribute::Texts(other)) => own.append(other),
            (Attribute::Time(own), Attribute::Time(other)) => own.append(other),
            _ => return false,
        }
        true
    }

    fn len(&self) -> usize {
        match self {
            Attribute::Bool(cells) => cells.len(),
            Attribute::Int(cells) => cells.len(),
            Attribute::Float(cells) => cells.len(),
            Attribute::Text(cells) => cells.len(),
            Attribute::Texts(cells) => cells.len(),
            Attribute::Time(cells) => cells.len(),
        }
    }

    /// Whether every cell is missing.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Attribute::Bool(cells) => cells.iter().all(Option::is_none),
            Attribute::Int(cells) => cells.iter().all(Option::is_none),
            Attribute::Float(cells) => cells.iter().all(Option::is_none),
            Attribute::Text(cells) => cells.iter().all(Option::is_none),
            Attribute::Texts(cells) => cells.iter().all(Vec::is_empty),
            Attribute::Time(cells) => cells.iter().all(Option::is_none),
        }
    }

    /// Missing cells of this type.
    fn blank(&self, rows: usize) -> Self {
        let mut blank = match self {
            Attribute::Bool(_) => Attribute::Bool(Vec::new()),
            Attribute::Int(_) => Attribute::Int(Vec::new()),
            Attribute::Float(_) => Attribute::Float(Vec::new()),
            Attribute::Text(_) => Attribute::Text(Vec::new()),
            Attribute::Texts(_) => Attribute::Texts(Vec::new()),
            Attribute::Time(_) => Attribute::Time(Vec::new()),
        };
        blank.pad(rows);
        blank
    }

    fn push(&mut self, cell: Cell<'_>) {
        match self {
            Attribute::Bool(cells) => cells.push(match cell {
                Cell::Bool(value) => Some(value),
                _ => None,
            }),
            Attribute::Int(cells) => cells.push(match cell {
                Cell::Int(value) => Some(value),
                _ => None,
            }),
            Attribute::Float(cells) => cells.push(match cell {
                Cell::Float(value) => Some(value),
                _ => None,
            }),
            Attribute::Text(cells) => cells.push(match cell {
                Cell::Text(value) => Some(value.to_owned()),
                _ => None,
            }),
            Attribute::Texts(cells) => cells.push(match cell {
                Cell::Texts(values) => values.into_iter().map(str::to_owned).collect(),
                _ => Vec::new(),
            }),
            Attribute::Time(cells) => cells.push(match cell {
                Cell::Time(value) => Some(value),
                _ => None,
            }),
        }
    }
}

fn floats(cells: Vec<Option<i64>>) -> Attribute {
    Attribute::Float(cells.into_iter().map(|cell| cell.map(|value| value as f64)).collect())
}
