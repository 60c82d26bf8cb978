//! What has come since the snapshot was made, which no model knows yet.

use std::time::Duration;

use serde::Deserialize;

use crate::domain::{CandidateSet, ItemIdx, ItemMask};
use crate::feature::Value;
use crate::pipeline::build::check_take;
use crate::pipeline::{BuildError, CandidateSource, Context, Spec, Stage, StageError};
use crate::setting::{As, NoneOr, Time};

/// Gives the items that events have listed and the snapshot does not know, the last that came first. With
/// `by = "category"` only those of the request's context attribute `category`, or else of the category of the item
/// looked at.
///
/// Useful for: new items in the hours until a snapshot knows them. Not for: anything else, as it is empty without
/// events.
#[derive(Debug)]
pub struct Arrivals {
    params: Params,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default = "default_take")]
    take: usize,
    /// The attribute that has to be the same.
    by: Option<String>,
    /// How long an item is new, by the time of the newest event: answers do not change with the clock alone.
    #[serde(default, with = "As::<NoneOr<Time>>")]
    max_age: Option<Duration>,
}

fn default_take() -> usize {
    20
}

impl Arrivals {
    pub(super) fn make(spec: &Spec<'_>) -> Result<Box<dyn CandidateSource>, BuildError> {
        let params: Params = spec.parse()?;
        check_take(params.take)?;
        if let Some(column) = &params.by {
            spec.check_column(column)?;
        }
        Ok(Box::new(Self { params }))
    }

    /// The text that an item must have in the column `by`: the page's own, else that of the item looked at.
    fn wanted<'a>(&self, by: &str, ctx: &Context<'a>) -> Option<&'a str> {
        if let Some(said) = ctx.request.context.attributes.get(by) {
            return Some(said);
        }
        match ctx.live.attributes().value(by, ctx.query.current?.row()) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Stage for Arrivals {
    fn label(&self) -> &str {
        "arrivals"
    }
}

impl CandidateSource for Arrivals {
    fn retrieve(&self, ctx: &Context<'_>, mask: &ItemMask, out: &mut CandidateSet) -> Result<(), StageError> {
        let Params { take, by, max_age } = &self.params;
        let column = by.as_deref().and_then(|by| ctx.live.attributes().column(by));
        let code = match (column, by) {
            // Without a category there is nothing to be of the same one.
            (Some(column), Some(by)) => match self.wanted(by, ctx).and_then(|text| column.code_of(text)) {
                Some(code) => Some(code),
                None => return Ok(()),
            },
            _ => None,
        };
        let oldest = max_age.zip(ctx.live.last_event_ms()).map(|(age, last)| last - age.as_millis() as i64);
        let fits = |item: &ItemIdx| {
            mask.admits(*item)
                && column.zip(code).is_none_or(|(column, code)| column.codes(item.row()).contains(&code))
        };
        let new = ctx.live.arrivals().filter(|(_, came_ms)| oldest.is_none_or(|oldest| *came_ms >= oldest));
        for (rank, item) in new.map(|(item, _)| item).filter(fits).take(*take).enumerate() {
            out.push(item, 1.0 / (1.0 + rank as f32));
        }
        Ok(())
    }
}
