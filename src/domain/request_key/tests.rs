//! Every field of a request is either in the key of a scope or, by decision, in none.

use super::*;
use crate::domain::{Consent, TrafficClass};

fn bytes(key: RequestKey<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.visit(&mut KeyBytes(&mut bytes));
    bytes
}

fn base() -> Request {
    Request::new("p").viewing("a").event("b").user("u").page_size(3)
}

/// A request that differs from [`base`] in one place, and the narrowest scope that must notice.
fn changes() -> Vec<(Request, Option<Scope>)> {
    let changed = |scope, change: fn(&mut Request)| {
        let mut request = base();
        change(&mut request);
        (request, scope)
    };
    let (ranking, page, answer) = (Some(Scope::Ranking), Some(Scope::Page), Some(Scope::Answer));
    vec![
        changed(ranking, |request| request.placement.push('q')),
        changed(ranking, |request| request.subject.user_id = None),
        changed(ranking, |request| request.subject.visitor_id = Some("v".to_owned())),
        changed(ranking, |request| request.subject.session_id = Some("s".to_owned())),
        changed(ranking, |request| request.context.locale = Some("de".to_owned())),
        changed(ranking, |request| request.context.country = Some("de".to_owned())),
        changed(ranking, |request| request.context.channel = Some("de".to_owned())),
        changed(ranking, |request| drop(request.context.attributes.insert("a".into(), "b".into()))),
        changed(ranking, |request| request.seeds[0].role = SeedRole::Liked),
        changed(ranking, |request| request.seeds[0].weight = 2.0),
        changed(ranking, |request| request.session_events[0].event_type = Some("view".to_owned())),
        changed(ranking, |request| request.session_events[0].event_time_ms = Some(1)),
        changed(ranking, |request| request.filter = Some("a".to_owned())),
        changed(ranking, |request| {
            request.filter_params.insert("a".to_owned(), FilterValue::Bool(true));
        }),
        changed(ranking, |request| request.exclude_item_ids.push("x".to_owned())),
        changed(ranking, |request| request.candidate_item_ids.push("x".to_owned())),
        changed(page, |request| request.page_size = Some(4)),
        changed(page, |request| request.offset = 1),
        changed(answer, |request| request.item_fields.push("title".to_owned())),
        changed(answer, |request| request.view = ResponseView::Basic),
        changed(None, |request| request.budget = Some(std::time::Duration::ZERO)),
        changed(None, |request| request.traffic_class = TrafficClass::Shadow),
        changed(None, |request| request.validate_only = true),
    ]
}

#[test]
fn what_an_answer_depends_on_is_in_its_key_and_nothing_else_is() {
    let base = base();
    for (request, notices) in changes() {
        let differs = |key: fn(&Request) -> Vec<u8>| key(&request) != key(&base);
        let from = |scope| notices.is_some_and(|least| scope >= least);
        let ranking = differs(|request| bytes(RequestKey::ranking(request)));
        let page = differs(|request| bytes(RequestKey::page(request, request.page_size.unwrap_or(12))));
        let answer = differs(|request| bytes(RequestKey::answer(request)));
        let expected = (from(Scope::Ranking), from(Scope::Page), from(Scope::Answer));
        assert_eq!((ranking, page, answer), expected, "{request:#?}");
    }
}

#[test]
fn no_two_changes_have_the_same_key() {
    let mut keys: Vec<_> = changes()
        .iter()
        .filter(|(_, notices)| notices.is_some())
        .map(|(request, _)| bytes(RequestKey::answer(request)))
        .collect();
    let all = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), all);
}

#[test]
fn a_field_that_is_named_twice_counts_once() {
    let fields = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        bytes(RequestKey::answer(&Request { item_fields: names, ..base() }))
    };
    assert_eq!(fields(&["title", "price", "title", "price", "price"]), fields(&["title", "price"]));
    assert_ne!(fields(&["title", "price"]), fields(&["title"]));
}

#[test]
fn a_denied_consent_leaves_no_id_in_a_key() {
    let mut denied = base();
    denied.subject = Subject {
        user_id: Some("u".to_owned()),
        visitor_id: Some("v".to_owned()),
        session_id: Some("s".to_owned()),
        consent: Consent::Denied,
    };
    let nobody = Request { subject: Subject::default(), ..base() };
    assert_eq!(bytes(RequestKey::answer(&denied)), bytes(RequestKey::answer(&nobody)));
    let anonymous = |request: &Request| bytes(RequestKey::answer(request).without_subject());
    assert_eq!(anonymous(&base()), anonymous(&nobody));
}

#[test]
fn what_anybody_gets_has_one_key_whoever_asks_and_whatever_they_did() {
    let anybody = |request: &Request| bytes(RequestKey::page(request, 3).for_anybody());
    assert_eq!(anybody(&base()), anybody(&Request::new("p").viewing("a")));
    assert_ne!(anybody(&base()), anybody(&Request::new("p").viewing("b")));
}
