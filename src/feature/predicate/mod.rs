//! Filter expressions: `in_stock && price < 20 && category in ["tea", "coffee"]`.
//!
//! Useful for: keeping or dropping items by their catalogue attributes. Not for: ranking.
//!
//! ```text
//! or      = and ("||" and)*
//! and     = unary ("&&" unary)*
//! unary   = "!" unary | "(" or ")" | column | column cmp literal | column ["not"] "in" list
//! cmp     = "==" | "!=" | "<" | "<=" | ">" | ">="
//! literal = number | "text" | 'text' | true | false | $name
//! list    = "[" literal ("," literal)* "]" | $name
//! ```
//!
//! A comparison with a missing value is false (so `!(price > 5)` holds where there is no price). On a list column `==`
//! and `in` hold if any element matches. Times compare with milliseconds since 1970 or RFC 3339 text.

mod compile;
mod lexer;
mod parser;
mod term;
mod tree;

use thiserror::Error;

use super::did_you_mean;

pub use compile::Predicate;

/// Why a filter expression was refused. `at` is a character position from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PredicateError {
    /// The text does not follow the grammar.
    #[error("filter, character {at}: expected {expected}, found {found}")]
    Syntax {
        /// Where.
        at: usize,
        /// What would have fitted.
        expected: &'static str,
        /// What stood there.
        found: String,
    },
    /// A column that the catalogue does not have.
    #[error("filter, character {at}: the catalogue has no attribute \"{name}\"{}", did_you_mean(.nearest.as_deref()))]
    UnknownColumn {
        /// Where.
        at: usize,
        /// The name as written.
        name: String,
        /// The nearest valid name.
        nearest: Option<String>,
    },
    /// A value that the column cannot be compared with.
    #[error("filter, character {at}: attribute \"{column}\" is of type {kind} and {reason}")]
    Type {
        /// Where.
        at: usize,
        /// The column.
        column: String,
        /// Its type.
        kind: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// A `$name` without a value.
    #[error("filter, character {at}: no value was given for ${name}; add it to filter_params")]
    MissingParameter {
        /// Where.
        at: usize,
        /// The name without `$`.
        name: String,
    },
    /// The expression is longer or deeper than the limits.
    #[error("filter: {what} exceeds the limit of {limit}")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// The most that is allowed.
        limit: usize,
    },
    /// The deadline passed before it was known which items pass.
    #[error("filter: the time was up before it was known which items pass")]
    Late,
}

/// The most bytes an expression may have.
pub const MAX_BYTES: usize = 4096;
/// The deepest nesting of parentheses and `!`.
pub const MAX_DEPTH: usize = 32;
/// The most comparisons of one expression: each is made for every item of the catalogue.
pub const MAX_TERMS: usize = 64;
/// The most values one `in` list may have.
pub const MAX_LIST: usize = 1000;

#[cfg(test)]
mod tests;
