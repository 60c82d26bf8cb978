//! Brings what events say into what is served: one thread applies them, and swaps in an epoch now and then.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::View;
use super::event_outcome::EventOutcome;
use super::pace::Pace;
use crate::domain::{ChunkedBitmap, Event, EventKind, now_ms};
use crate::live::recent::{Applied as Remembered, ForgetOutcome, Recent, Recorded};
use crate::live::{Applied, Base, Config, ForgottenError, ForgottenFile, Live, States};
use crate::snapshot::Registry;

/// Items that are brought into a new snapshot in one go, while no event is applied.
const SLICE: usize = 8192;

/// Replaced epochs that are kept until no request holds them, so that none has to free one. Beyond them requests free
/// what they hold last.
const KEPT: usize = 64;

/// Texts of values that are gone may take as much memory as the state itself and this much more, until all is rebuilt.
const SPARE_TEXTS: usize = 4 << 20;

/// The state of what events say, and the views that it is brought into. Only those who apply events and those who load
/// snapshots come here; requests pin a [`View`].
#[derive(Debug)]
pub struct LiveState {
    registry: Arc<Registry<View>>,
    states: Mutex<States>,
    recent: Arc<Recent>,
    /// Where it is kept who was forgotten.
    forgotten: Option<Mutex<ForgottenFile>>,
    replaced: Mutex<VecDeque<Arc<View>>>,
    pace: Mutex<Pace>,
    reserve: usize,
    user_ttl_ms: i64,
}

/// What there is to say about the state, for operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LiveStatus {
    /// The epoch that is served.
    pub epoch: u64,
    /// The same on every replica that has applied the same events to the same snapshot.
    pub digest: u64,
    /// The newest event in the epoch, in milliseconds since 1970-01-01 UTC.
    pub last_event_ms: Option<i64>,
    /// Items that events have spoken of.
    pub items: usize,
    /// Bytes of what they have said.
    pub states_bytes: usize,
    /// Items that the snapshot does not know.
    pub arrived: usize,
}

impl LiveState {
    /// A state without events over a registry, whose publications it brings up to the present from now on.
    pub fn new(registry: Arc<Registry<View>>, config: &Config) -> Arc<Self> {
        Self::with(registry, config, Recent::new(&config.recent), None)
    }

    /// The same, with a file in which it is kept who was forgotten, so that a restart knows it. Without a place for
    /// one, whoever is forgotten is said not to be kept.
    ///
    /// # Errors
    /// See [`ForgottenError`].
    pub fn open(
        registry: Arc<Registry<View>>,
        config: &Config,
        forgotten: Option<&Path>,
    ) -> Result<Arc<Self>, ForgottenError> {
        let (file, known) = match forgotten {
            Some(path) => ForgottenFile::open(path)?,
            None => (ForgottenFile::nowhere(), Vec::new()),
        };
        let recent = Recent::with_secret(&config.recent, file.secret());
        if !recent.restore_forgotten(&known) {
            tracing::error!(
                forgotten = known.len(),
                "there is no room for all who were forgotten: raise live.users_memory, or events of before may bring \
                 some of them back"
            );
        }
        Ok(Self::with(registry, config, recent, Some(Mutex::new(file))))
    }

    fn with(
        registry: Arc<Registry<View>>,
        config: &Config,
        recent: Recent,
        forgotten: Option<Mutex<ForgottenFile>>,
    ) -> Arc<Self> {
        let states = States::new(usize::try_from(config.states_memory).unwrap_or(usize::MAX));
        let state = Arc::new(Self {
            registry: Arc::clone(&registry),
            states: Mutex::new(states),
            recent: Arc::new(recent),
            forgotten,
            replaced: Mutex::default(),
            pace: Mutex::default(),
            reserve: config.reserve_items,
            user_ttl_ms: config.recent.user_ttl.as_millis() as i64,
        });
        let own = Arc::downgrade(&state);
        registry.bring_up_by(Box::new(move |view| match own.upgrade() {
            Some(state) => state.finish(&view),
            None => view,
        }));
        state
    }

    /// What sessions, visitors and users did lately.
    pub fn recent(&self) -> &Arc<Recent> {
        &self.recent
    }

    /// Brings a view that was just made up to nearly the present, beside the requests and beside the events that come
    /// meanwhile. What is left is done when it is published.
    pub fn adopt(&self, view: &View) -> View {
        // What changes meanwhile has a later number than this, and is brought in when the view is published.
        let sequence = self.lock().sequence();
        let mut live = self.base(view);
        let mut begin = 0;
        while !live.bring_in_slice(&self.lock(), begin, SLICE) {
            begin += SLICE;
        }
        let live = live.with_new_indexes().unwrap_or(live);
        view.with_live(live.since(sequence))
    }

