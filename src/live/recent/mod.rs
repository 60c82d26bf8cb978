//! What sessions, visitors and users did lately, in memory of fixed size that requests read without a lock.
//!
//! [`Recent`] is written by whoever applies events, one at a time, and read by any number of requests. What it holds
//! depends on the events and not on their order: late, repeated and replayed ones end in the same content
//! ([`Recent::content_digest`]), as long as no row had to give way. Time is told by the caller, in milliseconds since
//! 1970-01-01 UTC, and kept in ticks of a quarter of a second.
//!
//! Whether an event that is dated in the future is to be believed is for the caller to decide; here it is the newest.

mod action;
mod apply;
mod event;
mod key;
mod links;
mod options;
mod sip;
mod slots;
mod table;
#[cfg(test)]
mod tests;
mod tombstones;
mod writer;

use apply::{EventKeys, SharedWriter, Tables};
use links::Link;

pub use action::ActionKind;
pub use apply::{Applied, ForgetOutcome};
use event::{MINUTE, ms_of};
pub use event::{RecentEvent, leave_out_repeats, tick_of};
pub use key::{SubjectHasher, SubjectId, SubjectKey};
pub use options::RecentOptions;
pub use table::{RecentTable, TableStats};
use tombstones::Noted;
pub use tombstones::TombstoneStats;
pub use writer::{RecentWriter, Recorded};

use crate::domain::{Consent, Event, EventKind};

/// What sessions, visitors and users did lately.
#[derive(Debug)]
pub struct Recent {
    tables: Tables,
    hasher: SubjectHasher,
    consent_required: bool,
    writer: SharedWriter,
}

/// How often an item was shown to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The item's handle.
    pub item: u32,
    /// How often, a minute apart at least.
    pub times: u32,
    /// The last of them, in [ticks](tick_of).
    pub last_tick: u32,
}

/// Somebody who was forgotten, as it is kept over a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// The hash of the id, with the secret that the tables were made with.
    pub subject: u64,
    /// Until when, in milliseconds since 1970-01-01 UTC.
    pub until_ms: i64,
}

/// How full the tables are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecentStats {
    /// What was done in sessions.
    pub sessions: TableStats,
    /// What visitors did.
    pub visitors: TableStats,
    /// What users did, purchases apart.
    pub users: TableStats,
    /// What users, and visitors who are not signed in, bought.
    pub purchases: TableStats,
    /// What users, and visitors who are not signed in, were shown.
    pub shown: TableStats,
    /// Who was forgotten.
    pub forgotten: TombstoneStats,
}

impl Recent {
    /// Takes all the memory that it will ever have, at most what the options say. The options have been checked.
    pub fn new(options: &RecentOptions) -> Self {
        Self::with_secret(options, SubjectHasher::draw())
    }

    /// The same with a secret of the caller's, by which [`Forgotten`] subjects are known again.
    pub fn with_secret(options: &RecentOptions, secret: [u64; 2]) -> Self {
        let (writer, tables) = SharedWriter::new(options);
        let consent_required = options.consent_required;
        Self { tables, hasher: SubjectHasher::new(secret), consent_required, writer }
    }

    /// Applies an event: what somebody did with the item that has the handle `item`, or a wish to be forgotten. Other
    /// events are left alone.
    pub fn apply(&self, event: &Event, item: u32, now_ms: i64) -> Applied {
        let kind = match &event.kind {
            EventKind::Interaction(name) => ActionKind::from_name(name),
            // Whatever the consent: it is no reason to remember.
            EventKind::UserForgotten => {
                let (user, visitor) = (event.user_id.as_deref(), event.visitor_id.as_deref());
                return self.forget(user, visitor, event.time_ms).map_or(Applied::NoSubject, Applied::Forget);
            }
            _ => return Applied::Unrelated,
        };
        let consents = match event.consent {
            Consent::Granted => true,
            Consent::Unspecified => !self.consent_required,
            Consent::Denied => false,
        };
        if !consents {
            return Applied::NoConsent;
        }
        let keys = EventKeys {
            session: self.key(SubjectId::Session, event.session_id.as_deref()),
            ..self.subject_keys(event.user_id.as_deref(), event.visitor_id.as_deref())
        };
        let recent = RecentEvent { tick: tick_of(event.time_ms), item, kind };
        self.writer.lock().record(keys, recent, tick_of(now_ms))
    }

