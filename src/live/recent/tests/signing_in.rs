//! Whose it is what a visitor did, and who stays forgotten over a restart.

use super::super::{Applied, Recent, SubjectId};
use super::ActionKind;
use super::facade::{ADDED, Given, NOW, apply, event, happened, ms, of, options, seen, view};
use crate::domain::{Consent, Event};

#[test]
fn a_user_has_what_its_visitor_did_before_signing_in() {
    let bought = event(2, 2, ActionKind::Purchase);
    let before = [
        happened("view", ["s", "v", ""], 1, 1),
        happened("purchase", ["s", "v", ""], 2, 2),
        happened("shown", ["s", "v", ""], 2, 3),
    ];
    let after = happened("view", ["", "v", ""], 9, 9);
    for name in ["view", "purchase", "impression"] {
        let signed_in = happened(name, ["", "v", "u"], 5, 7);
        // Whatever comes first, and however often.
        let orders: [Vec<&Given>; 3] = [
            before.iter().chain([&signed_in, &after]).collect(),
            [&signed_in, &after].into_iter().chain(&before).collect(),
            before.iter().chain([&after, &signed_in, &signed_in]).chain(&before).collect(),
        ];
        for order in orders {
            let recent = Recent::new(&options());
            order.into_iter().for_each(|given| {
                apply(&recent, given);
            });
            let known = seen(&recent, SubjectId::User("u"));
            assert!(known.starts_with(&[view(1, 1), bought]), "{name}: {known:?}");
            assert!(known.iter().all(|event| event.item != 9), "signed out by then: {known:?}");
            assert!(of(|out| recent.purchased(SubjectId::User("u"), NOW, out)).contains(&bought));
            let shown = of(|out| recent.shown(SubjectId::User("u"), NOW, out));
            assert!(shown.iter().any(|shown| shown.item == 3), "{name}: {shown:?}");
            assert_eq!(seen(&recent, SubjectId::User("other")), []);
            // Another device of the same user shows the same.
            apply(&recent, &happened("view", ["", "phone", "u"], 6, 8));
            assert!(seen(&recent, SubjectId::User("u")).contains(&view(1, 1)));
            // Forgotten with the user, and not brought back by what is read again.
            recent.forget(Some("u"), None, ms(10));
            for _ in 0..2 {
                for subject in [SubjectId::User("u"), SubjectId::Visitor("v"), SubjectId::Visitor("phone")] {
                    assert_eq!(seen(&recent, subject), [], "{name}");
                }
                before.iter().chain([&signed_in, &after]).for_each(|given| {
                    assert_eq!(apply(&recent, given), Applied::Forgotten);
                });
            }
        }
    }
}

#[test]
fn without_consent_nobody_is_linked() {
    let recent = Recent::new(&options());
    apply(&recent, &happened("view", ["", "v", ""], 1, 1));
    let (signed_in, item) = happened("view", ["", "v", "u"], 2, 2);
    apply(&recent, &(Event { consent: Consent::Denied, ..signed_in }, item));
    assert_eq!(seen(&recent, SubjectId::User("u")), []);
}

#[test]
fn a_device_that_several_people_share_is_nobodys() {
    let recent = Recent::new(&options());
    apply(&recent, &happened("view", ["", "v", ""], 1, 1));
    assert!(recent.may_be("v", "ada", NOW));
    apply(&recent, &happened("view", ["", "v", "ada"], 2, 2));
    assert!(recent.may_be("v", "ada", NOW) && !recent.may_be("v", "bob", NOW));
    assert_eq!(seen(&recent, SubjectId::User("ada")), [view(1, 1), view(2, 2)]);
    apply(&recent, &happened("view", ["", "v", "bob"], 3, 3));
    assert_eq!(seen(&recent, SubjectId::User("ada")), [view(2, 2)]);
    assert_eq!(seen(&recent, SubjectId::User("bob")), [view(3, 3)]);
    // The other has gone and is forgotten.
    recent.forget(Some("ada"), None, ms(2));
    assert_eq!(seen(&recent, SubjectId::User("bob")), [view(3, 3)]);
    assert!(recent.may_be("v", "bob", NOW) && !recent.may_be("v", "ada", NOW));
}

#[test]
fn who_was_forgotten_is_known_again_by_the_same_secret() {
    let recent = Recent::with_secret(&options(), [1, 2]);
    let linked = happened("view", ["s", "v", "u"], 3, 3);
    apply(&recent, &linked);
    recent.forget(Some("u"), None, ms(5));
    let forgotten = recent.take_forgotten();
    assert_eq!(forgotten.len(), 3, "user, visitor and session");
    recent.forget(Some("u"), None, ms(5));
    assert_eq!(recent.take_forgotten(), [], "nothing new");
    assert_eq!(recent.all_forgotten().len(), 3);
    let restarted = Recent::with_secret(&options(), [1, 2]);
    assert!(restarted.restore_forgotten(&forgotten));
    assert_eq!(restarted.take_forgotten(), [], "known from before");
    for (ids, item) in [["s", "", ""], ["", "v", ""], ["", "", "u"], ["s", "v", "u"]].into_iter().zip(1..) {
        assert_eq!(apply(&restarted, &happened("view", ids, 5, item)), Applied::Forgotten);
        assert_eq!(apply(&restarted, &happened("view", ids, 6, item)), ADDED);
    }
    let other = Recent::with_secret(&options(), [1, 3]);
    other.restore_forgotten(&forgotten);
    assert_eq!(apply(&other, &linked), ADDED);
}
