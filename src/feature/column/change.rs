//! A column whose cells events change.

use std::sync::Arc;

use super::cell::{self, ListChunk, NewTexts};
use super::{Cells, Column, ColumnKind, MISSING};
use crate::domain::{AttributeValue, CHUNK, ItemIdx};
use crate::feature::Texts;

/// The whole numbers that a float holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A value as a column of some kind holds it.
enum Cell {
    Missing,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    List(Vec<Arc<str>>),
}

impl ColumnKind {
    /// Whether a column of this kind can hold the value, as it is or by another spelling of the same: `"true"` and 1
    /// for a truth value, `3.0` for an integer, a number for a text, one text for a list, RFC 3339 or milliseconds for
    /// a time.
    pub fn accepts(self, value: &AttributeValue) -> bool {
        self.cell(value).is_some()
    }

    fn cell(self, value: &AttributeValue) -> Option<Cell> {
        match (self, value) {
            (_, AttributeValue::Null) => Some(Cell::Missing),
            (ColumnKind::Bool, AttributeValue::Bool(value)) => Some(Cell::Bool(*value)),
            (ColumnKind::Bool, AttributeValue::Int(value @ (0 | 1))) => Some(Cell::Bool(*value == 1)),
            (ColumnKind::Bool, AttributeValue::Text(text)) => text.parse().ok().map(Cell::Bool),
            (ColumnKind::Int, AttributeValue::Float(value)) => {
                // Beyond that a float is not one whole number but several.
                (value.fract() == 0.0 && value.abs() <= EXACT).then_some(Cell::Int(*value as i64))
            }
            (ColumnKind::Int | ColumnKind::Time, AttributeValue::Int(value)) => Some(Cell::Int(*value)),
            (ColumnKind::Time, AttributeValue::Text(text)) => {
                let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
                Some(Cell::Int(time.timestamp_millis()))
            }
            (ColumnKind::Float, AttributeValue::Int(value)) => Some(Cell::Float(*value as f64)),
            (ColumnKind::Float, AttributeValue::Float(value)) => Some(Cell::Float(*value)),
            (ColumnKind::Text, AttributeValue::Text(text)) => Some(Cell::Text(Arc::clone(text))),
            (ColumnKind::Text, AttributeValue::Int(value)) => Some(Cell::Text(value.to_string().into())),
            (ColumnKind::List, AttributeValue::Text(text)) => Some(Cell::List(vec![Arc::clone(text)])),
            (ColumnKind::List, AttributeValue::List(texts)) => Some(Cell::List(texts.clone())),
            _ => None,
        }
    }
}

impl Column {
    /// Changes a cell, in copies of the chunks that are shared; `false`, and no change, for a row that does not exist
    /// and for a value that the column's kind does not [accept](ColumnKind::accepts).
    pub fn set(&mut self, row: usize, value: &AttributeValue) -> bool {
        let Some(cell) = self.kind.cell(value).filter(|_| row < self.len()) else { return false };
        let present =
            !matches!(&cell, Cell::Missing) && !matches!(&cell, Cell::Float(value) if value.is_nan());
        let new = &mut self.new_texts;
        match (&mut self.cells, cell) {
            (Cells::Bits(bits), Cell::Bool(value)) => bits.set(ItemIdx(row as u32), value),
            (Cells::Ints(ints), Cell::Int(value)) => ints.set(row, value),
            (Cells::Floats(floats), Cell::Float(value)) => floats.set(row, value),
            // As a column is made: gathering floats needs no look at the bits.
            (Cells::Floats(floats), Cell::Missing) => floats.set(row, f64::NAN),
            (Cells::Codes { codes, texts }, Cell::Text(text)) => codes.set(row, code(texts, new, &text)),
            (Cells::Codes { codes, .. }, Cell::Missing) => codes.set(row, MISSING),
            (Cells::Lists { chunks, texts }, Cell::List(list)) => {
                let list: Vec<u32> = list.iter().map(|text| code(texts, new, text)).collect();
                set_list(chunks, row, &list);
            }
            (Cells::Lists { chunks, .. }, Cell::Missing) => set_list(chunks, row, &[]),
            _ => {}
        }
        self.present.set(ItemIdx(row as u32), present);
        true
    }

    /// The bytes of texts that came since the column was made.
    pub(in crate::feature) fn new_text_bytes(&self) -> usize {
        self.new_texts.resident_bytes()
    }

    /// Appends rows without a value until there are `rows`.
    pub(in crate::feature) fn extend_to(&mut self, rows: usize) {
        match &mut self.cells {
            Cells::Bits(bits) => bits.extend_to(rows),
            Cells::Ints(ints) => ints.extend_to(rows, &0),
            Cells::Floats(floats) => floats.extend_to(rows, &f64::NAN),
            Cells::Codes { codes, .. } => codes.extend_to(rows, &MISSING),
            Cells::Lists { chunks, .. } => extend_lists(chunks, rows),
        }
        self.present.extend_to(rows);
    }
}

/// The code of a text, a new one if no row has had it.
fn code(texts: &Texts, new_texts: &mut NewTexts, text: &Arc<str>) -> u32 {
    let known = cell::code_of(texts, new_texts, text);
    known.unwrap_or_else(|| (texts.len() + new_texts.add(text)) as u32)
}

fn set_list(chunks: &mut [Arc<ListChunk>], row: usize, list: &[u32]) {
    if let Some(chunk) = chunks.get_mut(row / CHUNK) {
        Arc::make_mut(chunk).set(row % CHUNK, list);
    }
}

