//! One typed column with missing values.

use crate::domain::Bitmap;
use crate::domain::ItemIdx;

use super::texts::{Texts, TextsBuilder};

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
#[derive(Debug, Clone)]
pub struct Column {
    kind: ColumnKind,
    present: Bitmap,
    cells: Cells,
}

#[derive(Debug, Clone)]
enum Cells {
    Bits(Bitmap),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Codes { codes: Vec<u32>, texts: Texts },
    Lists { offsets: Vec<u32>, codes: Vec<u32>, texts: Texts },
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
        if !self.present.contains(ItemIdx(row as u32)) {
            return Value::Null;
        }
        match &self.cells {
            Cells::Bits(bits) => Value::Bool(bits.contains(ItemIdx(row as u32))),
            // Times and integers are stored alike, and differ in what filters compare them with.
            Cells::Ints(ints) if self.kind == ColumnKind::Time => Value::Time(ints[row]),
            Cells::Ints(ints) => Value::Int(ints[row]),
            Cells::Floats(floats) => Value::Float(floats[row]),
            Cells::Codes { codes, texts } => Value::Text(texts.get(codes[row] as usize).unwrap_or_default()),
            Cells::Lists { texts, .. } => {
                Value::List(self.codes(row).iter().filter_map(|code| texts.get(*code as usize)).collect())
            }
        }
    }

    /// A cell as a number: bools are 0 or 1, texts their code, lists their length; NaN where missing.
    pub fn number(&self, row: usize) -> f64 {
        if !self.present.contains(ItemIdx(row as u32)) {
            return f64::NAN;
        }
        match &self.cells {
            Cells::Bits(bits) => f64::from(u8::from(bits.contains(ItemIdx(row as u32)))),
            Cells::Ints(ints) => ints[row] as f64,
            Cells::Floats(floats) => floats[row],
            Cells::Codes { codes, .. } => f64::from(codes[row]),
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
            Cells::Codes { codes, .. } if codes.get(row).is_some_and(|code| *code != MISSING) => {
                &codes[row..=row]
            }
            Cells::Lists { offsets, codes, .. } if row + 1 < offsets.len() => {
                &codes[offsets[row] as usize..offsets[row + 1] as usize]
            }
            _ => &[],
        }
    }

    /// The code of a text in this column, if any row has it.
    pub fn code_of(&self, text: &str) -> Option<u32> {
        let (Cells::Codes { texts, .. } | Cells::Lists { texts, .. }) = &self.cells else { return None };
        texts.code(text)
    }

    /// Whether a row has a value.
    pub fn has_value(&self, row: usize) -> bool {
        self.present.contains(ItemIdx(row as u32))
    }

    /// The distinct texts of a text or list column, by code.
    pub fn texts(&self) -> Option<&Texts> {
        match &self.cells {
            Cells::Codes { texts, .. } | Cells::Lists { texts, .. } => Some(texts),
            _ => None,
        }
    }

    /// The bytes the column occupies.
    pub fn resident_bytes(&self) -> usize {
        self.present.resident_bytes()
            + match &self.cells {
                Cells::Bits(bits) => bits.resident_bytes(),
                Cells::Ints(ints) => ints.capacity() * 8,
                Cells::Floats(floats) => floats.capacity() * 8,
                Cells::Codes { codes, texts } => codes.capacity() * 4 + texts.resident_bytes(),
                Cells::Lists { offsets, codes, texts } => {
                    (offsets.capacity() + codes.capacity()) * 4 + texts.resident_bytes()
                }
            }
    }
}

/// Builds a column row by row.
#[derive(Debug)]
pub struct ColumnBuilder {
    kind: ColumnKind,
    present: Bits,
    truths: Bits,
    numbers: Vec<i64>,
    floats: Vec<f64>,
    codes: Vec<u32>,
    offsets: Vec<u32>,
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
        // One offset more than rows: each list ends where the next one starts.
        let mut offsets = Vec::with_capacity(capacity(&[ColumnKind::List]) + 1);
        offsets.push(0);
        Self {
            kind,
            present: Bits::default(),
            truths: Bits::default(),
            numbers: Vec::with_capacity(capacity(&[ColumnKind::Int, ColumnKind::Time])),
            floats: Vec::with_capacity(capacity(&[ColumnKind::Float])),
            codes: Vec::with_capacity(capacity(&[ColumnKind::Text])),
            offsets,
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
                for text in texts {
                    let code = self.texts.code(text);
                    self.codes.push(code);
                }
                self.offsets.push(self.codes.len() as u32);
                true
            }
            _ => self.push_missing(),
        };
        self.present.push(present);
    }

    /// The finished column.
    pub fn finish(self) -> Column {
        // Trimmed, as capacity grows by doubling and the column stays for hours.
        let Self { kind, present, truths, mut numbers, mut floats, mut codes, mut offsets, texts } = self;
        numbers.shrink_to_fit();
        floats.shrink_to_fit();
        codes.shrink_to_fit();
        offsets.shrink_to_fit();
        let cells = match kind {
            ColumnKind::Bool => Cells::Bits(truths.finish()),
            ColumnKind::Int | ColumnKind::Time => Cells::Ints(numbers),
            ColumnKind::Float => Cells::Floats(floats),
            ColumnKind::Text => Cells::Codes { codes, texts: texts.finish() },
            ColumnKind::List => Cells::Lists { offsets, codes, texts: texts.finish() },
        };
        Column { kind, present: present.finish(), cells }
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
            ColumnKind::List => self.offsets.push(self.codes.len() as u32),
        }
        false
    }
}

/// Bits that come one after the other.
#[derive(Debug, Default)]
struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(64) {
            self.words.push(0);
        }
        // There is a word by now; a bit without one would be lost.
        if let Some(word) = self.words.last_mut() {
            *word |= u64::from(bit) << (self.len % 64);
        }
        self.len += 1;
    }

    fn finish(mut self) -> Bitmap {
        self.words.shrink_to_fit();
        Bitmap::from_words(self.words, self.len)
    }
}
