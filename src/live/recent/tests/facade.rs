//! The tables together: which events go where, consent, forgetting, and one content for any order.

use std::sync::Arc;
use std::time::Duration;

use super::super::{
    Applied, ForgetOutcome, Recent, RecentEvent, RecentOptions, Recorded, Shown, SubjectId, tick_of,
};
use super::{ActionKind, START};
use crate::domain::{Consent, Event, EventKind};

pub(super) const NOW: i64 = ms(20);
pub(super) const ADDED: Applied = Applied::Recorded(Recorded::Added);

/// The tick of a minute that tests count from [`START`].
pub(super) const fn at(minute: u32) -> u32 {
    START + minute * 240
}

/// Its milliseconds.
pub(super) const fn ms(minute: u32) -> i64 {
    1_577_836_800_000 + at(minute) as i64 * 250
}

pub(super) fn event(minute: u32, item: u32, kind: ActionKind) -> RecentEvent {
    RecentEvent { tick: at(minute), item, kind }
}

pub(super) fn view(minute: u32, item: u32) -> RecentEvent {
    event(minute, item, ActionKind::View)
}

pub(super) fn options() -> RecentOptions {
    RecentOptions { sessions_memory: 1 << 20, users_memory: 4 << 20, ..RecentOptions::default() }
}

/// An event with an item's handle.
pub(super) type Given = (Event, u32);

/// An event of a session, a visitor and a user, each `""` for none.
pub(super) fn happened(name: &str, ids: [&str; 3], tick: u32, item: u32) -> Given {
    let [session_id, visitor_id, user_id] = ids.map(|id| (!id.is_empty()).then(|| id.to_owned()));
    let event = Event {
        id: String::new(),
        kind: EventKind::Interaction(Arc::from(name)),
        time_ms: ms(tick),
        item_id: Some(format!("P{item}")),
        user_id,
        visitor_id,
        session_id,
        recommendation_id: None,
        value: None,
        quantity: None,
        consent: Consent::Unspecified,
        attributes: Vec::new(),
        upsert: false,
    };
    (event, item)
}

fn forgotten(visitor: &str, user: &str, tick: u32) -> Given {
    let (event, item) = happened("", ["", visitor, user], tick, 0);
    (Event { kind: EventKind::UserForgotten, item_id: None, ..event }, item)
}

pub(super) fn apply(recent: &Recent, given: &Given) -> Applied {
    recent.apply(&given.0, given.1, NOW)
}

pub(super) fn of<T>(read: impl FnOnce(&mut Vec<T>)) -> Vec<T> {
    let mut out = Vec::new();
    read(&mut out);
    out
}

fn session(recent: &Recent, id: &str) -> Vec<RecentEvent> {
    of(|out| recent.read_session(id, NOW, out))
}

pub(super) fn seen(recent: &Recent, subject: SubjectId<'_>) -> Vec<RecentEvent> {
    of(|out| recent.seen(subject, NOW, out))
}

