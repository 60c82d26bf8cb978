//! What events say that the subject of a request did lately, brought into its query.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Placement, View};
use crate::domain::{ItemIdx, Request, Subject};
use crate::live::recent::{ActionKind, Recent, RecentEvent, Shown, SubjectId, tick_of};
use crate::pipeline::filter::Exclusion;
use crate::pipeline::{Query, SessionItem};

/// Upper bound on the items of a session, those that the request names among them: as many as a request may name.
const MOST: usize = 50;

/// How often an item is shown to somebody who does not look at it before it is left out. Raising it shows the same for
/// longer.
const TIMES: u32 = 3;

/// Ticks after which one showing is forgiven: a day.
const FORGIVEN: u32 = 24 * 3600 * 4;

/// The memory that reading takes, for the next request.
#[derive(Debug, Default)]
pub(super) struct Spare {
    events: Vec<RecentEvent>,
    shown: Vec<Shown>,
}

/// What is known of the subjects of requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Remembered<'a> {
    pub(super) recent: &'a Recent,
    pub(super) now_ms: i64,
}

impl<'a> Remembered<'a> {
    /// What is known of this subject by now; `None` if that is nothing, as of most.
    pub(super) fn of(recent: &'a Recent, subject: &Subject) -> Option<Self> {
        let ids = [
            subject.session().map(SubjectId::Session),
            subject.visitor().map(SubjectId::Visitor),
            subject.user().map(SubjectId::User),
        ];
        ids.into_iter().flatten().any(|id| recent.knows(id)).then(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Self { recent, now_ms: now.as_millis() as i64 }
        })
    }

    pub(super) fn has_forgotten(self, view: &View, user: &str) -> bool {
        has_forgotten(self.recent, view, user)
    }

    /// Adds to the query's session what the request does not say of it, before what it says; and what the placement
    /// leaves out. Says whether there was anything.
    pub(super) fn fill(
        self,
        request: &Request,
        placement: &Placement,
        view: &View,
        spare: &mut Spare,
        query: &mut Query<'_>,
    ) -> bool {
        let session = self.fill_session(request, view, spare, query);
        let left_out = self.fill_exclusions(request, placement, view, spare, query);
        session || left_out
    }

    fn fill_session(self, request: &Request, view: &View, spare: &mut Spare, query: &mut Query<'_>) -> bool {
        let Some(session) = request.subject.session() else { return false };
        let Spare { events, .. } = spare;
        events.clear();
        self.recent.read_session(session, self.now_ms, events);
        let said = query.session.len();
        for event in &*events {
            // What was only shown is no interest, and what was put back is none any more.
            if matches!(event.kind, ActionKind::Impression | ActionKind::RemoveFromCart) {
                continue;
            }
            let Some(item) = view.live.of_handle(event.item) else { continue };
            if event.kind == ActionKind::Dislike {
                query.disliked.push(item);
            } else if !names(request, &query.session[..said], item, event.kind) {
                query.session.push(SessionItem { item, event: None, seed: None, action: Some(event.kind) });
            }
        }
        // Older than what the request says, which is of this very page.
        let known = query.session.len() - said;
        query.session.rotate_left(said);
        query.session.drain(..known.min((known + said).saturating_sub(MOST)));
        !events.is_empty()
    }

    fn fill_exclusions(
        self,
        request: &Request,
        placement: &Placement,
        view: &View,
        spare: &mut Spare,
        query: &mut Query<'_>,
    ) -> bool {
        let leaves_out = |group| placement.exclude.contains(&group);
        let subjects = self.subjects(&request.subject);
        let subjects = || subjects.into_iter().flatten();
        let Spare { events, shown } = spare;
        let row = |handle: u32| view.live.of_handle(handle);
        let mut any = false;
        if leaves_out(Exclusion::Purchased) || leaves_out(Exclusion::Seen) {
            events.clear();
            subjects().for_each(|subject| self.recent.purchased(subject, self.now_ms, events));
            query.bought.extend(events.iter().filter_map(|event| row(event.item)));
            any |= !events.is_empty();
        }
        if leaves_out(Exclusion::Seen) || leaves_out(Exclusion::Shown) {
            events.clear();
            subjects().for_each(|subject| self.recent.seen(subject, self.now_ms, events));
            any |= !events.is_empty();
        }
        if leaves_out(Exclusion::Seen) {
            query.seen.extend(events.iter().filter_map(|event| row(event.item)));
        }
        if leaves_out(Exclusion::Shown) {
            let now = tick_of(self.now_ms);
            for subject in subjects() {
                shown.clear();
                self.recent.shown(subject, self.now_ms, shown);
                let looked_at = |item: u32| events.iter().any(|event| event.item == item);
                let worn = shown.iter().filter(|shown| is_worn(shown, now) && !looked_at(shown.item));
                query.worn.extend(worn.filter_map(|shown| row(shown.item)));
                any |= !shown.is_empty();
            }
        }
        any
    }

    /// Whose purchases and impressions they are: the user's, else the visitor's. Both, where nobody else was seen with
    /// the visitor: the first request after somebody signed in comes before any event that says so.
    fn subjects(self, subject: &Subject) -> [Option<SubjectId<'_>>; 2] {
        let (user, visitor) = (subject.user(), subject.visitor());
        let is_visitor_read =
            |visitor: &&str| user.is_none_or(|user| self.recent.may_be(visitor, user, self.now_ms));
        [user.map(SubjectId::User), visitor.filter(is_visitor_read).map(SubjectId::Visitor)]
    }
}

/// Whether the user asked to be forgotten after the snapshot's data ends: what its artifacts know of them is not looked
/// at any more.
pub(super) fn has_forgotten(recent: &Recent, view: &View, user: &str) -> bool {
    let until = recent.forgotten_until(SubjectId::User(user));
    until.is_some_and(|until| view.snapshot.data_until_ms().is_none_or(|data| tick_of(data) <= until))
}

fn is_worn(shown: &Shown, now: u32) -> bool {
    shown.times.saturating_sub(now.saturating_sub(shown.last_tick) / FORGIVEN) >= TIMES
}

/// Whether the request itself says the same: a page sends what it knows, and the shop's events say it too.
fn names(request: &Request, session: &[SessionItem], item: ItemIdx, kind: ActionKind) -> bool {
    session.iter().filter(|entry| entry.item == item).any(|entry| {
        let event = entry.event.and_then(|at| request.session_events.get(at as usize));
        let name = event.and_then(|event| event.event_type.as_deref());
        // Without a type it is a view.
        ActionKind::from_name(name.unwrap_or("view")) == kind
    })
}
