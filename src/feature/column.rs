//! One typed column with missing values.

use hashbrown::HashMap;

use crate::domain::Bitmap;
use crate::domain::ItemIdx;

/// A code that stands for "no text here".
const MISSING: u32 = u32::MAX;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// Distinct texts by code, and the codes in the order of the texts, so that a text is found by bisection.
#[derive(Debug, Clone)]
struct Texts {
    by_code: Vec<Box<str>>,
    sorted: Vec<u32>,
}

impl Texts {
    fn new(by_code: Vec<Box<str>>) -> Self {
        let mut sorted: Vec<u32> = (0..by_code.len() as u32).collect();
        sorted.sort_unstable_by(|a, b| by_code[*a as usize].cmp(&by_code[*b as usize]));
        Self { by_code, sorted }
    }
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
            Cells::Ints(ints) if self.kind == ColumnKind::Time => Value::Time(ints[row]),
            Cells::Ints(ints) => Value::Int(ints[row]),
            Cells::Floats(floats) => Value::Float(floats[row]),
            Cells::Codes { codes, texts } => Value::Text(&texts.by_code[codes[row] as usize]),
            Cells::Lists { texts, .. } => {
                Value::List(self.codes(row).iter().map(|code| &*texts.by_code[*code as usize]).collect())
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
                *out = floats.get(row).map_or(f32::NAN, |value| *value as f32); // NaN where missing
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
        let at = texts.sorted.binary_search_by(|code| (*texts.by_code[*code as usize]).cmp(text)).ok()?;
        texts.sorted.get(at).copied()
    }

    /// Whether a row has a value.
    pub fn has_value(&self, row: usize) -> bool {
        self.present.contains(ItemIdx(row as u32))
    }

    /// The distinct texts of a text or list column, by code.
    pub fn texts(&self) -> &[Box<str>] {
        match &self.cells {
            Cells::Codes { texts, .. } | Cells::Lists { texts, .. } => &texts.by_code,
            _ => &[],
        }
    }

    /// The bytes the column occupies.
    pub fn resident_bytes(&self) -> usize {
        let texts = |texts: &Texts| -> usize {
            texts.by_code.iter().map(|text| text.len() + size_of::<Box<str>>() + 4).sum()
        };
        self.present.resident_bytes()
            + match &self.cells {
                Cells::Bits(bits) => bits.resident_bytes(),
                Cells::Ints(ints) => ints.len() * 8,
                Cells::Floats(floats) => floats.len() * 8,
                Cells::Codes { codes, texts: t } => codes.len() * 4 + texts(t),
                Cells::Lists { offsets, codes, texts: t } => (offsets.len() + codes.len()) * 4 + texts(t),
            }
    }
}

/// Builds a column row by row.
#[derive(Debug)]
pub struct ColumnBuilder {
    kind: ColumnKind,
    present: Vec<bool>,
    numbers: Vec<i64>,
    floats: Vec<f64>,
    codes: Vec<u32>,
    offsets: Vec<u32>,
    lookup: HashMap<Box<str>, u32>,
    texts: Vec<Box<str>>,
}

impl ColumnBuilder {
    /// A builder for a column of `kind`.
    pub fn new(kind: ColumnKind) -> Self {
        Self {
            kind,
            present: Vec::new(),
            numbers: Vec::new(),
            floats: Vec::new(),
            codes: Vec::new(),
            offsets: vec![0],
            lookup: HashMap::new(),
            texts: Vec::new(),
        }
    }

    /// Adds a row. A value of another kind than the column's counts as missing, but for ints in a float column.
    pub fn push(&mut self, value: Value<'_>) {
        let present = match (self.kind, value) {
            (ColumnKind::Bool, Value::Bool(value)) => self.push_number(i64::from(value)),
            (ColumnKind::Int, Value::Int(value)) | (ColumnKind::Time, Value::Time(value)) => {
                self.push_number(value)
            }
            (ColumnKind::Float, Value::Float(value)) => self.push_float(value),
            (ColumnKind::Float, Value::Int(value)) => self.push_float(value as f64),
            (ColumnKind::Text, Value::Text(text)) => {
                let code = self.code(text);
                self.codes.push(code);
                true
            }
            (ColumnKind::List, Value::List(texts)) => {
                for text in texts {
                    let code = self.code(text);
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
        let rows = self.present.len();
        let cells = match self.kind {
            ColumnKind::Bool => Cells::Bits(Bitmap::from_fn(rows, |row| self.numbers[row] == 1)),
            ColumnKind::Int | ColumnKind::Time => Cells::Ints(self.numbers),
            ColumnKind::Float => Cells::Floats(self.floats),
            ColumnKind::Text => Cells::Codes { codes: self.codes, texts: Texts::new(self.texts) },
            ColumnKind::List => {
                Cells::Lists { offsets: self.offsets, codes: self.codes, texts: Texts::new(self.texts) }
            }
        };
        Column { kind: self.kind, present: Bitmap::from_fn(rows, |row| self.present[row]), cells }
    }

    fn push_number(&mut self, value: i64) -> bool {
        self.numbers.push(value);
        true
    }

    fn push_float(&mut self, value: f64) -> bool {
        self.floats.push(value);
        !value.is_nan()
    }

    fn push_missing(&mut self) -> bool {
        match self.kind {
            ColumnKind::Bool | ColumnKind::Int | ColumnKind::Time => self.numbers.push(0),
            ColumnKind::Float => self.floats.push(f64::NAN),
            ColumnKind::Text => self.codes.push(MISSING),
            ColumnKind::List => self.offsets.push(self.codes.len() as u32),
        }
        false
    }

    fn code(&mut self, text: &str) -> u32 {
        if let Some(code) = self.lookup.get(text) {
            return *code;
        }
        let code = self.texts.len() as u32;
        self.texts.push(text.into());
        self.lookup.insert(text.into(), code);
        code
    }
}
