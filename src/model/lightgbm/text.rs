//! LightGBM's text as sections of `key=value` lines, each of which knows where it stands.

use std::collections::HashMap;
use std::str::FromStr;

use crate::model::ModelError;
use crate::model::error::shown;

/// Upper bound on the fields of a part: LightGBM writes some twenty.
const MOST_FIELDS: usize = 200;
/// Upper bound on the lines after the trees: one a parameter, and one an input.
const MOST_LINES: usize = 200_000;
/// LightGBM's smallest tree takes more bytes than this.
const LEAST_TREE: usize = 64;

/// The lines of the head, or of one tree.
#[derive(Debug)]
pub(super) struct Section<'a> {
    /// `head` or `Tree=3`.
    pub(super) name: String,
    fields: HashMap<&'a str, (usize, &'a str)>,
}

/// A model file in parts.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub(super) head: Section<'a>,
    pub(super) trees: Vec<Section<'a>>,
    /// What follows the trees: parameters, pandas' categories.
    pub(super) rest: Vec<(usize, &'a str)>,
}

impl<'a> Text<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, ModelError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            ModelError::malformed(format!("byte {}", error.valid_up_to()), "it is not UTF-8 text")
        })?;
        let mut lines = (1..).zip(text.lines().map(str::trim_end));
        if lines.next().is_none_or(|(_, line)| line != "tree") {
            return Err(ModelError::malformed("line 1", "a LightGBM model begins with the line `tree`"));
        }
        let mut head = Section { name: "head".to_owned(), fields: HashMap::new() };
        let mut trees: Vec<Section<'a>> = Vec::new();
        for (number, line) in lines.by_ref() {
            if line == "end of trees" {
                let filled = lines.filter(|(_, line)| !line.is_empty());
                let rest: Vec<(usize, &str)> = filled.take(MOST_LINES + 1).collect();
                if rest.len() > MOST_LINES {
                    let reason = format!("more than {MOST_LINES} lines follow the trees");
                    return Err(ModelError::malformed(format!("line {number}"), reason));
                }
                return Ok(Self { head, trees, rest });
            }
            if line.is_empty() {
                continue;
            }
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            if key == "Tree" {
                // In order and without gaps: what a class of a multiclass model is, is told by a tree's place.
                if value != trees.len().to_string() {
                    let reason = format!("tree {} was expected, not {}", trees.len(), shown(value));
                    return Err(ModelError::malformed(format!("line {number}"), reason));
                }
                if trees.len() > bytes.len() / LEAST_TREE {
                    let reason =
                        format!("{} trees in {} bytes: no trees are so small", trees.len(), bytes.len());
                    return Err(ModelError::malformed(format!("line {number}"), reason));
                }
                trees.push(Section { name: format!("Tree={value}"), fields: HashMap::new() });
                continue;
            }
            let section = trees.last_mut().unwrap_or(&mut head);
            // Of two lines LightGBM would take the last; a file in which there are two is not its own.
            if section.fields.insert(key, (number, value)).is_some() {
                let reason = format!("{} is there twice", shown(key));
                return Err(ModelError::malformed(format!("line {number}, {}", section.name), reason));
            }
            if section.fields.len() > MOST_FIELDS {
                let reason = format!("it has more than {MOST_FIELDS} fields");
                return Err(ModelError::malformed(format!("line {number}, {}", section.name), reason));
            }
        }
        Err(ModelError::malformed("its end", "the line `end of trees` is missing: the file is cut off"))
    }
}

impl<'a> Section<'a> {
    pub(super) fn has(&self, key: &str) -> bool {
        self.fields.contains_key(key)
    }

    pub(super) fn maybe(&self, key: &str) -> Option<&'a str> {
        self.fields.get(key).map(|(_, value)| *value)
    }

    pub(super) fn text(&self, key: &str) -> Result<&'a str, ModelError> {
        self.maybe(key).ok_or_else(|| ModelError::malformed(&self.name, format!("there is no `{key}`")))
    }

    pub(super) fn number<T: FromStr>(&self, key: &str) -> Result<T, ModelError> {
        let text = self.text(key)?;
        text.parse().map_err(|_| self.fault(key, format!("{} is not a number that it can be", shown(text))))
    }

    /// A list of exactly `length` numbers.
    pub(super) fn list<T: FromStr>(&self, key: &str, length: usize) -> Result<Vec<T>, ModelError> {
        let mut numbers = Vec::new();
        for word in self.text(key)?.split_ascii_whitespace() {
            let number = word.parse().map_err(|_| {
                let place = format!("{} (number {})", shown(word), numbers.len());
                self.fault(key, format!("{place} is not a number that it can be"))
            })?;
            numbers.push(number);
        }
        if numbers.len() != length {
            let reason = format!("there are {} numbers; {length} were expected", numbers.len());
            return Err(self.fault(key, reason));
        }
        Ok(numbers)
    }

    /// An error about a field.
    pub(super) fn fault(&self, key: &str, reason: impl Into<String>) -> ModelError {
        let line = self.fields.get(key).map_or(String::new(), |(line, _)| format!("line {line}, "));
        ModelError::malformed(format!("{line}{}, {key}", self.name), reason)
    }
}