#[test]
fn events_go_to_all_whose_they_are() {
    let recent = Recent::new(&options());
    let all = ["s", "v", "u"];
    assert_eq!(apply(&recent, &happened("view", all, 1, 1)), ADDED);
    assert_eq!(apply(&recent, &happened("view", all, 1, 1)), Applied::Recorded(Recorded::Duplicate));
    apply(&recent, &happened("purchase", all, 5, 2));
    apply(&recent, &happened("buy", ["s", "v", ""], 7, 3));
    apply(&recent, &happened("view", all, 3, 4));
    for tick in [1, 1, 2] {
        apply(&recent, &happened("impression", all, tick, 9));
    }
    apply(&recent, &happened("shown", ["s", "v", ""], 2, 8));
    let bought = |tick, item| event(tick, item, ActionKind::Purchase);
    assert_eq!(session(&recent, "s"), [view(1, 1), view(3, 4), bought(5, 2), bought(7, 3)]);
    assert_eq!(seen(&recent, SubjectId::Session("s")), session(&recent, "s"));
    assert_eq!(seen(&recent, SubjectId::User("u")), [view(1, 1), view(3, 4), bought(5, 2)]);
    assert_eq!(seen(&recent, SubjectId::Visitor("v")), [view(1, 1), view(3, 4), bought(7, 3)]);
    let purchased = |subject| of(|out| recent.purchased(subject, NOW, out));
    assert_eq!(purchased(SubjectId::User("u")), [bought(5, 2)]);
    assert_eq!(purchased(SubjectId::Visitor("v")), [bought(7, 3)]);
    let shown = |subject| of(|out| recent.shown(subject, NOW, out));
    let of_visitor = Shown { item: 8, times: 1, last_tick: at(2) };
    assert_eq!(shown(SubjectId::User("u")), [of_visitor, Shown { item: 9, times: 2, last_tick: at(2) }]);
    assert_eq!(shown(SubjectId::Visitor("v")), [of_visitor]);
    assert_eq!(shown(SubjectId::User("v")), []);
}

#[test]
fn what_is_no_interaction_or_has_no_subject_goes_nowhere() {
    let recent = Recent::new(&options());
    assert_eq!(apply(&recent, &happened("view", ["", "", ""], 1, 1)), Applied::NoSubject);
    let (mut nobody, item) = happened("view", ["", "", ""], 1, 1);
    nobody.user_id = Some(String::new());
    assert_eq!(apply(&recent, &(nobody, item)), Applied::NoSubject);
    assert_eq!(apply(&recent, &happened("shown", ["s", "", ""], 1, 1)), Applied::NoSubject);
    assert_eq!(apply(&recent, &forgotten("", "", 1)), Applied::NoSubject);
    let (listed, item) = happened("", ["s", "v", "u"], 1, 1);
    let listed = Event { kind: EventKind::ItemListed, ..listed };
    assert_eq!(apply(&recent, &(listed, item)), Applied::Unrelated);
    assert_eq!(recent.content_digest(NOW), Recent::new(&options()).content_digest(NOW));
}

#[test]
fn nothing_is_written_without_consent() {
    for (required, consent, written) in [
        (false, Consent::Unspecified, true),
        (false, Consent::Granted, true),
        (false, Consent::Denied, false),
        (true, Consent::Unspecified, false),
        (true, Consent::Granted, true),
        (true, Consent::Denied, false),
    ] {
        let recent = Recent::new(&RecentOptions { consent_required: required, ..options() });
        let stats = recent.stats();
        for name in ["view", "purchase", "impression"] {
            let (event, item) = happened(name, ["s", "v", "u"], 1, 1);
            let applied = apply(&recent, &(Event { consent, ..event }, item));
            assert_eq!(applied == ADDED, written, "{name} {required} {consent:?}");
            assert_eq!(applied == Applied::NoConsent, !written);
        }
        assert_eq!(recent.stats() != stats, written);
    }
    // To be forgotten takes no consent.
    let recent = Recent::new(&options());
    apply(&recent, &happened("view", ["s", "v", "u"], 1, 1));
    let (event, item) = forgotten("v", "u", 2);
    let applied = apply(&recent, &(Event { consent: Consent::Denied, ..event }, item));
    assert_eq!(applied, Applied::Forget(ForgetOutcome::Done));
    assert_eq!(seen(&recent, SubjectId::User("u")), []);
}

