//! What has come since the snapshot was made, which no model knows yet.

use std::cell::RefCell;
use std::time::Duration;

use serde::Deserialize;

use super::likeness::{Likeness, Profile};
use super::seeds::{ItemWeights, LookFrom, check_decay};
use crate::domain::{CandidateSet, ItemIdx, ItemMask};
use crate::feature::Value;
use crate::pipeline::build::check_take;
use crate::pipeline::{BuildError, CandidateSource, Context, Needs, Spec, Stage, StageError};
use crate::setting::{As, NoneOr, Time};

/// The most new items that are compared with the items looked from, the newest of them: an upper bound on the time.
/// Raising it finds older ones among many, and takes time in proportion.
const COMPARED: usize = 2_000;

/// What the score of an item is multiplied with at least to get that of the next.
const APART: f32 = 1.0 - 1e-6;

/// Gives the items that events have listed and the snapshot does not know, the last that came first. With
/// `by = "category"` only those of the request's context attribute `category`, or else of the category of the item
/// looked at. With `like = ["category", "tags"]` those that have something in common with the items looked from, the
/// most alike first.
///
/// Useful for: new items in the hours until a snapshot knows them. Not for: anything else, as it is empty without
/// events.
#[derive(Debug)]
pub struct Arrivals {
    params: Params,
    /// How alike items are, where that is asked for.
    likeness: Option<Likeness>,
    weights: ItemWeights,
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
    /// The attributes that items should have in common with those looked from; none: newest first.
    #[serde(default)]
    like: Vec<String>,
    #[serde(default)]
    from: LookFrom,
    #[serde(default = "default_seeds")]
    max_seeds: usize,
    #[serde(default = "default_decay")]
    decay: f32,
}

fn default_take() -> usize {
    20
}
fn default_seeds() -> usize {
    20
}
fn default_decay() -> f32 {
    1.0
}

#[derive(Debug, Default)]
struct Scratch {
    seeds: Vec<(u32, f32)>,
    profile: Profile,
    /// How alike, the place in the order in which they came, and the item.
    alike: Vec<(f32, u32, ItemIdx)>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Arrivals {
    pub(super) fn make(spec: &Spec<'_>) -> Result<Box<dyn CandidateSource>, BuildError> {
        let params: Params = spec.parse()?;
        check_take(params.take)?;
        check_decay(params.decay)?;
        if let Some(column) = &params.by {
            spec.check_column(column)?;
        }
        let likeness = if params.like.is_empty() { None } else { Some(Likeness::of(&params.like, spec)?) };
        Ok(Box::new(Self { params, likeness, weights: ItemWeights::default() }))
    }

    /// Gives the most alike of some items, of which the newest come first.
    fn give_alike(
        &self,
        likeness: &Likeness,
        ctx: &Context<'_>,
        new: impl Iterator<Item = ItemIdx>,
        out: &mut CandidateSet,
    ) {
        let Params { take, from, max_seeds, decay, .. } = self.params;
        let attributes = ctx.live.attributes();
        SCRATCH.with_borrow_mut(|Scratch { seeds, profile, alike }| {
            from.items(ctx, &self.weights, max_seeds, decay, seeds);
            if seeds.is_empty() {
                return;
            }
            likeness.sum_up(attributes, seeds, profile);
            alike.clear();
            for (place, item) in (0..).zip(new.take(COMPARED)) {
                let score = likeness.to(profile, attributes, item.row());
                if score > 0.0 {
                    alike.push((score, place, item));
                }
            }
            alike.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            // Never two the same: later stages put those in the order of their numbers, and the numbers of new items
            // differ between replicas. By more than what a scorer rounds off.
            let mut below = f32::INFINITY;
            for (score, _, item) in alike.iter().take(take) {
                below = score.min(below * APART);
                out.push(*item, below);
            }
        });
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

    fn needs(&self) -> Needs {
        match &self.likeness {
            Some(_) => Needs { signals: self.params.from.signals(), ..Needs::default() },
            None => Needs::default(),
        }
    }
}

impl CandidateSource for Arrivals {
    fn retrieve(&self, ctx: &Context<'_>, mask: &ItemMask, out: &mut CandidateSet) -> Result<(), StageError> {
        if ctx.live.arrived() == 0 {
            return Ok(());
        }
        let Params { take, by, max_age, .. } = &self.params;
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
        let new = new.map(|(item, _)| item).filter(fits);
        match &self.likeness {
            Some(likeness) => self.give_alike(likeness, ctx, new, out),
            None => {
                for (rank, item) in new.take(*take).enumerate() {
                    out.push(item, 1.0 / (1.0 + rank as f32));
                }
            }
        }
        Ok(())
    }
}