fn extend_lists(chunks: &mut Vec<Arc<ListChunk>>, rows: usize) {
    let empty = |rows: usize| {
        let mut chunk = ListChunk::default();
        for _ in 0..rows {
            chunk.push([]);
        }
        Arc::new(chunk)
    };
    if let Some(last) = chunks.pop_if(|last| !last.is_full()) {
        let begin = chunks.len() * CHUNK;
        let mut filled = ListChunk::clone(&last);
        while begin + filled.rows() < rows && !filled.is_full() {
            filled.push([]);
        }
        chunks.push(Arc::new(filled));
    }
    let whole = empty(CHUNK);
    while (chunks.len() + 1) * CHUNK <= rows {
        chunks.push(Arc::clone(&whole));
    }
    let rest = rows.saturating_sub(chunks.len() * CHUNK);
    if rest > 0 {
        chunks.push(empty(rest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feature::{ColumnBuilder, Value};

    /// Values that a cell is set to, and what it reads then.
    type Changes<'a> = Vec<(AttributeValue, Value<'a>)>;

    fn text(text: &str) -> AttributeValue {
        AttributeValue::Text(text.into())
    }

    #[test]
    fn a_changed_cell_reads_as_if_the_column_had_been_made_with_it() {
        let rows = CHUNK + 9;
        let cases: Vec<(ColumnKind, Value<'_>, Changes<'_>)> = vec![
            (
                ColumnKind::Bool,
                Value::Bool(true),
                vec![
                    (AttributeValue::Bool(false), Value::Bool(false)),
                    (text("true"), Value::Bool(true)),
                    (AttributeValue::Int(0), Value::Bool(false)),
                ],
            ),
            (
                ColumnKind::Int,
                Value::Int(4),
                vec![(AttributeValue::Int(-3), Value::Int(-3)), (AttributeValue::Float(7.0), Value::Int(7))],
            ),
            (
                ColumnKind::Float,
                Value::Float(0.5),
                vec![
                    (AttributeValue::Float(9.25), Value::Float(9.25)),
                    (AttributeValue::Int(2), Value::Float(2.0)),
                ],
            ),
            (
                ColumnKind::Text,
                Value::Text("tea"),
                vec![
                    (text("new"), Value::Text("new")),
                    (text("tea"), Value::Text("tea")),
                    (AttributeValue::Int(12), Value::Text("12")),
                ],
            ),
            (
                ColumnKind::List,
                Value::List(vec!["a", "b"]),
                vec![
                    (AttributeValue::List(vec!["c".into(), "a".into()]), Value::List(vec!["c", "a"])),
                    (text("b"), Value::List(vec!["b"])),
                    (AttributeValue::List(Vec::new()), Value::List(Vec::new())),
                ],
            ),
            (
                ColumnKind::Time,
                Value::Time(1),
                vec![
                    (text("1970-01-01T00:00:02+00:00"), Value::Time(2000)),
                    (AttributeValue::Int(5), Value::Time(5)),
                ],
            ),
        ];
        for (kind, first, changes) in cases {
            let mut builder = ColumnBuilder::new(kind);
            for _ in 0..rows {
                builder.push(first.clone());
            }
            let made = builder.finish();
            for row in [0, CHUNK - 1, CHUNK, rows - 1] {
                let mut column = made.clone();
                for (value, expected) in &changes {
                    assert!(column.set(row, value), "{kind:?} takes {value:?}");
                    assert_eq!(column.value(row), *expected);
                    assert_eq!(column.value((row + 1) % rows), first, "its neighbour stays");
                }
                assert!(column.set(row, &AttributeValue::Null));
                assert_eq!((column.value(row), column.has_value(row)), (Value::Null, false));
                assert!(column.number(row).is_nan() && column.codes(row).is_empty());
                assert_eq!(made.value(row), first, "the column that it was cloned from stays");
            }
            assert!(!made.clone().set(rows, &AttributeValue::Null), "there is no such row");
        }
    }

    #[test]
    fn what_a_column_cannot_hold_changes_nothing() {
        let refused = [
            (ColumnKind::Bool, AttributeValue::Int(2)),
            (ColumnKind::Bool, text("yes")),
            (ColumnKind::Int, AttributeValue::Float(1.5)),
            (ColumnKind::Int, AttributeValue::Float(1e300)),
            (ColumnKind::Int, text("3")),
            (ColumnKind::Float, text("3.0")),
            (ColumnKind::Text, AttributeValue::Bool(true)),
            (ColumnKind::List, AttributeValue::Int(1)),
            (ColumnKind::Time, text("yesterday")),
        ];
        for (kind, value) in refused {
            let mut builder = ColumnBuilder::new(kind);
            builder.push(Value::Null);
            let mut column = builder.finish();
            assert!(!column.set(0, &value) && !column.has_value(0), "{kind:?} {value:?}");
        }
    }

    #[test]
    fn appended_rows_are_empty_until_they_are_set() {
        for kind in [ColumnKind::Bool, ColumnKind::Int, ColumnKind::Float, ColumnKind::Text, ColumnKind::List]
        {
            for rows in [0, 1, CHUNK] {
                let mut builder = ColumnBuilder::new(kind);
                for _ in 0..rows {
                    builder.push(Value::Null);
                }
                let mut column = builder.finish();
                column.extend_to(2 * CHUNK + 5);
                assert_eq!(column.len(), 2 * CHUNK + 5);
                assert!((0..column.len()).all(|row| column.value(row) == Value::Null));
                let value = match kind {
                    ColumnKind::Bool => AttributeValue::Bool(true),
                    ColumnKind::Int | ColumnKind::Float => AttributeValue::Int(1),
                    _ => text("x"),
                };
                assert!(column.set(2 * CHUNK + 4, &value) && column.set(CHUNK, &value));
                assert!(column.has_value(CHUNK) && !column.has_value(CHUNK + 1));
            }
        }
    }
}