    /// Applies events to the state, in order, and to what is known of people, which requests see at once;
    /// [`LiveState::publish`] brings the state into what is served.
    pub fn apply(&self, events: &[Event]) -> Vec<EventOutcome> {
        let current = self.registry.current();
        let now = now_ms();
        let mut states = self.lock();
        let one = |event: &Event| match event.kind {
            EventKind::Interaction(_) | EventKind::UserForgotten => {
                remember(&self.recent, &mut states, current.as_deref(), event, now)
            }
            _ => apply(&mut states, current.as_deref(), event),
        };
        let mut outcomes: Vec<EventOutcome> = events.iter().map(one).collect();
        drop(states);
        let is_wish = |event: &Event| event.kind == EventKind::UserForgotten;
        if !self.keep_forgotten(events.iter().any(is_wish)) {
            // Also one that says nothing new: what it repeats may be what is not kept.
            for (_, outcome) in events.iter().zip(&mut outcomes).filter(|(event, _)| is_wish(event)) {
                if outcome.is_of_use() {
                    *outcome = EventOutcome::NotKept;
                }
            }
        }
        outcomes
    }

    /// Keeps on disk who was forgotten just now, and what the disk did not take before if somebody `asks` for it again;
    /// false if the disk does not take it.
    fn keep_forgotten(&self, asks: bool) -> bool {
        let new = self.recent.take_forgotten();
        let Some(file) = self.forgotten.as_ref().filter(|_| asks || !new.is_empty()) else { return true };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = file.add(&new, || self.recent.all_forgotten());
        if let Err(error) = &kept {
            tracing::error!(%error, "who was forgotten is not kept: a restart will not know it");
        }
        kept.is_ok()
    }

    /// Lets go of those who were forgotten so long ago that nothing could bring them back: no event from before counts
    /// any more, and the data of both snapshots ends after it.
    fn drop_forgotten(&self, views: [Option<&View>; 2]) {
        let ends = views.into_iter().flatten().map(|view| view.snapshot.data_until_ms());
        let Some(end) = ends.min().flatten() else { return };
        self.recent.drop_forgotten_before(end.min(now_ms().saturating_sub(self.user_ttl_ms)));
    }

    /// Serves an epoch with all that was applied; `None` if it is served already.
    pub fn publish(&self) -> Option<u64> {
        let mut epoch = None;
        let replaced = self.registry.update(|view| {
            let states = self.lock();
            if view.live.sequence() != states.sequence() {
                let live = next(&view.live, &states);
                epoch = Some(live.epoch());
                let calm = self.pace.lock().unwrap_or_else(PoisonError::into_inner).count(Instant::now());
                let fresh_from = if calm { live.epoch() } else { view.live.fresh_from() };
                return Some(Arc::new(view.with_live(live.with_fresh_from(fresh_from))));
            }
            // Items that somebody did something with for the first time: nothing has changed, they are only found now.
            (view.live.handles() != states.handles()).then(|| {
                let mut live = view.live.clone();
                live.bring_up(&states);
                Arc::new(view.with_live(live))
            })
        });
        self.keep(replaced);
        self.renew_indexes();
        epoch
    }

    /// Makes indexes of attributes anew once many rows have changed; it holds up nobody but the next epoch.
    fn renew_indexes(&self) {
        let current = self.registry.current();
        let Some(live) = current.and_then(|view| view.live.with_new_indexes()) else { return };
        // Unless another snapshot has come meanwhile: epochs are made here and nowhere else.
        let replaced = self.registry.update(|view| {
            (view.live.epoch() == live.epoch()).then(|| Arc::new(view.with_live(live.clone())))
        });
        self.keep(replaced);
    }

    /// The epoch that is served.
    pub fn epoch(&self) -> u64 {
        self.registry.current().map_or(0, |view| view.live.epoch())
    }

    /// What there is to say about the state.
    pub fn status(&self) -> LiveStatus {
        let current = self.registry.current();
        let states = self.lock();
        let of_states = LiveStatus {
            items: states.len(),
            states_bytes: states.resident_bytes(),
            ..LiveStatus::default()
        };
        drop(states);
        let Some(view) = current else { return of_states };
        LiveStatus {
            epoch: view.live.epoch(),
            digest: view.live.digest(),
            last_event_ms: view.live.last_event_ms(),
            arrived: view.live.arrived(),
            ..of_states
        }
    }

    /// The epoch in which a view is served that was prepared some time ago, or served once before.
    fn finish(&self, view: &Arc<View>) -> Arc<View> {
        let current = self.registry.current();
        self.drop_forgotten([Some(view), current.as_deref()]);
        let mut states = self.lock();
        let watermark = watermark_ms(view);
        if let Some(current) = &current {
            // Of this snapshot and the one that may be gone back to, the older one needs what happened since.
            states.forget_until(watermark.min(watermark_ms(current)));
        }
        states.set_watermark(watermark);
        // One that was served before has its own state, but for what happened since.
        let mut live = if self.is_base_of(view) { view.live.clone() } else { self.base(view) };
        live.bring_up(&states);
        let epoch = current.map_or(0, |current| current.live.epoch());
        // Epochs only go forward, whatever the snapshot; before the first event there is none.
        let epoch = if epoch == 0 && states.is_empty() { 0 } else { epoch + 1 };
        Arc::new(view.with_live(live.at(epoch).with_fresh_from(epoch)))
    }

