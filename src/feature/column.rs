//! One typed column with missing values.

mod cell;
mod change;

use std::sync::Arc;

use super::texts::{Texts, TextsBuilder};
use crate::domain::{CHUNK, ChunkedBitmap, ChunkedBits, Chunks, ChunksBuilder, ItemIdx};
use cell::{ListChunk, NewTexts};

/// A code that stands for "no text here".
const MISSING: u32 = u32::MAX;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnKind {
    /// true or false
    Bool,
    /// 64-bit integers
    Int,
    /// 64-bit floats
    Float,
    /// text
    Text,
    /// lists of text
    List,
    /// milliseconds since 1970-01-01 UTC
    Time,
}

impl ColumnKind {
    /// The name used in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            ColumnKind::Bool => "bool",
            ColumnKind::Int => "int",
            ColumnKind::Float => "float",
            ColumnKind::Text => "text",
            ColumnKind::List => "list",
            ColumnKind::Time => "timestamp",
        }
    }
}

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Missing.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A text.
    Text(&'a str),
    /// A list of texts.
    List(Vec<&'a str>),
    /// Milliseconds since 1970-01-01 UTC.
    Time(i64),
}

/// A column of one kind. Texts are stored once each and referred to by code.
///
/// Cheap to clone: a clone whose cells are [changed](Column::set) shares what is not changed with the original.
#[derive(Debug, Clone)]
pub struct Column {
    kind: ColumnKind,
    present: ChunkedBitmap,
    cells: Cells,
    /// Those of the texts that came after the column was made, with codes after those of the others.
    new_texts: NewTexts,
}

#[derive(Debug, Clone)]
enum Cells {
    Bits(ChunkedBitmap),
    Ints(Chunks<i64>),
    Floats(Chunks<f64>),
    Codes { codes: Chunks<u32>, texts: Arc<Texts> },
    Lists { chunks: Vec<Arc<ListChunk>>, texts: Arc<Texts> },
}

impl Column {
    /// What the column holds.
    pub fn kind(&self) -> ColumnKind {
        self.kind
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.present.len()
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One cell.
    pub fn value(&self, row: usize) -> Value<'_> {
        if !self.has_value(row) {
            return Value::Null;
        }
        let value = match &self.cells {
            Cells::Bits(bits) => Some(Value::Bool(bits.contains(ItemIdx(row as u32)))),
            // Times and integers are stored alike, and differ in what filters compare them with.
            Cells::Ints(ints) if self.kind == ColumnKind::Time => {
                ints.get(row).map(|time| Value::Time(*time))
            }
            Cells::Ints(ints) => ints.get(row).map(|value| Value::Int(*value)),
            Cells::Floats(floats) => floats.get(row).map(|value| Value::Float(*value)),
            Cells::Codes { codes, .. } => codes.get(row).and_then(|code| self.text(*code)).map(Value::Text),
            Cells::Lists { .. } => {
                Some(Value::List(self.codes(row).iter().filter_map(|code| self.text(*code)).collect()))
            }
        };
        value.unwrap_or(Value::Null)
    }

    /// A cell as a number: bools are 0 or 1, texts their code, lists their length; NaN where missing.
    pub fn number(&self, row: usize) -> f64 {
        match &self.cells {
            // NaN where missing.
            Cells::Floats(floats) => floats.get(row).copied().unwrap_or(f64::NAN),
            _ if !self.has_value(row) => f64::NAN,
            Cells::Bits(bits) => f64::from(u8::from(bits.contains(ItemIdx(row as u32)))),
            Cells::Ints(ints) => ints.get(row).map_or(f64::NAN, |value| *value as f64),
            Cells::Codes { codes, .. } => codes.get(row).map_or(f64::NAN, |code| f64::from(*code)),
            Cells::Lists { .. } => self.codes(row).len() as f64,
        }
    }

    /// The cells of these rows as [`Column::number`] gives them, narrowed to 32 bits.
    pub fn gather(&self, rows: &[ItemIdx], out: &mut [f32]) {
        let cells = rows.iter().map(|row| row.row()).zip(out);
        match &self.cells {
            Cells::Floats(floats) => cells.for_each(|(row, out)| {
                // NaN where missing.
                *out = floats.get(row).map_or(f32::NAN, |value| *value as f32);
            }),
            Cells::Ints(ints) => cells.for_each(|(row, out)| {
                *out = ints.get(row).filter(|_| self.has_value(row)).map_or(f32::NAN, |value| *value as f32);
            }),
            _ => cells.for_each(|(row, out)| *out = self.number(row) as f32),
        }
    }

    /// The codes of the texts in a text or list cell; empty where missing or of another kind.
    pub fn codes(&self, row: usize) -> &[u32] {
        match &self.cells {
            Cells::Codes { codes, .. } => match codes.get(row) {
                Some(code) if *code != MISSING => std::slice::from_ref(code),
                _ => &[],
            },
            Cells::Lists { chunks, .. } => {
                chunks.get(row / CHUNK).map_or(&[], |chunk| chunk.row(row % CHUNK))
            }
            _ => &[],
        }
    }

    /// Roughly how many texts a row of a list column has, at least one; one in other columns.
    pub(super) fn values_of_a_row(&self) -> usize {
        let Cells::Lists { chunks, .. } = &self.cells else { return 1 };
        // Some chunks spread over all of them are as good as all: it is asked for every request with a filter.
        let some = || chunks.iter().step_by(chunks.len().div_ceil(16).max(1));
        let rows = some().map(|chunk| chunk.rows()).sum::<usize>();
        some().map(|chunk| chunk.values()).sum::<usize>().div_ceil(rows.max(1)).max(1)
    }

    /// The code of a text in this column, if any row has it.
    pub fn code_of(&self, text: &str) -> Option<u32> {
        let (Cells::Codes { texts, .. } | Cells::Lists { texts, .. }) = &self.cells else { return None };
        cell::code_of(texts, &self.new_texts, text)
    }

    /// The text of a code of a text or list column.
    pub fn text(&self, code: u32) -> Option<&str> {
        let (Cells::Codes { texts, .. } | Cells::Lists { texts, .. }) = &self.cells else { return None };
        cell::text_of(texts, &self.new_texts, code)
    }

    /// Whether a row has a value.
    pub fn has_value(&self, row: usize) -> bool {
        self.present.contains(ItemIdx(row as u32))
    }

    /// The rows that have a value.
    pub fn present(&self) -> &ChunkedBitmap {
        &self.present
    }

    /// The cells of a column of truth values; those of rows without a value mean nothing.
    pub(super) fn truths(&self) -> Option<&ChunkedBitmap> {
        if let Cells::Bits(bits) = &self.cells { Some(bits) } else { None }
    }

    /// The distinct texts that a text or list column was made with, by code. Those that [came since](Column::set) have
    /// codes after them.
    pub fn texts(&self) -> Option<&Texts> {
        match &self.cells {
            Cells::Codes { texts, .. } | Cells::Lists { texts, .. } => Some(texts),
            _ => None,
        }
    }

    /// How many codes texts of a text or list column have, those that came since it was made among them.
    pub(super) fn code_count(&self) -> usize {
        self.texts().map_or(0, Texts::len) + self.new_texts.len()
    }

    /// The bytes the column occupies.
    pub fn resident_bytes(&self) -> usize {
        self.present.resident_bytes()
            + self.new_texts.resident_bytes()
            + match &self.cells {
                Cells::Bits(bits) => bits.resident_bytes(),
                Cells::Ints(ints) => ints.resident_bytes(),
                Cells::Floats(floats) => floats.resident_bytes(),
                Cells::Codes { codes, texts } => codes.resident_bytes() + texts.resident_bytes(),
                Cells::Lists { chunks, texts } => {
                    let lists = chunks.iter().map(|chunk| chunk.resident_bytes()).sum::<usize>();
                    lists + texts.resident_bytes()
                }
            }
    }
}

/// Builds a column row by row.
#[derive(Debug)]
pub struct ColumnBuilder {
    kind: ColumnKind,
    present: ChunkedBits,
    truths: ChunkedBits,
    numbers: ChunksBuilder<i64>,
    floats: ChunksBuilder<f64>,
    codes: ChunksBuilder<u32>,
    lists: Vec<Arc<ListChunk>>,
    list: ListChunk,
    texts: TextsBuilder,
}

impl ColumnBuilder {
    /// A builder for a column of `kind`.
    pub fn new(kind: ColumnKind) -> Self {
        Self::with_capacity(kind, 0)
    }

    /// A builder for a column of `kind` with capacity for `rows` rows.
    pub fn with_capacity(kind: ColumnKind, rows: usize) -> Self {
        let capacity = |kinds: &[ColumnKind]| if kinds.contains(&kind) { rows } else { 0 };
        Self {
            kind,
            present: ChunkedBits::with_capacity(rows),
            truths: ChunkedBits::with_capacity(capacity(&[ColumnKind::Bool])),
            numbers: ChunksBuilder::with_capacity(capacity(&[ColumnKind::Int, ColumnKind::Time])),
            floats: ChunksBuilder::with_capacity(capacity(&[ColumnKind::Float])),
            codes: ChunksBuilder::with_capacity(capacity(&[ColumnKind::Text])),
            lists: Vec::with_capacity(capacity(&[ColumnKind::List]).div_ceil(CHUNK)),
            list: ListChunk::default(),
            texts: TextsBuilder::default(),
        }
    }

    /// Adds a row. A value of another kind than the column's counts as missing, but for ints in a float column.
    pub fn push(&mut self, value: Value<'_>) {
        let present = match (self.kind, value) {
            (ColumnKind::Bool, Value::Bool(value)) => {
                self.truths.push(value);
                true
            }
            (ColumnKind::Int, Value::Int(value)) | (ColumnKind::Time, Value::Time(value)) => {
                self.numbers.push(value);
                true
            }
            (ColumnKind::Float, Value::Float(value)) => self.push_float(value),
            (ColumnKind::Float, Value::Int(value)) => self.push_float(value as f64),
            (ColumnKind::Text, Value::Text(text)) => {
                let code = self.texts.code(text);
                self.codes.push(code);
                true
            }
            (ColumnKind::List, Value::List(texts)) => {
                let codes = texts.into_iter().map(|text| self.texts.code(text));
                self.list.push(codes);
                self.seal_list();
                true
            }
            _ => self.push_missing(),
        };
        self.present.push(present);
    }

    /// The finished column.
    pub fn finish(self) -> Column {
        let Self { kind, present, truths, numbers, floats, codes, mut lists, mut list, texts } = self;
        if list.rows() > 0 {
            list.shrink();
            lists.push(Arc::new(list));
        }
        lists.shrink_to_fit();
        let texts = Arc::new(texts.finish());
        let cells = match kind {
            ColumnKind::Bool => Cells::Bits(truths.finish()),
            ColumnKind::Int | ColumnKind::Time => Cells::Ints(numbers.finish()),
            ColumnKind::Float => Cells::Floats(floats.finish()),
            ColumnKind::Text => Cells::Codes { codes: codes.finish(), texts },
            ColumnKind::List => Cells::Lists { chunks: lists, texts },
        };
        Column { kind, present: present.finish(), cells, new_texts: NewTexts::default() }
    }

    fn seal_list(&mut self) {
        if self.list.is_full() {
            let mut list = std::mem::take(&mut self.list);
            list.shrink();
            self.lists.push(Arc::new(list));
        }
    }

    fn push_float(&mut self, value: f64) -> bool {
        self.floats.push(value);
        // A NaN in the file is a missing value, as most writers of floats mean it.
        !value.is_nan()
    }

    fn push_missing(&mut self) -> bool {
        match self.kind {
            ColumnKind::Bool => self.truths.push(false),
            ColumnKind::Int | ColumnKind::Time => self.numbers.push(0),
            // NaN and not 0, so that gathering floats needs no look at the bits.
            ColumnKind::Float => self.floats.push(f64::NAN),
            ColumnKind::Text => self.codes.push(MISSING),
            ColumnKind::List => {
                self.list.push([]);
                self.seal_list();
            }
        }
        false
    }
}