#[test]
fn whoever_is_forgotten_is_not_brought_back_by_a_replay() {
    let recent = Recent::new(&options());
    let all = ["s", "v", "u"];
    let past: Vec<Given> = (1..6)
        .flat_map(|tick| ["view", "purchase", "shown"].map(|name| happened(name, all, tick, tick)))
        .collect();
    let other = happened("view", ["s2", "v2", "u2"], 3, 3);
    past.iter().chain([&other]).for_each(|given| assert_eq!(apply(&recent, given), ADDED));
    assert_eq!(recent.forget(Some("u"), Some("v"), ms(6)), Some(ForgetOutcome::Done));
    for _ in 0..2 {
        assert_eq!(session(&recent, "s"), []);
        for subject in [SubjectId::User("u"), SubjectId::Visitor("v")] {
            assert_eq!(seen(&recent, subject), []);
            assert_eq!(of(|out| recent.purchased(subject, NOW, out)), []);
            assert_eq!(of(|out| recent.shown(subject, NOW, out)), []);
            assert_eq!(recent.forgotten_until(subject), Some(at(6)));
        }
        assert_eq!(seen(&recent, SubjectId::User("u2")), [view(3, 3)]);
        past.iter().for_each(|given| assert_eq!(apply(&recent, given), Applied::Forgotten));
        // Also those that name the session alone.
        assert_eq!(apply(&recent, &happened("view", ["s", "", ""], 4, 4)), Applied::Forgotten);
    }
    assert_eq!(apply(&recent, &happened("view", all, 7, 7)), ADDED);
    assert_eq!(seen(&recent, SubjectId::User("u")), [view(7, 7)]);
    assert_eq!(session(&recent, "s"), [view(7, 7)]);
    // Until nothing from before can be read again.
    recent.drop_forgotten_before(ms(6));
    assert_eq!(recent.forgotten_until(SubjectId::User("u")), Some(at(6)));
    recent.drop_forgotten_before(ms(7));
    assert_eq!(recent.forgotten_until(SubjectId::User("u")), None);
    assert_eq!(recent.stats().forgotten.used, 0);
}

#[test]
fn without_room_to_remember_it_a_subject_is_forgotten_all_the_same() {
    // A tombstone more than there is room for.
    let recent = Recent::new(&RecentOptions { users_memory: 64 << 10, ..options() });
    let room = recent.stats().forgotten.capacity;
    assert!((1..100).contains(&room));
    for number in 0..room {
        let user = format!("u{number}");
        assert_eq!(recent.forget(Some(&user), None, ms(9)), Some(ForgetOutcome::Done));
    }
    apply(&recent, &happened("view", ["s", "v", "u"], 1, 1));
    assert_eq!(recent.forget(Some("u"), Some("v"), ms(9)), Some(ForgetOutcome::Unremembered));
    assert_eq!(seen(&recent, SubjectId::User("u")), []);
    assert_eq!(session(&recent, "s"), []);
    assert!(recent.stats().forgotten.refused >= 2);
}

#[test]
fn sessions_end_before_users_do() {
    let recent = Recent::new(&options());
    apply(&recent, &happened("view", ["s", "v", "u"], 1, 1));
    let later = ms(1) + Duration::from_secs(31 * 60).as_millis() as i64;
    assert_eq!(of(|out| recent.read_session("s", later, out)), []);
    assert_eq!(of(|out| recent.seen(SubjectId::User("u"), later, out)), [view(1, 1)]);
    let much_later = later + Duration::from_secs(30 * 86_400).as_millis() as i64;
    assert_eq!(of(|out| recent.seen(SubjectId::User("u"), much_later, out)), []);
    assert_eq!(recent.content_digest(much_later), recent.content_digest(i64::MAX));
    assert_eq!(tick_of(ms(1)), at(1));
}