    /// Forgets what a user and a visitor did until `at_ms`, and the visitors and sessions that were seen with them, and
    /// ignores events of theirs from before, should they be read again. `None` if neither is named.
    ///
    /// It counts to the end of the quarter of a second, since that is how finely events are kept.
    pub fn forget(
        &self,
        user_id: Option<&str>,
        visitor_id: Option<&str>,
        at_ms: i64,
    ) -> Option<ForgetOutcome> {
        let EventKeys { user, visitor, .. } = self.subject_keys(user_id, visitor_id);
        let tick = tick_of(at_ms);
        let mut writer = self.writer.lock();
        let user = user.map(|key| writer.forget_user(key, tick));
        let visitor = visitor.map(|key| writer.forget_visitor(key, tick));
        [user, visitor].into_iter().flatten().min()
    }

    /// Remembers who was forgotten before the start; false if there is no room for all of them.
    pub fn restore_forgotten(&self, forgotten: &[Forgotten]) -> bool {
        let _writing = self.writer.lock();
        let note = |known: &Forgotten| self.tables.tombstones.note(known.subject, tick_of(known.until_ms));
        // Each of them, whether or not there was room for the one before.
        forgotten.iter().map(note).filter(|noted| *noted == Noted::NoRoom).count() == 0
    }

    /// Who was forgotten since the last call, with the visitors and sessions that were theirs.
    pub fn take_forgotten(&self) -> Vec<Forgotten> {
        self.writer.lock().take_noted().into_iter().map(kept).collect()
    }

    /// All who are known to be forgotten.
    pub fn all_forgotten(&self) -> Vec<Forgotten> {
        let _writing = self.writer.lock();
        self.tables.tombstones.all().map(kept).collect()
    }

    /// Lets go of who was forgotten before `at_ms`: no event from before then can be read again, and nothing that knows
    /// the subjects is served any more. Until this is called, those who were forgotten only become more.
    pub fn drop_forgotten_before(&self, at_ms: i64) {
        let _writing = self.writer.lock();
        self.tables.tombstones.drop_before(tick_of(at_ms));
    }

    /// Whether anything may be known of a session, a visitor or a user: what they did, or that they were forgotten. It
    /// reads a few words, where most who ask have done nothing yet.
    pub fn knows(&self, subject: SubjectId<'_>) -> bool {
        let key = self.hasher.key(subject);
        let Tables { sessions, visitors, users, purchases, shown, tombstones, .. } = &self.tables;
        let tables = match subject {
            SubjectId::Session(_) => return sessions.holds(key),
            SubjectId::Visitor(_) => [visitors, purchases, shown],
            SubjectId::User(_) => [users, purchases, shown],
        };
        tables.into_iter().any(|table| table.holds(key)) || tombstones.until(key).is_some()
    }

    /// Appends what was done in a session, newest last.
    pub fn read_session(&self, session_id: &str, now_ms: i64, out: &mut Vec<RecentEvent>) {
        let start = out.len();
        self.tables.sessions.read(self.hasher.key(SubjectId::Session(session_id)), tick_of(now_ms), out);
        leave_out_repeats(out, start);
    }

    /// Appends what somebody bought, newest last. A session's purchases are in [`read_session`](Self::read_session).
    pub fn purchased(&self, subject: SubjectId<'_>, now_ms: i64, out: &mut Vec<RecentEvent>) {
        let (start, key, now_tick) = (out.len(), self.hasher.key(subject), tick_of(now_ms));
        self.tables.purchases.read(key, now_tick, out);
        for link in self.visitors_of(subject, key, now_tick) {
            self.tables.purchases.read_until(link.key, link.tick, now_tick, out);
        }
        out[start..].sort_unstable();
        leave_out_repeats(out, start);
    }

    /// Appends everything that somebody did with items, purchases included, newest last.
    ///
    /// Of a user this is also what its visitors did until they were last seen with it: who signs in is known from
    /// before. A visitor that was seen with several users is nobody's.
    pub fn seen(&self, subject: SubjectId<'_>, now_ms: i64, out: &mut Vec<RecentEvent>) {
        let table = match subject {
            SubjectId::Session(id) => return self.read_session(id, now_ms, out),
            SubjectId::Visitor(_) => &self.tables.visitors,
            SubjectId::User(_) => &self.tables.users,
        };
        let (start, key, now_tick) = (out.len(), self.hasher.key(subject), tick_of(now_ms));
        table.read(key, now_tick, out);
        self.tables.purchases.read(key, now_tick, out);
        for link in self.visitors_of(subject, key, now_tick) {
            self.tables.visitors.read_until(link.key, link.tick, now_tick, out);
            self.tables.purchases.read_until(link.key, link.tick, now_tick, out);
        }
        out[start..].sort_unstable();
        leave_out_repeats(out, start);
    }

    /// Whether a visitor's rows may be read for a user that is named beside it for the first time: nobody else was seen
    /// with the visitor, and the user has not asked to be forgotten.
    pub fn may_be(&self, visitor_id: &str, user_id: &str, now_ms: i64) -> bool {
        let (visitor, user) =
            (self.hasher.key(SubjectId::Visitor(visitor_id)), self.hasher.key(SubjectId::User(user_id)));
        self.tables.tombstones.until(user).is_none() && self.is_only_of(visitor, user, tick_of(now_ms))
    }

