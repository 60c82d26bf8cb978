//! Keeps items whose catalogue attributes satisfy the placement's filter expression.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::{Bitmap, ItemMask};
use crate::feature::{Predicate, PredicateError};
use crate::pipeline::{BuildError, Context, Filter, Spec, Stage, StageError};
use crate::snapshot::Snapshot;

/// A filter expression, evaluated over the whole catalogue once, when the snapshot is loaded.
#[derive(Debug)]
pub struct AttributeFilter {
    allowed: Bitmap,
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
        Ok(Self { allowed: predicate.bitmap(snapshot.items().len()) })
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
}

impl Filter for AttributeFilter {
    fn prefilter(&self, _ctx: &Context<'_>, mask: &mut ItemMask) -> Result<(), StageError> {
        mask.allow_only(&self.allowed);
        Ok(())
    }
}
