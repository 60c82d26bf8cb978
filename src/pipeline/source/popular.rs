//! What sells: in the whole shop or in a segment.

use std::cell::RefCell;
use std::sync::Arc;

use serde::Deserialize;

use crate::domain::{CandidateSet, DeadlineCheck, ItemMask};
use crate::feature::Value;
use crate::index::Popularity;
use crate::pipeline::build::check_take;
use crate::pipeline::{BuildError, CandidateSource, Context, Spec, Stage, StageError};

/// Reads a `popularity` artifact. With `segment = "category"` it reads the list `category=X`, where X is the request's
/// context attribute `category`, or else the category of the item looked at; for `country` also the context's country.
///
/// Useful for: fallbacks, category pages. Not for: taste.
#[derive(Debug)]
pub struct Popular {
    lists: Arc<Popularity>,
    take: usize,
    segment: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    artifact: String,
    #[serde(default = "default_take")]
    take: usize,
    segment: Option<String>,
}

fn default_take() -> usize {
    100
}

thread_local! {
    static SEGMENT: RefCell<String> = const { RefCell::new(String::new()) };
}

impl Popular {
    pub(super) fn make(spec: &Spec<'_>) -> Result<Box<dyn CandidateSource>, BuildError> {
        let Params { artifact, take, segment } = spec.parse()?;
        let lists: Arc<Popularity> = spec.artifact(&artifact)?;
        // A segment that no list is for is a misspelling, which would only show as slates that are always filled up.
        if let Some(name) = &segment {
            let mut names: Vec<&str> = lists.segments().filter_map(|s| s.split('=').next()).collect();
            names.dedup();
            if !names.contains(&name.as_str()) {
                let (name, known) = (name.clone(), names.join(", "));
                return Err(BuildError::UnknownSegment { artifact, name, known });
            }
        }
        Ok(Box::new(Self { take: check_take(take)?, lists, segment }))
    }

    fn segment_value<'a>(&self, name: &str, ctx: &Context<'a>) -> Option<&'a str> {
        let context = &ctx.request.context;
        // The page's own category goes before that of the item that was looked at, perhaps on another page.
        if let Some(value) = context.attributes.get(name) {
            return Some(value);
        }
        if let Some(country) = &context.country
            && name == "country"
        {
            return Some(country);
        }
        match ctx.live.attributes().value(name, ctx.query.current?.row()) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Stage for Popular {
    fn label(&self) -> &str {
        "popular"
    }
}

impl CandidateSource for Popular {
    fn retrieve(&self, ctx: &Context<'_>, mask: &ItemMask, out: &mut CandidateSet) -> Result<(), StageError> {
        let (lists, mut check) = (&self.lists, DeadlineCheck::new(ctx.deadline));
        let Some(name) = &self.segment else {
            for (item, score) in lists.top(None, self.take, mask, &mut check) {
                out.push(item, score);
            }
            return in_time(&check);
        };
        let Some(value) = self.segment_value(name, ctx) else { return Ok(()) };
        // The name of the list is put together in memory that the thread uses again: a request takes none.
        SEGMENT.with_borrow_mut(|segment| {
            segment.clear();
            segment.extend([name, "=", value]);
            for (item, score) in lists.top(Some(segment), self.take, mask, &mut check) {
                out.push(item, score);
            }
        });
        in_time(&check)
    }
}

/// What was found until the time was up counts, and it is said that it may not be all.
fn in_time(check: &DeadlineCheck) -> Result<(), StageError> {
    if check.is_late() { Err(StageError::Deadline) } else { Ok(()) }
}
