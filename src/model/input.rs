//! What a model wants to be fed with.

/// One column of the matrix that a ranker scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// What the model's file calls it, if it names its inputs.
    pub name: Option<String>,
    /// What its numbers mean.
    pub kind: InputKind,
    /// For [`InputKind::Category`]: the value behind each code, code 0 first; empty if the file does not say, and then
    /// whoever trained the model must have made the codes.
    pub categories: Vec<CategoryValue>,
}

/// What an input's numbers mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// A quantity.
    Number,
    /// The code of a category: a whole number from 0; NaN is "missing".
    Category,
}

/// A category as it was in the training data.
#[derive(Debug, Clone, PartialEq)]
pub enum CategoryValue {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// Yes or no.
    Bool(bool),
}

impl Input {
    pub(super) fn number(name: Option<String>) -> Self {
        Self { name, kind: InputKind::Number, categories: Vec::new() }
    }

    pub(super) fn resident_bytes(&self) -> usize {
        let texts = self.categories.iter().map(|category| match category {
            CategoryValue::Text(text) => text.capacity(),
            CategoryValue::Number(_) | CategoryValue::Bool(_) => 0,
        });
        size_of::<Self>()
            + self.name.as_ref().map_or(0, String::capacity)
            + self.categories.capacity() * size_of::<CategoryValue>()
            + texts.sum::<usize>()
    }
}