    /// Appends what a user or visitor was shown, each item once, by ascending handle.
    pub fn shown(&self, subject: SubjectId<'_>, now_ms: i64, out: &mut Vec<Shown>) {
        let (start, key, now_tick) = (out.len(), self.hasher.key(subject), tick_of(now_ms));
        let once = |event: RecentEvent| Shown { item: event.item, times: 1, last_tick: event.tick };
        self.tables.shown.read_as(key, now_tick, out, |event| Some(once(event)));
        for link in self.visitors_of(subject, key, now_tick) {
            let until = |event: RecentEvent| (event.tick <= link.tick).then(|| once(event));
            self.tables.shown.read_as(link.key, now_tick, out, until);
        }
        out[start..].sort_unstable_by_key(|shown| (shown.item, shown.last_tick));
        let mut kept = start;
        for at in start..out.len() {
            let shown = out[at];
            if kept > start && out[kept - 1].item == shown.item {
                // Within a minute it is the same page, told by the server and by the browser.
                let last = out[kept - 1];
                let is_new = shown.last_tick.saturating_sub(last.last_tick) >= MINUTE;
                out[kept - 1] = Shown { times: last.times + u32::from(is_new), ..shown };
            } else {
                out[kept] = shown;
                kept += 1;
            }
        }
        out.truncate(kept);
    }

    /// The [tick](tick_of) to whose end somebody is forgotten, for those who know the subject from
    /// elsewhere; `u32::MAX` for a moment while entries are let go.
    pub fn forgotten_until(&self, subject: SubjectId<'_>) -> Option<u32> {
        self.tables.tombstones.until(self.hasher.key(subject))
    }

    /// How full the tables are, and what they could not do.
    pub fn stats(&self) -> RecentStats {
        let Tables { sessions, visitors, users, purchases, shown, tombstones, .. } = &self.tables;
        RecentStats {
            sessions: sessions.stats(),
            visitors: visitors.stats(),
            users: users.stats(),
            purchases: purchases.stats(),
            shown: shown.stats(),
            forgotten: tombstones.stats(),
        }
    }

    /// Bytes of memory: the same from the first moment to the last.
    pub fn resident_bytes(&self) -> usize {
        let tables = self.tables.all().map(RecentTable::resident_bytes);
        let Tables { tombstones, links, .. } = &self.tables;
        tables.into_iter().sum::<usize>() + tombstones.resident_bytes() + links.resident_bytes()
    }

    /// A number that is equal for two replicas that have the same events which have not expired. It reads everything;
    /// it is not for a request.
    pub fn content_digest(&self, now_ms: i64) -> u64 {
        let now_tick = tick_of(now_ms);
        let digests = self.tables.all().map(|table| table.content_digest(now_tick));
        let links = self.tables.links.content_digest(now_tick);
        // Each table weighs differently, so that an event in the wrong one is noticed.
        digests
            .into_iter()
            .chain([links])
            .fold(0, |all: u64, digest| all.wrapping_mul(31).wrapping_add(digest))
    }

    /// The visitors of a user, each with the tick until which what it did is the user's.
    fn visitors_of(
        &self,
        subject: SubjectId<'_>,
        key: SubjectKey,
        now_tick: u32,
    ) -> impl Iterator<Item = Link> {
        let user = matches!(subject, SubjectId::User(_)).then_some(key);
        let linked = user.into_iter().flat_map(move |user| self.tables.links.of(user, now_tick));
        linked.flatten().filter(move |link| self.is_only_of(link.key, key, now_tick))
    }

    fn is_only_of(&self, visitor: SubjectKey, user: SubjectKey, now_tick: u32) -> bool {
        self.tables.links.of(visitor, now_tick).into_iter().flatten().all(|link| link.key == user)
    }

    fn subject_keys(&self, user_id: Option<&str>, visitor_id: Option<&str>) -> EventKeys {
        let (user, visitor) = (self.key(SubjectId::User, user_id), self.key(SubjectId::Visitor, visitor_id));
        EventKeys { session: None, visitor, user }
    }

    fn key<'a>(
        &self,
        kind: impl FnOnce(&'a str) -> SubjectId<'a>,
        id: Option<&'a str>,
    ) -> Option<SubjectKey> {
        // An empty id is none: else everybody without one would be one person.
        id.filter(|id| !id.is_empty()).map(|id| self.hasher.key(kind(id)))
    }
}

fn kept((subject, tick): (u64, u32)) -> Forgotten {
    Forgotten { subject, until_ms: ms_of(tick) }
}
