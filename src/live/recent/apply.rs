//! Events become rows: which tables an event goes to, who is forgotten, and the one lock of this folder, which only
//! writers take.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::links::Links;
use super::options::{RecentOptions, ticks};
use super::table::RecentTable;
use super::tombstones::{Noted, Tombstones};
use super::writer::{RecentWriter, Recorded};
use super::{ActionKind, RecentEvent, SubjectKey};

/// Events of a session. A session of more is rare, and what it began with says little about what comes next.
const SESSION_EVENTS: usize = 24;
/// Events of a visitor.
const VISITOR_EVENTS: usize = 24;
/// Events of a user.
const USER_EVENTS: usize = 64;
/// Purchases of a user or visitor.
const PURCHASES: usize = 16;
/// Impressions of a user or visitor: a few slates.
const IMPRESSIONS: usize = 32;

/// How `users_memory` is shared out, in 64ths: users, visitors, purchases, impressions, tombstones, links. Most people
/// look at much and buy little, so that purchases have rows of their own: views would push them out of the users' rows.
const SHARES: [u64; 6] = [22, 14, 8, 14, 1, 5];

/// The tables, for readers.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) sessions: Arc<RecentTable>,
    pub(super) visitors: Arc<RecentTable>,
    pub(super) users: Arc<RecentTable>,
    pub(super) purchases: Arc<RecentTable>,
    pub(super) shown: Arc<RecentTable>,
    pub(super) tombstones: Arc<Tombstones>,
    pub(super) links: Arc<Links>,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Applied {
    /// It is not about what somebody did with an item, or forgets nobody.
    Unrelated,
    /// It says neither whose session nor who.
    NoSubject,
    /// Its subject did not consent to be remembered.
    NoConsent,
    /// Its subject was forgotten since.
    Forgotten,
    /// It went to no table, for this reason; or to at least one (`Added`).
    Recorded(Recorded),
    /// It was a wish to be forgotten, and is done; see [`ForgetOutcome`].
    Forget(ForgetOutcome),
}

/// How well a subject is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ForgetOutcome {
    /// Nothing is left, but there was no room to remember that: events from before would bring the subject back if they
    /// were read again.
    Unremembered,
    /// Nothing is left, and events from before are ignored if they are read again.
    Done,
}

/// Whose event it is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct EventKeys {
    pub(super) session: Option<SubjectKey>,
    pub(super) visitor: Option<SubjectKey>,
    pub(super) user: Option<SubjectKey>,
}

/// The tables, for one writer at a time.
#[derive(Debug)]
pub(super) struct SharedWriter(Mutex<Writer>);

/// The tables, for the one writer.
#[derive(Debug)]
pub(super) struct Writer {
    sessions: RecentWriter,
    visitors: RecentWriter,
    users: RecentWriter,
    purchases: RecentWriter,
    shown: RecentWriter,
    tombstones: Arc<Tombstones>,
    links: Arc<Links>,
    /// Places and ticks of those who were forgotten since somebody last asked.
    noted: Vec<(u64, u32)>,
}

impl Tables {
    pub(super) fn all(&self) -> [&RecentTable; 5] {
        [&self.sessions, &self.visitors, &self.users, &self.purchases, &self.shown].map(Arc::as_ref)
    }
}

impl SharedWriter {
    /// Takes the memory of all tables.
    pub(super) fn new(options: &RecentOptions) -> (Self, Tables) {
        let [users, visitors, purchases, shown, tombstones, links] =
            SHARES.map(|share| to_usize(options.users_memory / 64 * share));
        let (session_ttl, user_ttl) = (ticks(options.session_ttl), ticks(options.user_ttl));
        let writer = Writer {
            sessions: RecentWriter::new(to_usize(options.sessions_memory), SESSION_EVENTS, session_ttl),
            visitors: RecentWriter::new(visitors, VISITOR_EVENTS, user_ttl),
            users: RecentWriter::new(users, USER_EVENTS, user_ttl),
            purchases: RecentWriter::new(purchases, PURCHASES, user_ttl),
            shown: RecentWriter::new(shown, IMPRESSIONS, user_ttl),
            tombstones: Arc::new(Tombstones::new(tombstones)),
            links: Arc::new(Links::new(links, user_ttl)),
            noted: Vec::new(),
        };
        let table = |writer: &RecentWriter| Arc::clone(writer.table());
        let tables = Tables {
            sessions: table(&writer.sessions),
            visitors: table(&writer.visitors),
            users: table(&writer.users),
            purchases: table(&writer.purchases),
            shown: table(&writer.shown),
            tombstones: Arc::clone(&writer.tombstones),
            links: Arc::clone(&writer.links),
        };
        (Self(Mutex::new(writer)), tables)
    }

