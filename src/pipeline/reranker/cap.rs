//! A limit on how many of the first candidates share a value.

use std::cell::RefCell;

use hashbrown::HashMap;
use serde::Deserialize;

use crate::domain::CandidateSet;
use crate::pipeline::{BuildError, Context, Needs, Reranker, Spec, Stage, StageError};

/// Lets at most `max` candidates with the same value of an attribute keep their place; the others move to the end, in
/// their order, so that a slate that would otherwise stay short still fills. Candidates without a value are not capped.
#[derive(Debug)]
pub struct Cap {
    by: String,
    max: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    by: String,
    max: usize,
}

#[derive(Debug, Default)]
struct Scratch {
    counts: HashMap<u32, usize>,
    kept: Vec<usize>,
    moved: Vec<usize>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Cap {
    pub(super) fn make(spec: &Spec<'_>) -> Result<Box<dyn Reranker>, BuildError> {
        let Params { by, max } = spec.parse()?;
        spec.check_column(&by)?;
        if max == 0 {
            return Err(BuildError::Range { key: "max", value: "0".to_owned(), expected: "at least 1" });
        }
        Ok(Box::new(Self { by, max }))
    }
}

impl Stage for Cap {
    fn label(&self) -> &str {
        "cap"
    }

    fn needs(&self) -> Needs {
        Needs { columns: vec![self.by.clone()], ..Needs::default() }
    }
}

impl Reranker for Cap {
    fn rerank(&self, _ctx: &Context<'_>, set: &mut CandidateSet) -> Result<(), StageError> {
        SCRATCH.with_borrow_mut(|Scratch { counts, kept, moved }| {
            counts.clear();
            kept.clear();
            moved.clear();
            let values = set.feature(&self.by);
            let values = values.ok_or(StageError::Failed("the capped attribute was not gathered"))?;
            for (row, value) in values.iter().enumerate() {
                // By bits: the values are codes, truth values or prices that were read alike, and f32 has no hash.
                let count = counts.entry(value.to_bits()).or_default();
                *count += 1;
                let list = if value.is_nan() || *count <= self.max { &mut *kept } else { &mut *moved };
                list.push(row);
            }
            // Moved and not dropped: of a category page all candidates may share the value.
            kept.append(moved);
            set.reorder(kept);
            Ok(())
        })
    }
}
