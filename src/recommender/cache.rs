//! Finished slates of one snapshot, for requests that depend on no person: what was asked before is not worked out again.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hashbrown::DefaultHashBuilder;
use moka::sync::Cache;

use crate::domain::{FilterValue, Request, ResponseView, Slate};

/// The longest key, and the most ids that a request may name to be looked up at all.
const MAX_KEY: usize = 4096;
const MAX_IDS: usize = 256;
/// What an entry takes besides its key and its slate: the cache's own lists and counters, roughly.
const ENTRY: usize = 600;

/// Slates by everything that they depend on. Lives and dies with its snapshot, so that nothing in it can be out of date.
///
/// Bounded by bytes. What gets in when it is full is up to moka's TinyLFU (Einziger, Friedman, Manes, "TinyLFU", ACM ToS 2017): a
/// key is let in if it was asked for more often lately than what it would push out, so a caller who makes up requests pushes out
/// nothing that others ask for.
pub(super) struct ResultCache {
    slates: Cache<Vec<u8>, Arc<Kept>, DefaultHashBuilder>,
}

/// A slate in the cache.
#[derive(Debug)]
struct Kept {
    slate: Slate,
    lasting: bool,
}

/// What came of looking for a slate that somebody may be making at the moment.
pub(super) enum Flight<E> {
    /// It was made here.
    Made(Result<(), E>),
    /// Somebody else made it; it is in the slate now.
    Shared,
    /// What somebody else made is good for nobody but them.
    Useless,
}

impl ResultCache {
    pub(super) fn new(bytes: u64) -> Self {
        let weigh = |key: &Vec<u8>, kept: &Arc<Kept>| weight(key, &kept.slate);
        let slates = Cache::builder().max_capacity(bytes).weigher(weigh);
        Self { slates: slates.build_with_hasher(DefaultHashBuilder::default()) }
    }

    /// Copies the slate of this key, if it is there.
    pub(super) fn find(&self, key: &[u8], slate: &mut Slate) -> bool {
        let found = self.slates.get(key).filter(|kept| kept.lasting);
        if let Some(kept) = &found {
            slate.copy_from(&kept.slate);
        }
        found.is_some()
    }

    /// Fills the empty slate by `make` and keeps a copy, unless somebody else is making the same at the moment: then waits for
    /// theirs. A slate whose degradation will pass is not kept, and not handed to anybody else.
    pub(super) fn make<E>(
        &self,
        key: &[u8],
        slate: &mut Slate,
        make: impl FnOnce(&mut Slate) -> Result<(), E>,
    ) -> Flight<E> {
        let mut made = None;
        let kept = self.slates.optionally_get_with_by_ref(key, || {
            let outcome = make(slate);
            let lasting = !slate.degradation.causes.iter().any(|cause| cause.is_passing());
            let kept = outcome.is_ok().then(|| Arc::new(Kept { slate: slate.clone(), lasting }));
            made = Some(outcome);
            kept
        });
        match (made, kept) {
            (Some(outcome), kept) => {
                if kept.is_some_and(|kept| !kept.lasting) {
                    self.slates.invalidate(key);
                }
                Flight::Made(outcome)
            }
            (None, Some(kept)) if kept.lasting => {
                slate.copy_from(&kept.slate);
                Flight::Shared
            }
            (None, _) => Flight::Useless,
        }
    }
}

impl fmt::Debug for ResultCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultCache").field("slates", &self.slates.entry_count()).finish()
    }
}

/// Whether the answer is one for everybody who asks the same. A visitor or a session by its id alone changes no slate.
pub(super) fn is_common(request: &Request, user: Option<&str>) -> bool {
    user.is_none() && request.session_events.is_empty() && request.view != ResponseView::Debug
}

thread_local! {
    static BYTES: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The key of a request's common part, in memory that the thread uses again.
pub(super) struct Key(Vec<u8>);

impl Key {
    /// Everything that the slate depends on but the subject and the session's events; `None` if that is too much to look up by.
    ///
    /// `hourly`: the recipe reads the clock, which is to the hour. The two names of a text never run together: each has its
    /// length before it.
    pub(super) fn of(request: &Request, size: usize, hourly: bool) -> Option<Self> {
        let Request { context, seeds, exclude_item_ids, candidate_item_ids, .. } = request;
        if seeds.len() + exclude_item_ids.len() + candidate_item_ids.len() > MAX_IDS {
            return None;
        }
        let mut key = Self(BYTES.take());
        key.0.clear();
        key.text(&request.placement);
        key.number(size as u64);
        key.number(request.offset as u64);
        if hourly {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            key.number(now.as_secs() / 3600);
        }
        for name in [&context.locale, &context.country, &context.channel] {
            key.option(name.as_deref());
        }
        key.count(context.attributes.len());
        for (name, value) in &context.attributes {
            key.text(name);
            key.text(value);
        }
        key.count(seeds.len());
        for seed in seeds {
            key.text(&seed.item_id);
            key.0.push(seed.role as u8);
            key.0.extend_from_slice(&seed.weight.to_bits().to_le_bytes());
        }
        key.option(request.filter.as_deref());
        key.count(request.filter_params.len());
        for (name, value) in &request.filter_params {
            key.text(name);
            key.value(value);
        }
        for ids in [exclude_item_ids, candidate_item_ids] {
            key.count(ids.len());
            ids.iter().for_each(|id| key.text(id));
        }
        (key.0.len() <= MAX_KEY).then_some(key)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        self.0.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn option(&mut self, text: Option<&str>) {
        self.0.push(u8::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn value(&mut self, value: &FilterValue) {
        match value {
            FilterValue::Bool(value) => self.0.push(u8::from(*value)),
            FilterValue::Number(value) => {
                self.0.push(2);
                self.number(value.to_bits());
            }
            FilterValue::Text(value) => {
                self.0.push(3);
                self.text(value);
            }
            FilterValue::List(values) => {
                self.0.push(4);
                self.count(values.len());
                values.iter().for_each(|value| self.value(value));
            }
        }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        BYTES.set(std::mem::take(&mut self.0));
    }
}

fn weight(key: &[u8], slate: &Slate) -> u32 {
    let missing: usize = slate.missing_item_ids.iter().map(|id| id.len() + size_of::<String>()).sum();
    let bytes = ENTRY + key.len() + size_of_val(&*slate.items) + missing;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
