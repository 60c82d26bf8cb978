//! Columns that are found while rows of JSON come in: a column's type is the narrowest that takes all its values, but
//! for `id` and `…_id`, which are text.

use serde_json::Value;

use super::{Cell, CellKind};

/// A column.
#[derive(Debug, Clone)]
pub(super) struct JsonColumn {
    pub(super) name: String,
    cells: Cells,
}

#[derive(Debug, Clone)]
enum Cells {
    /// Nothing but nulls so far.
    Empty,
    Bool(Vec<Option<bool>>),
    Int(Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    Text(Vec<Option<Box<str>>>),
    Texts(Vec<Option<Vec<Box<str>>>>),
    /// Objects, lists of anything else, or values of types that have nothing in common: not kept.
    Other(&'static str),
}

impl JsonColumn {
    pub(super) fn new(name: &str) -> Self {
        let is_id = name == "id" || name.ends_with("_id");
        let cells = if is_id { Cells::Text(Vec::new()) } else { Cells::Empty };
        Self { name: name.to_owned(), cells }
    }

    /// Sets the value of a row; those between it and the last one are null. Returns the bytes that it takes.
    pub(super) fn set(&mut self, row: usize, value: Value) -> u64 {
        self.widen(&value);
        match (&mut self.cells, value) {
            (Cells::Bool(cells), Value::Bool(value)) => put(cells, row, value),
            (Cells::Int(cells), Value::Number(number)) => {
                put(cells, row, number.as_i64().unwrap_or_default())
            }
            (Cells::Float(cells), Value::Number(number)) => {
                put(cells, row, number.as_f64().unwrap_or_default())
            }
            (Cells::Text(cells), Value::String(text)) => {
                let bytes = text.len() as u64;
                put(cells, row, text.into_boxed_str()) + bytes
            }
            (Cells::Text(cells), Value::Number(number)) => {
                put(cells, row, number.to_string().into_boxed_str())
            }
            (Cells::Texts(cells), Value::Array(values)) => {
                let texts: Vec<Box<str>> = values
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|text| text.to_owned().into_boxed_str())
                    .collect();
                let bytes = texts.iter().map(|text| 16 + text.len() as u64).sum::<u64>();
                put(cells, row, texts) + bytes
            }
            _ => 0,
        }
    }

    pub(super) fn kind(&self) -> CellKind {
        match &self.cells {
            // A column without any value is text, which takes everything.
            Cells::Empty | Cells::Text(_) => CellKind::Text,
            Cells::Bool(_) => CellKind::Bool,
            Cells::Int(_) => CellKind::Int,
            Cells::Float(_) => CellKind::Float,
            Cells::Texts(_) => CellKind::Texts,
            Cells::Other(what) => CellKind::Other((*what).to_owned()),
        }
    }

    pub(super) fn cell(&self, row: usize) -> Cell<'_> {
        fn at<T>(cells: &[Option<T>], row: usize) -> Option<&T> {
            cells.get(row)?.as_ref()
        }
        let cell = match &self.cells {
            Cells::Bool(cells) => at(cells, row).map(|value| Cell::Bool(*value)),
            Cells::Int(cells) => at(cells, row).map(|value| Cell::Int(*value)),
            Cells::Float(cells) => at(cells, row).map(|value| Cell::Float(*value)),
            Cells::Text(cells) => at(cells, row).map(|text| Cell::Text(text)),
            Cells::Texts(cells) => {
                at(cells, row).map(|texts| Cell::Texts(texts.iter().map(|text| &**text).collect()))
            }
            Cells::Empty | Cells::Other(_) => None,
        };
        cell.unwrap_or(Cell::Null)
    }

    /// Makes the column one that takes this value.
    fn widen(&mut self, value: &Value) {
        let cells = std::mem::replace(&mut self.cells, Cells::Empty);
        self.cells = match (cells, value) {
            (cells @ Cells::Other(_), _) => cells,
            (_, Value::Object(_)) => Cells::Other("an object"),
            (Cells::Empty, Value::Bool(_)) => Cells::Bool(Vec::new()),
            (Cells::Empty, Value::Number(number)) if number.is_i64() => Cells::Int(Vec::new()),
            (Cells::Empty, Value::Number(_)) => Cells::Float(Vec::new()),
            (Cells::Empty, Value::String(_)) => Cells::Text(Vec::new()),
            (Cells::Empty | Cells::Texts(_), Value::Array(values))
                if !values.iter().all(Value::is_string) =>
            {
                Cells::Other("a list of several types")
            }
            (Cells::Empty, Value::Array(_)) => Cells::Texts(Vec::new()),
            (Cells::Int(cells), Value::Number(number)) if !number.is_i64() => {
                Cells::Float(cells.into_iter().map(|cell| cell.map(|value| value as f64)).collect())
            }
            (Cells::Int(cells), Value::String(_)) => Cells::Text(texts(cells)),
            (Cells::Float(cells), Value::String(_)) => Cells::Text(texts(cells)),
            (Cells::Bool(_), Value::Number(_) | Value::String(_))
            | (Cells::Int(_) | Cells::Float(_) | Cells::Text(_), Value::Bool(_)) => {
                Cells::Other("of several types")
            }
            (Cells::Texts(_), Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                Cells::Other("of several types")
            }
            (Cells::Bool(_) | Cells::Int(_) | Cells::Float(_) | Cells::Text(_), Value::Array(_)) => {
                Cells::Other("of several types")
            }
            (cells, _) => cells,
        };
    }
}

fn texts<T: ToString>(cells: Vec<Option<T>>) -> Vec<Option<Box<str>>> {
    cells.into_iter().map(|cell| cell.map(|value| value.to_string().into_boxed_str())).collect()
}

fn put<T>(cells: &mut Vec<Option<T>>, row: usize, value: T) -> u64 {
    let before = cells.len();
    // Nulls at the end are not stored: a column that one row has costs no more than the rows before it.
    cells.resize_with(row.max(before), || None);
    if cells.len() == row {
        cells.push(Some(value));
    }
    ((cells.len() - before) * size_of::<Option<T>>()) as u64
}
