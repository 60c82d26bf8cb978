//! Columnar attribute tables, and predicates over their rows.

mod column;
mod feature_table;
mod filter_index;
mod ids;
pub mod predicate;
mod table;
mod texts;

pub use column::{Column, ColumnBuilder, ColumnKind, Value};
pub use feature_table::{FeatureColumn, Features, TextCodes, TextCodesBuilder};
pub use filter_index::{ColumnSize, choose_indexes, is_frequent};
pub use ids::{IdError, IdTable};
pub use predicate::{Predicate, PredicateError};
pub use table::{Table, did_you_mean, nearest};
pub use texts::Texts;
