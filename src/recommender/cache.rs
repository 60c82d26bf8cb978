//! Finished slates of one view, for requests that depend on no person: what was asked before is not worked out again.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use hashbrown::DefaultHashBuilder;
use moka::sync::Cache;

use crate::domain::{KeyBytes, KeyVisitor as _, Request, RequestKey, ResponseView, Slate};

/// Upper bound on the bytes of a key; longer requests are not looked up. Raising it spends more of the cache on keys
/// that hardly anybody asks for again.
const MAX_KEY: usize = 4096;
/// Upper bound on the ids that a request may name to be looked up at all: to write and compare more of them takes
/// longer than to work the slate out.
const MAX_IDS: usize = 256;
/// Bytes of an entry besides its key and its slate: the cache's own lists and counters, as measured with moka 0.12.
/// Raising it makes the cache hold fewer slates in the same bound.
const ENTRY: usize = 600;

/// Slates by everything that they depend on. Lives and dies with its snapshot and rules, which need not be in a key for
/// that. Events are not in it either, as ten thousand a second would leave nothing to be found: whoever finds a slate
/// says whether it [still holds](Made).
///
/// Bounded by bytes. What gets in when it is full is up to moka's TinyLFU (Einziger, Friedman, Manes, "TinyLFU", ACM
/// ToS 2017): a key is let in if it was asked for more often lately than what it would push out, so a caller who makes
/// up requests pushes out nothing that others ask for.
pub(super) struct ResultCache {
    slates: Cache<Vec<u8>, Arc<Kept>, DefaultHashBuilder>,
}

/// A slate in the cache.
#[derive(Debug)]
struct Kept {
    slate: Slate,
    lasting: bool,
    made: Made,
}

/// From which state of events a slate was made, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    pub(super) epoch: u64,
    pub(super) at: Instant,
    /// Of what stages read of its items.
    pub(super) digest: u64,
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
        // hashbrown's hasher and not the standard library's: keys are some hundred bytes, and seeded as well.
        let slates = Cache::builder().max_capacity(bytes).weigher(weigh);
        Self { slates: slates.build_with_hasher(DefaultHashBuilder::default()) }
    }

    /// Copies the slate of this key, if it is there and `holds`. One that does not hold is taken out.
    pub(super) fn find(
        &self,
        key: &[u8],
        slate: &mut Slate,
        holds: impl FnOnce(&Slate, Made) -> bool,
    ) -> bool {
        // One that does not last is in the cache for a moment, between being made and being taken out again.
        let Some(kept) = self.slates.get(key).filter(|kept| kept.lasting) else { return false };
        if !holds(&kept.slate, kept.made) {
            self.slates.invalidate(key);
            return false;
        }
        slate.copy_from(&kept.slate);
        true
    }

    /// Fills the empty slate by `make` and keeps a copy, unless somebody else is making the same at the moment: then
    /// waits for theirs. A slate whose degradation will pass is not kept, and not handed to anybody else; neither is
    /// one of which the other does not say that it `holds` for them.
    pub(super) fn make<E>(
        &self,
        key: &[u8],
        slate: &mut Slate,
        make: impl FnOnce(&mut Slate) -> Result<(), E>,
        of: impl FnOnce(&Slate) -> Made,
        holds: impl FnOnce(&Slate, Made) -> bool,
    ) -> Flight<E> {
        // moka lets one caller of a key in and the others wait, which is all that is wanted of it here.
        let mut made = None;
        let kept = self.slates.optionally_get_with_by_ref(key, || {
            let outcome = make(slate);
            let lasting = !slate.degradation.causes.iter().any(|cause| cause.is_passing());
            let kept = |slate: &Slate| Arc::new(Kept { slate: slate.clone(), lasting, made: of(slate) });
            let kept = outcome.is_ok().then(|| kept(slate));
            made = Some(outcome);
            kept
        });
        match (made, kept) {
            (Some(outcome), kept) => {
                // Kept all the same until here, or those who wait would each make it, one after the other.
                if kept.is_some_and(|kept| !kept.lasting) {
                    self.slates.invalidate(key);
                }
                Flight::Made(outcome)
            }
            (None, Some(kept)) if kept.lasting && holds(&kept.slate, kept.made) => {
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
pub(super) fn is_common(request: &Request) -> bool {
    request.subject.user().is_none()
        && request.session_events.is_empty()
        && request.view != ResponseView::Debug
}

// A key is written for each lookup and only copied when a slate is kept.
thread_local! {
    static BYTES: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The key of a request's common part, in memory that the thread uses again.
pub(super) struct Key(Vec<u8>);

impl Key {
    /// What the slate depends on that anybody would get; `None` if that is too much to look up by.
    ///
    /// `step`: that of the clock, where the recipe reads it.
    pub(super) fn of(request: &Request, page_size: usize, step: Option<u64>) -> Option<Self> {
        let ids = [&request.exclude_item_ids, &request.candidate_item_ids].map(Vec::len);
        if request.seeds.len() + ids[0] + ids[1] > MAX_IDS {
            return None;
        }
        let mut key = Self(BYTES.take());
        key.0.clear();
        let mut bytes = KeyBytes(&mut key.0);
        if let Some(step) = step {
            bytes.integer(step as i64);
        }
        RequestKey::page(request, page_size).for_anybody().visit(&mut bytes);
        (key.0.len() <= MAX_KEY).then_some(key)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
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