#[test]
fn any_order_of_events_and_wishes_to_be_forgotten_ends_in_one_content() {
    let mut random = fastrand::Rng::with_seed(11);
    let mut events: Vec<Given> = Vec::new();
    for _ in 0..2500 {
        // A visit has one device and a device one user, who is not always signed in.
        let visit = random.u32(..240);
        let ids = [format!("s{visit}"), format!("v{}", visit / 3), format!("u{}", visit / 6)];
        let ids: [&str; 3] =
            std::array::from_fn(|at| if random.u32(..3) == 0 { "" } else { ids[at].as_str() });
        let names = ["view", "view", "click", "add_to_cart", "purchase", "impression"];
        let name = names[random.usize(..names.len())];
        events.push(happened(name, ids, random.u32(..20), random.u32(..40)));
    }
    events.extend((0..8).map(|user| forgotten("", &format!("u{user}"), random.u32(5..15))));
    events.extend((30..35).map(|visitor| forgotten(&format!("v{visitor}"), "", random.u32(5..15))));
    let content = |events: &[Given]| {
        let recent = Recent::new(&options());
        let resident = recent.resident_bytes();
        events.iter().for_each(|given| {
            apply(&recent, given);
        });
        assert_eq!(recent.resident_bytes(), resident);
        assert!(resident as u64 <= options().sessions_memory + options().users_memory);
        let stats = recent.stats();
        assert_eq!(stats.sessions.evicted + stats.users.evicted + stats.visitors.evicted, 0);
        assert_eq!(stats.forgotten.refused, 0);
        recent.content_digest(NOW)
    };
    let in_order = content(&events);
    for _ in 0..20 {
        let mut mixed = events.clone();
        mixed.extend((0..800).map(|_| events[random.usize(..events.len())].clone()));
        // A replay overlaps what was applied: a stretch of the log comes twice.
        random.shuffle(&mut mixed);
        let from = random.usize(..mixed.len());
        mixed.extend_from_within(from..mixed.len().min(from + 500));
        assert_eq!(content(&mixed), in_order);
    }
    events.pop();
    assert_ne!(content(&events), in_order, "a wish less");
}

#[test]
fn what_belongs_to_whom_is_known_in_any_order() {
    const ORDERS: [[usize; 4]; 24] = orders();
    for name in ["view", "purchase", "impression"] {
        for (ids, wish) in [
            (["s", "v", "u"], forgotten("v", "", 3)),
            (["s", "v", "u"], forgotten("", "u", 3)),
            (["s", "v", "u"], forgotten("v", "u", 3)),
            (["s", "v", ""], forgotten("v", "", 3)),
            (["s", "", "u"], forgotten("", "u", 3)),
            (["", "v", "u"], forgotten("", "u", 3)),
        ] {
            let linked = happened(name, ids, 4, 2);
            let alone = [happened("view", ["s", "", ""], 1, 1), happened("purchase", ["", "v", ""], 2, 3)];
            let events = [&alone[0], &alone[1], &linked, &wish];
            let digests = ORDERS.map(|order| {
                let recent = Recent::new(&options());
                order.iter().for_each(|at| {
                    apply(&recent, events[*at]);
                });
                recent.content_digest(NOW)
            });
            assert!(digests.iter().all(|digest| *digest == digests[0]), "{name} of {ids:?}: {:?}", wish.0);
        }
    }
}

/// Every order of four.
const fn orders() -> [[usize; 4]; 24] {
    let mut orders = [[0; 4]; 24];
    let (mut number, mut found) = (0, 0);
    while number < 256 {
        let order = [number / 64, number / 16 % 4, number / 4 % 4, number % 4];
        let seen = 1 << order[0] | 1 << order[1] | 1 << order[2] | 1 << order[3];
        if seen == 0b1111 {
            orders[found] = order;
            found += 1;
        }
        number += 1;
    }
    orders
}

#[test]
fn without_memory_nothing_is_kept_and_nothing_fails() {
    let recent = Recent::new(&RecentOptions { sessions_memory: 0, users_memory: 0, ..options() });
    assert_eq!(recent.resident_bytes(), 0);
    assert_eq!(apply(&recent, &happened("view", ["s", "v", "u"], 1, 1)), Applied::Recorded(Recorded::NoRoom));
    assert_eq!(session(&recent, "s"), []);
    assert_eq!(recent.forget(Some("u"), None, NOW), Some(ForgetOutcome::Unremembered));
}
