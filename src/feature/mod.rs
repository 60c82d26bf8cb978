//! Columnar attribute tables, and predicates over their rows.

mod column;
mod narrow;
pub mod predicate;
mod table;
mod texts;

pub use column::{Column, ColumnBuilder, ColumnKind, Value};
pub use narrow::{FeatureColumn, Features, TextCodes, TextCodesBuilder};
pub use predicate::{Predicate, PredicateError};
pub use table::{Table, did_you_mean, nearest};
pub use texts::Texts;
