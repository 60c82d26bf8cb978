//! Keeps items whose catalogue attributes satisfy the placement's filter expression.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::keep_admitted;
use crate::domain::{Bitmap, CandidateSet, ItemMask};
use crate::feature::{Predicate, PredicateError};
use crate::pipeline::{BuildError, Context, Filter, Query, Spec, StageError};
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

impl Filter for AttributeFilter {
    fn filter(&self, ctx: &Context<'_>, set: &mut CandidateSet) -> Result<(), StageError> {
        keep_admitted(ctx, set);
        Ok(())
    }

    fn prefilter(&self, _query: &Query<'_>, _snapshot: &Snapshot, mask: &mut ItemMask) {
        mask.allow_only(&self.allowed);
    }
}
