//! Columnar attribute tables, and predicates over their rows.

mod column;
pub mod predicate;
mod table;
mod texts;

pub use column::{Column, ColumnBuilder, ColumnKind, Value};
pub use predicate::{Predicate, PredicateError};
pub use table::{Table, nearest};
pub use texts::Texts;