    /// The writer, when no other thread has it.
    pub(super) fn lock(&self) -> MutexGuard<'_, Writer> {
        // A writer that died has left at most one row half written, and the next that writes it mends it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Writes an event to the rows of all whose it is: an impression to what its user, else its visitor was shown; a
    /// purchase to the session, and to what the user, else the visitor bought; anything else to the session, the
    /// visitor and the user. One that names both a visitor and a user links the two.
    pub(super) fn record(&mut self, mut keys: EventKeys, event: RecentEvent, now_tick: u32) -> Applied {
        if event.kind == ActionKind::Impression {
            keys.session = None;
        }
        let EventKeys { session, visitor, user } = keys;
        let times = (event.tick, now_tick);
        let user_until = user.and_then(|key| self.tombstones.until(key));
        let visitor_until = visitor.and_then(|key| self.visitor_until(key, user_until, times));
        let session_until =
            session.and_then(|key| self.session_until(key, user_until.max(visitor_until), times));
        let by_session = session.map(|key| (key, session_until));
        let by_visitor = visitor.map(|key| (key, visitor_until));
        let by_user = user.map(|key| (key, user_until));
        if let (Some(visitor), Some(user)) = (visitor, user)
            && visitor_until.max(user_until) < Some(event.tick)
        {
            self.links.note(visitor, user, event.tick, now_tick);
        }
        let Self { sessions, visitors, users, purchases, shown, .. } = self;
        let targets = match event.kind {
            ActionKind::Impression => [Some((shown, by_user.or(by_visitor))), None, None],
            ActionKind::Purchase => {
                [Some((purchases, by_user.or(by_visitor))), Some((sessions, by_session)), None]
            }
            _ => [Some((visitors, by_visitor)), Some((sessions, by_session)), Some((users, by_user))],
        };
        let owners = [user, visitor].map(|key| key.map_or(0, SubjectKey::tag));
        let applied = targets.into_iter().flatten().filter_map(|(table, subject)| {
            let (key, until) = subject?;
            if until >= Some(event.tick) {
                return Some(Applied::Forgotten);
            }
            Some(Applied::Recorded(table.record_owned(key, &owners, event, now_tick)))
        });
        applied.max().unwrap_or(Applied::NoSubject)
    }

    /// The tick to whose end a visitor is forgotten that is seen with a user who is forgotten until `above`. It was
    /// that user's before too, and is forgotten with it: only then does it not matter which of the events comes first.
    fn visitor_until(&mut self, key: SubjectKey, above: Option<u32>, times: (u32, u32)) -> Option<u32> {
        let own = self.tombstones.until(key);
        let until = above.filter(|above| own < Some(*above) && links(&self.visitors, *above, times));
        if let Some(until) = until
            // Where there is no room to remember it, each further event would look through all sessions again.
            && self.forget_visitor_rows(key, until) == ForgetOutcome::Done
        {
            self.forget_sessions(key, until);
        }
        until.or(own)
    }

    /// The same for a session that is seen with a user or visitor.
    fn session_until(&mut self, key: SubjectKey, above: Option<u32>, times: (u32, u32)) -> Option<u32> {
        let own = self.tombstones.until(key);
        let until = above.filter(|above| own < Some(*above) && links(&self.sessions, *above, times));
        if let Some(until) = until {
            self.note(key, until);
            self.sessions.forget_until(key, until);
        }
        until.or(own)
    }

    /// Forgets a user until the end of `tick`, with the visitors and sessions seen with it.
    pub(super) fn forget_user(&mut self, key: SubjectKey, tick: u32) -> ForgetOutcome {
        let outcome = self.note(key, tick);
        self.users.forget_until(key, tick);
        self.forget_owned(key, tick);
        let mut seen_with = Vec::new();
        seen_with.extend(self.links.of(key, 0).into_iter().flatten().map(|link| link.key));
        self.visitors.forget_owned(key.tag(), tick, |visitor| seen_with.push(visitor));
        self.links.forget_until(key, tick);
        let visitors = seen_with.into_iter().map(|visitor| self.forget_visitor(visitor, tick)).min();
        let sessions = self.forget_sessions(key, tick);
        outcome.min(visitors.unwrap_or(outcome)).min(sessions)
    }

    /// Forgets a visitor until the end of `tick`, with the sessions seen with it.
    pub(super) fn forget_visitor(&mut self, key: SubjectKey, tick: u32) -> ForgetOutcome {
        self.forget_visitor_rows(key, tick).min(self.forget_sessions(key, tick))
    }

    fn forget_visitor_rows(&mut self, key: SubjectKey, tick: u32) -> ForgetOutcome {
        self.visitors.forget_until(key, tick);
        self.links.forget_until(key, tick);
        self.forget_owned(key, tick);
        self.note(key, tick)
    }

    fn forget_owned(&mut self, key: SubjectKey, tick: u32) {
        self.purchases.forget_until(key, tick);
        self.shown.forget_until(key, tick);
    }

    fn forget_sessions(&mut self, owner: SubjectKey, tick: u32) -> ForgetOutcome {
        let mut seen_with = Vec::new();
        self.sessions.forget_owned(owner.tag(), tick, |session| seen_with.push(session));
        let notes = seen_with.into_iter().map(|session| self.note(session, tick));
        notes.min().unwrap_or(ForgetOutcome::Done)
    }

    fn note(&mut self, key: SubjectKey, tick: u32) -> ForgetOutcome {
        match self.tombstones.note(key.place, tick) {
            Noted::NoRoom => return ForgetOutcome::Unremembered,
            Noted::Known => {}
            Noted::New => self.noted.push((key.place, tick)),
        }
        ForgetOutcome::Done
    }

    /// Places and ticks of those who were forgotten since the last call.
    pub(super) fn take_noted(&mut self) -> Vec<(u64, u32)> {
        std::mem::take(&mut self.noted)
    }
}

/// Whether an event of the first of the `times`, applied at the second, shows that a row of this table belongs to one
/// that is forgotten until `above`.
///
/// One that the table does not keep shows nothing. One from more than the time to live after the wish need not: what
/// its tombstone would hold off has expired. Else every later session of a forgotten visitor would take a tombstone.
fn links(writer: &RecentWriter, above: u32, (tick, now_tick): (u32, u32)) -> bool {
    writer.table().counts(tick, now_tick) && writer.table().counts(above, tick)
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
