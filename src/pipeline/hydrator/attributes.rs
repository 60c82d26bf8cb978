//! Catalogue columns as features.

use std::sync::Arc;

use crate::domain::CandidateSet;
use crate::pipeline::{Context, Hydrator, StageError};

/// Gathers catalogue columns as numbers: bools 0 or 1, texts their code, lists their length, NaN where missing.
///
/// A recipe gets one of these for the columns that its later stages read.
#[derive(Debug)]
pub struct Attributes {
    columns: Vec<Arc<str>>,
}

impl Attributes {
    /// A hydrator for these columns.
    pub fn new(columns: impl IntoIterator<Item = String>) -> Self {
        Self { columns: columns.into_iter().map(Arc::from).collect() }
    }
}

impl Hydrator for Attributes {
    fn hydrate(&self, ctx: &Context<'_>, set: &mut CandidateSet) -> Result<(), StageError> {
        for name in &self.columns {
            let column = ctx.snapshot.catalog().column(name);
            let column = column.ok_or(StageError::Failed("a column is not in the catalogue"))?;
            set.add_feature(name, |item| column.number(item.row()) as f32);
        }
        Ok(())
    }
}
