//! Which records a mapping is for: the patterns of EventBridge, over a parsed document.
//!
//! Read here and not by the crate `quamina`, whose 0.7.0 takes a pattern about a key with a dot and never matches it,
//! wants nested documents as bytes again, and is made for thousands of patterns, of which a source has a few.

use serde_json::{Map, Value};

use super::pointer;

/// A pattern: every member must match.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pattern(Vec<(String, Node)>);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Members(Pattern),
    /// One of them must match.
    Choices(Vec<Choice>),
}

#[derive(Debug, Clone, PartialEq)]
enum Choice {
    Exact(Value),
    Prefix(String),
    Suffix(String),
    /// In lower case.
    IgnoreCase(String),
    /// The texts between the asterisks.
    Wildcard(Vec<String>),
    Numeric(Vec<(Comparison, f64)>),
    Exists(bool),
    AnythingBut(Vec<Value>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It is no JSON.
    #[error("the pattern is no JSON: {0}")]
    Json(String),
    /// Something at this pointer is of another type than it has to be.
    #[error("the pattern has {value} at \"{at}\": expected {expected}")]
    Shape {
        /// The pointer in the pattern.
        at: String,
        /// What is there.
        value: String,
        /// What should be.
        expected: &'static str,
    },
    /// A matcher that Larder does not have.
    #[error(
        "the pattern has {name} at \"{at}\", which is not supported: use prefix, suffix, wildcard, equals-ignore-case, \
         numeric, exists or anything-but with a list of values; in place of $or, write a mapping for each alternative"
    )]
    Unsupported {
        /// The pointer in the pattern.
        at: String,
        /// Its name.
        name: String,
    },
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// It is none, or uses a matcher that is not supported.
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| PatternError::Json(error.to_string()))?;
        Self::read(&value, "")
    }

    fn read(value: &Value, at: &str) -> Result<Self, PatternError> {
        let members = match value {
            Value::Object(members) if !members.is_empty() => members,
            other => return Err(shape(at, other, "an object with the fields to match")),
        };
        let member = |(name, value): (&String, &Value)| {
            let at = format!("{at}/{}", pointer::escaped(name));
            let node = match value {
                _ if name == "$or" => return Err(PatternError::Unsupported { at, name: name.clone() }),
                Value::Object(_) => Node::Members(Self::read(value, &at)?),
                Value::Array(choices) if !choices.is_empty() => {
                    let choice = |(index, value)| Choice::read(value, &format!("{at}/{index}"));
                    Node::Choices(choices.iter().enumerate().map(choice).collect::<Result<_, _>>()?)
                }
                other => {
                    return Err(shape(&at, other, "a list of values, or an object with the fields below"));
                }
            };
            Ok((name.clone(), node))
        };
        members.iter().map(member).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a document matches. Of a list, one element has to.
    pub(super) fn matches(&self, document: &Value) -> bool {
        match document {
            Value::Array(documents) => documents.iter().any(|document| self.matches(document)),
            document => self.0.iter().all(|(name, node)| match (node, document.get(name)) {
                (Node::Members(pattern), value) => pattern.matches(value.unwrap_or(&Value::Null)),
                (Node::Choices(choices), value) => choices.iter().any(|choice| choice.matches(value)),
            }),
        }
    }
}

impl Choice {
    fn read(value: &Value, at: &str) -> Result<Self, PatternError> {
        match value {
            Value::Object(members) if members.len() == 1 => Self::matcher(members, at),
            Value::Object(_) | Value::Array(_) => {
                Err(shape(at, value, "a value, or an object with one matcher"))
            }
            scalar => Ok(Self::Exact(scalar.clone())),
        }
    }

