//! Keeps items whose catalogue attributes satisfy the placement's filter expression.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::domain::{ChunkedBitmap, Deadline, ItemMask};
use crate::feature::{Predicate, PredicateError};
use crate::pipeline::{BuildError, Context, Filter, Needs, Spec, Stage, StageError};
use crate::snapshot::Snapshot;

/// A filter expression, evaluated over the whole catalogue once, when the snapshot is loaded, and then for each item
/// that an event changes.
#[derive(Debug)]
pub struct AttributeFilter {
    expression: Arc<str>,
    allowed: ChunkedBitmap,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    expression: String,
}

impl AttributeFilter {
    /// Evaluates `expression` over the catalogue of `snapshot`.
    ///
    /// # Errors
    /// Why the expression does not fit the catalogue.
    pub fn new(expression: &str, snapshot: &Snapshot) -> Result<Self, PredicateError> {
        // Without parameters: only a request can give values to `$name`.
        let predicate = Predicate::compile(expression, snapshot.catalog(), &BTreeMap::new())?;
        let allowed = ChunkedBitmap::of(&predicate.select(Deadline::NEVER)?);
        Ok(Self { expression: expression.into(), allowed })
    }

    /// How many items pass.
    pub fn passing(&self) -> usize {
        self.allowed.count()
    }

    pub(super) fn make(spec: &Spec<'_>) -> Result<Box<dyn Filter>, BuildError> {
        let params: Params = spec.parse()?;
        Ok(Box::new(Self::new(&params.expression, spec.snapshot)?))
    }
}

impl Stage for AttributeFilter {
    fn label(&self) -> &str {
        "attribute"
    }

    fn needs(&self) -> Needs {
        let filters = vec![(Arc::clone(&self.expression), self.allowed.clone())];
        Needs { filters, ..Needs::default() }
    }
}

impl Filter for AttributeFilter {
    fn prefilter(&self, ctx: &Context<'_>, mask: &mut ItemMask) -> Result<(), StageError> {
        mask.allow_only_chunked(ctx.live.filter(&self.expression).unwrap_or(&self.allowed));
        Ok(())
    }
}
