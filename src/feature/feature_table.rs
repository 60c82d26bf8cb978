//! Feature tables: columns as rankers read them, 32 bits a cell, with missing values.

use super::Texts;
use super::texts::TextsBuilder;

/// The code of a missing text.
const MISSING: u32 = u32::MAX;

/// Named columns of numbers and texts, one row an item or a user.
///
/// Narrower than [`super::Table`]: a number is an f32 (NaN where missing), a text a code into the column's distinct
/// texts.
#[derive(Debug, Clone, Default)]
pub struct Features {
    names: Vec<String>,
    columns: Vec<FeatureColumn>,
    rows: usize,
}

/// One column of [`Features`].
#[derive(Debug, Clone)]
pub enum FeatureColumn {
    /// Numbers; NaN is "missing".
    Numbers(Vec<f32>),
    /// Texts, each distinct one stored once.
    Texts(TextCodes),
}

/// Texts by row.
#[derive(Debug, Clone)]
pub struct TextCodes {
    codes: Vec<u32>,
    texts: Texts,
}

impl Features {
    /// A table without columns.
    pub fn new(rows: usize) -> Self {
        Self { rows, ..Self::default() }
    }

    /// Adds a column; `false` (and no change) if its length or name does not fit.
    pub fn add(&mut self, name: &str, column: FeatureColumn) -> bool {
        // A shorter column would give some items the features of others.
        if column.len() != self.rows || self.position(name).is_some() {
            return false;
        }
        self.names.push(name.to_owned());
        self.columns.push(column);
        true
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The column names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Where the column of this name stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// A column by its position.
    pub fn column(&self, position: usize) -> Option<&FeatureColumn> {
        self.columns.get(position)
    }

    /// The bytes the columns occupy.
    pub fn resident_bytes(&self) -> usize {
        self.columns.iter().map(FeatureColumn::resident_bytes).sum()
    }
}

impl FeatureColumn {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(texts) => texts.codes.len(),
        }
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A cell as a number; NaN where it is missing or a text, or the row does not exist.
    pub fn number(&self, row: usize) -> f32 {
        match self {
            Self::Numbers(numbers) => numbers.get(row).copied().unwrap_or(f32::NAN),
            Self::Texts(_) => f32::NAN,
        }
    }

    /// A cell as text; `None` where it is missing or a number.
    pub fn text(&self, row: usize) -> Option<&str> {
        let Self::Texts(texts) = self else { return None };
        texts.code(row).and_then(|code| texts.texts.get(code as usize))
    }

    fn resident_bytes(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.capacity() * 4,
            Self::Texts(texts) => texts.codes.capacity() * 4 + texts.texts.resident_bytes(),
        }
    }
}

impl TextCodes {
    /// The code of a row's text; `None` where it is missing.
    pub fn code(&self, row: usize) -> Option<u32> {
        self.codes.get(row).copied().filter(|code| *code != MISSING)
    }

    /// The distinct texts, by code.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }
}

/// Builds a [`FeatureColumn::Texts`] in any order of rows.
#[derive(Debug)]
pub struct TextCodesBuilder {
    codes: Vec<u32>,
    texts: TextsBuilder,
}

impl TextCodesBuilder {
    /// A builder of `rows` missing cells.
    pub fn new(rows: usize) -> Self {
        Self { codes: vec![MISSING; rows], texts: TextsBuilder::default() }
    }

    /// Sets a cell. Rows that do not exist are ignored.
    pub fn set(&mut self, row: usize, text: &str) {
        // The row is looked at first: a text without a row would take a code that nothing uses.
        if let Some(cell) = self.codes.get_mut(row) {
            *cell = self.texts.code(text);
        }
    }

    /// The finished column.
    pub fn finish(self) -> FeatureColumn {
        FeatureColumn::Texts(TextCodes { codes: self.codes, texts: self.texts.finish() })
    }
}