    fn matcher(members: &Map<String, Value>, at: &str) -> Result<Self, PatternError> {
        let Some((name, operand)) = members.iter().next() else {
            return Err(shape(at, &Value::Object(members.clone()), "an object with one matcher"));
        };
        let at = format!("{at}/{}", pointer::escaped(name));
        let unsupported = || PatternError::Unsupported { at: at.clone(), name: name.clone() };
        match (name.as_str(), operand) {
            ("prefix", Value::String(text)) => Ok(Self::Prefix(text.clone())),
            ("suffix", Value::String(text)) => Ok(Self::Suffix(text.clone())),
            ("equals-ignore-case", Value::String(text)) => Ok(Self::IgnoreCase(text.to_lowercase())),
            ("wildcard", Value::String(text)) => Ok(Self::Wildcard(between_asterisks(text))),
            ("exists", Value::Bool(wanted)) => Ok(Self::Exists(*wanted)),
            ("numeric", Value::Array(parts)) => comparisons(parts)
                .map(Self::Numeric)
                .ok_or_else(|| shape(&at, operand, "one or two comparisons, such as [\">\", 0, \"<=\", 5]")),
            ("anything-but", Value::Array(values))
                if !values.is_empty()
                    && !values.iter().any(|value| value.is_array() || value.is_object()) =>
            {
                Ok(Self::AnythingBut(values.clone()))
            }
            ("anything-but", Value::Object(_) | Value::Array(_)) => Err(PatternError::Unsupported {
                at: at.clone(),
                name: format!("anything-but with {operand}"),
            }),
            ("anything-but", scalar) => Ok(Self::AnythingBut(vec![scalar.clone()])),
            ("prefix" | "suffix", Value::Object(_)) => Err(unsupported()),
            ("prefix" | "suffix" | "equals-ignore-case" | "wildcard", other) => {
                Err(shape(&at, other, "a text"))
            }
            ("exists", other) => Err(shape(&at, other, "true or false")),
            ("numeric", other) => Err(shape(&at, other, "a list of comparisons, such as [\">\", 0]")),
            _ => Err(unsupported()),
        }
    }

    /// Of a list, one value has to match.
    fn matches(&self, value: Option<&Value>) -> bool {
        if let Self::Exists(wanted) = self {
            return *wanted == value.is_some_and(|value| !value.is_object());
        }
        match value {
            None | Some(Value::Object(_)) => false,
            Some(Value::Array(values)) => values.iter().any(|value| self.matches_one(value)),
            Some(value) => self.matches_one(value),
        }
    }

    fn matches_one(&self, value: &Value) -> bool {
        let text = value.as_str();
        match self {
            Self::Exact(wanted) => equal(wanted, value),
            Self::Prefix(prefix) => text.is_some_and(|text| text.starts_with(prefix)),
            Self::Suffix(suffix) => text.is_some_and(|text| text.ends_with(suffix)),
            Self::IgnoreCase(wanted) => text.is_some_and(|text| text.to_lowercase() == *wanted),
            Self::Wildcard(parts) => text.is_some_and(|text| matches_parts(text, parts)),
            Self::Numeric(comparisons) => value
                .as_f64()
                .is_some_and(|number| comparisons.iter().all(|(how, limit)| how.holds(number, *limit))),
            Self::AnythingBut(refused) => {
                !value.is_object()
                    && !value.is_array()
                    && !refused.iter().any(|refused| equal(refused, value))
            }
            Self::Exists(_) => false,
        }
    }
}

impl Comparison {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "=" => Self::Equal,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    fn holds(self, number: f64, limit: f64) -> bool {
        match self {
            Self::Equal => number == limit,
            Self::Less => number < limit,
            Self::LessOrEqual => number <= limit,
            Self::Greater => number > limit,
            Self::GreaterOrEqual => number >= limit,
        }
    }
}

/// Whether two single values are the same; 3 is 3.0.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

fn comparisons(parts: &[Value]) -> Option<Vec<(Comparison, f64)>> {
    let pairs = parts.chunks(2).map(|pair| match pair {
        [Value::String(how), limit] => Some((Comparison::read(how)?, limit.as_f64()?)),
        _ => None,
    });
    let pairs: Vec<_> = pairs.collect::<Option<_>>()?;
    (1..=2).contains(&pairs.len()).then_some(pairs)
}

fn between_asterisks(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let letter = match letter {
            '*' => {
                parts.push(String::new());
                continue;
            }
            // `\*` is an asterisk, `\\` a backslash.
            '\\' => letters.next().unwrap_or('\\'),
            letter => letter,
        };
        if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    parts
}

/// The first place for each part is as good as any later one, so one pass is enough.
fn matches_parts(text: &str, parts: &[String]) -> bool {
    let (first, middle, last) = match parts {
        [] => return text.is_empty(),
        [only] => return text == only,
        [first, middle @ .., last] => (first, middle, last),
    };
    let Some(rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()))
    else {
        return false;
    };
    let mut rest = rest;
    for part in middle {
        match rest.find(part.as_str()) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

fn shape(at: &str, value: &Value, expected: &'static str) -> PatternError {
    PatternError::Shape { at: at.to_owned(), value: value.to_string(), expected }
}
