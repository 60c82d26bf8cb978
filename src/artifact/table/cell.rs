//! What a table's columns and cells may hold.

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CellKind {
    /// true or false
    Bool,
    /// integers up to 64 bits
    Int,
    /// floats and decimals
    Float,
    /// UTF-8 text
    Text,
    /// lists of text
    Texts,
    /// lists of numbers
    Floats,
    /// times and dates
    Time,
    /// anything else, as the file names it
    Other(String),
}

impl CellKind {
    pub(super) fn describe(&self) -> String {
        match self {
            CellKind::Bool => "bool".to_owned(),
            CellKind::Int => "an integer".to_owned(),
            CellKind::Float => "a float".to_owned(),
            CellKind::Text => "text".to_owned(),
            CellKind::Texts => "a list of text".to_owned(),
            CellKind::Floats => "a list of numbers".to_owned(),
            CellKind::Time => "a timestamp".to_owned(),
            CellKind::Other(name) => name.clone(),
        }
    }
}

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
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
    /// A list of texts; missing elements are left out.
    Texts(Vec<&'a str>),
    /// A list of numbers; missing elements are NaN.
    Floats(&'a [f32]),
    /// Milliseconds since 1970-01-01 UTC.
    Time(i64),
}