    /// Whether the view's own state is of the kind that events can change.
    fn is_base_of(&self, view: &View) -> bool {
        let rows = view.snapshot.items().len() + self.reserve;
        view.live.rows() == rows && view.live.watermark_ms() == watermark_ms(view)
    }

    fn base(&self, view: &View) -> Live {
        let mut filters: Vec<(Arc<str>, ChunkedBitmap)> = Vec::new();
        for (expression, allowed) in view.placements.values().flat_map(|placement| &placement.needs.filters) {
            if !filters.iter().any(|(known, _)| known == expression) {
                filters.push((Arc::clone(expression), allowed.clone()));
            }
        }
        Live::new(Base {
            ids: view.snapshot.items_share(),
            attributes: view.snapshot.catalog_share(),
            watermark_ms: watermark_ms(view),
            reserve: self.reserve,
            filters,
        })
    }

    /// Keeps what was replaced until no request holds it any more, and frees what none holds.
    fn keep(&self, replaced: Option<Arc<View>>) {
        let mut kept = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(replaced);
        kept.retain(|view| Arc::strong_count(view) > 1);
        while kept.len() > KEPT {
            kept.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, States> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The epoch after this one.
fn next(live: &Live, states: &States) -> Live {
    let mut next = live.clone().at(live.epoch() + 1);
    next.bring_up(states);
    if next.text_bytes() > states.resident_bytes() + SPARE_TEXTS {
        return next.rebuilt(states);
    }
    next
}

/// Events at or before this are in the view's catalogue.
fn watermark_ms(view: &View) -> i64 {
    view.catalog_known_until_ms().unwrap_or(i64::MIN)
}

fn apply(states: &mut States, view: Option<&View>, event: &Event) -> EventOutcome {
    // By the catalogue that is served: what it cannot hold would be in nobody's answer, and hide the value before.
    let attributes = view.map(|view| view.live.attributes());
    for (name, value) in &event.attributes {
        let kind = attributes.and_then(|table| table.column(name)).map(|column| column.kind());
        if let Some(kind) = kind.filter(|kind| !kind.accepts(value)) {
            return EventOutcome::WrongType { attribute: name.to_string(), expected: kind.as_str() };
        }
    }
    match states.apply(event) {
        Applied::Changed if has_no_row(view, event) => EventOutcome::NoRow,
        Applied::Changed => EventOutcome::Applied,
        Applied::Stale => EventOutcome::Stale,
        Applied::NoRoom => EventOutcome::NoRoom,
        Applied::NoItem => EventOutcome::NotOfItem,
    }
}

/// Keeps what somebody did, or forgets somebody.
fn remember(
    recent: &Recent,
    states: &mut States,
    view: Option<&View>,
    event: &Event,
    now_ms: i64,
) -> EventOutcome {
    // Whom to forget has no item.
    let handle = match (&event.kind, event.item_id.as_deref()) {
        (EventKind::Interaction(_), Some(id)) => {
            // Or listed by an event that no epoch is made of yet, such as the one before in the same batch.
            let known = view.is_some_and(|view| view.live.item(id).is_some()) || states.is_listed(id);
            match known.then(|| states.handle(id)) {
                None => return EventOutcome::UnknownItem,
                Some(None) => return EventOutcome::NoRoom,
                Some(Some(handle)) => handle,
            }
        }
        _ => 0,
    };
    match recent.apply(event, handle, now_ms) {
        Remembered::Recorded(Recorded::Added) | Remembered::Forget(ForgetOutcome::Done) => {
            EventOutcome::Applied
        }
        Remembered::Recorded(Recorded::NoRoom) | Remembered::Forget(ForgetOutcome::Unremembered) => {
            EventOutcome::NoRoom
        }
        Remembered::Recorded(_) | Remembered::Forgotten => EventOutcome::Stale,
        Remembered::NoSubject => EventOutcome::NoSubject,
        Remembered::NoConsent => EventOutcome::Denied,
        Remembered::Unrelated => EventOutcome::NotOfItem,
    }
}

fn has_no_row(view: Option<&View>, event: &Event) -> bool {
    let lists = event.kind == EventKind::ItemListed || event.upsert;
    let (Some(live), Some(id)) = (view.map(|view| &view.live), event.item_id.as_deref()) else {
        return false;
    };
    lists && !live.has_room() && live.item(id).is_none()
}
