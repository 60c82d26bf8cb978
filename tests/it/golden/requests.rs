//! What a caller may ask for on top of a recipe: their own filters and lists, pages, batches, limits.

use larder::domain::{Consent, FilterValue, Request, Seed, SeedRole};
use larder::pipeline::Stages;
use larder::recommender::{RecommendError, Recommender};

use super::{answer, recommender, render};

const POPULAR: &str = r#"sources = [ { kind = "popular", artifact = "popularity" } ]
    filter = "in_stock"
    page_size = 4"#;

fn popular() -> Recommender {
    recommender(POPULAR, &Stages::default())
}

fn refused(request: &Request) -> (String, String) {
    match popular().recommend(request).unwrap_err() {
        RecommendError::Invalid { field, reason } => (field, reason),
        other => panic!("{other}"),
    }
}

#[test]
fn excluded_ids_are_not_shown_and_unknown_ones_do_not_matter() {
    let answer = answer(POPULAR, |mut request| {
        request.exclude_item_ids = vec!["milk".to_owned(), "absinthe".to_owned(), "sugar".to_owned()];
        request
    });
    assert_eq!(render(&answer), "popular: earl-grey espresso shortbread digestives");
    assert!(answer.slate.missing_item_ids.is_empty());
}

#[test]
fn only_candidate_ids_are_shown_and_unknown_ones_are_named() {
    let answer = answer(POPULAR, |mut request| {
        request.candidate_item_ids = ["jam", "rooibos", "absinthe", "honey"].map(str::to_owned).to_vec();
        request
    });
    assert_eq!(render(&answer), "popular: honey jam");
    assert_eq!(answer.slate.missing_item_ids, ["absinthe"]);
}

#[test]
fn a_requests_filter_narrows_the_placements_own() {
    let answer = answer(POPULAR, |mut request| {
        request.filter = Some("category in $categories && price < $most".to_owned());
        let categories = ["tea", "biscuits"].map(|name| FilterValue::Text(name.to_owned())).to_vec();
        request.filter_params.insert("categories".to_owned(), FilterValue::List(categories));
        request.filter_params.insert("most".to_owned(), FilterValue::Number(19.5));
        request
    });
    assert_eq!(render(&answer), "popular: earl-grey shortbread digestives assam");
}

#[test]
fn a_requests_filter_that_makes_no_sense_is_refused_by_field() {
    let mut request = Request::new("case");
    request.filter = Some("categori == \"tea\"".to_owned());
    let (field, reason) = refused(&request);
    assert!(field == "filter" && reason.contains("did you mean \"category\"?"), "{field}: {reason}");
    request.filter = Some("price < $most".to_owned());
    let (field, reason) = refused(&request);
    assert!(field == "filter" && reason.contains("$most"), "{field}: {reason}");
}

#[test]
fn pages_join_without_gap_or_overlap_and_the_last_one_says_so() {
    let recommender = popular();
    let page = |offset| {
        let mut request = Request::new("case").page_size(9);
        request.offset = offset;
        recommender.recommend(&request).unwrap()
    };
    let whole = recommender.recommend(&Request::new("case").page_size(100)).unwrap();
    assert!(whole.slate.items.len() == 28 && !whole.slate.more);
    let mut joined = Vec::new();
    for (offset, more) in [(0, true), (9, true), (18, true), (27, false)] {
        let answer = page(offset);
        assert_eq!(answer.slate.more, more, "from {offset}");
        joined.extend(answer.slate.items);
    }
    assert_eq!(joined, whole.slate.items);
    assert!(page(28).slate.items.is_empty() && !page(28).slate.more);
    let exact = recommender.recommend(&Request::new("case").page_size(28)).unwrap();
    assert!(!exact.slate.more);
}

#[test]
fn pages_join_across_the_fallbacks() {
    let recipe = r#"sources = [ { kind = "neighbors", artifact = "similar" } ]
        fallback = [ { kind = "popular", artifact = "popularity" } ]"#;
    let recommender = recommender(recipe, &Stages::default());
    let page = |offset, size| {
        let mut request = Request::new("case").viewing("blue-mug").page_size(size);
        request.offset = offset;
        let answer = recommender.recommend(&request).unwrap();
        answer.slate.items.iter().map(|item| item.item).collect::<Vec<_>>()
    };
    let joined: Vec<_> = (0..30).step_by(3).flat_map(|offset| page(offset, 3)).collect();
    assert_eq!(joined, page(0, 30));
}

#[test]
fn a_request_may_lower_a_limit_and_never_raise_it() {
    for size in [0, 101, usize::MAX] {
        let (field, reason) = refused(&Request::new("case").page_size(size));
        assert!(field == "page_size" && reason.contains("expected 1 to 100"), "{field}: {reason}");
    }
    assert_eq!(popular().recommend(&Request::new("case").page_size(1)).unwrap().slate.items.len(), 1);
    let mut deep = Request::new("case");
    deep.offset = 1001;
    assert_eq!(refused(&deep).0, "page_token");
}

#[test]
fn a_weight_that_is_no_weight_is_refused_by_place() {
    for weight in [f32::NAN, f32::INFINITY, -1.0] {
        let mut request = Request::new("case").viewing("assam");
        request.seeds.push(Seed { item_id: "chai".to_owned(), role: SeedRole::Viewing, weight });
        assert_eq!(refused(&request).0, "seed_items[1].weight");
    }
}

#[test]
fn an_unknown_placement_is_refused_with_the_nearest_name() {
    let error = popular().recommend(&Request::new("cas")).unwrap_err();
    assert!(
        matches!(&error, RecommendError::UnknownPlacement { nearest: Some(n), .. } if n == "case"),
        "{error}"
    );
}

#[test]
fn without_consent_a_user_is_answered_like_nobody() {
    let recipe = r#"sources = [ { kind = "popular", artifact = "popularity" },
                    { kind = "user_items", artifact = "buy_again" } ]
        exclude = ["purchased"]
        history = "bought""#;
    let nobody = render(&answer(recipe, |request| request));
    let denied = |mut request: Request| {
        request.subject.consent = Consent::Denied;
        request.user("ada")
    };
    assert_eq!(render(&answer(recipe, denied)), nobody);
    assert_ne!(render(&answer(recipe, |request| request.user("ada"))), nobody);
}

#[test]
fn the_slots_of_a_page_share_no_item_when_asked_and_each_has_its_own_outcome() {
    let recommender = popular();
    let slots = [Request::new("case"), Request::new("nowhere"), Request::new("case").page_size(2)];
    let answers = recommender.recommend_batch(&slots, true);
    let texts: Vec<_> = answers.iter().map(|slot| slot.as_ref().map(render).ok()).collect();
    let text = |slot: &str| Some(slot.to_owned());
    let first = text("popular: milk earl-grey sugar espresso");
    assert_eq!(texts, [first.clone(), None, text("popular: shortbread digestives")]);
    let answers = recommender.recommend_batch(&slots, false);
    let last = answers[2].as_ref().map(render).ok();
    assert_eq!(last, text("popular: milk earl-grey"));
}

#[test]
fn a_request_can_be_checked_without_being_answered() {
    let mut request = Request::new("case").viewing("absinthe");
    request.validate_only = true;
    let answer = popular().recommend(&request).unwrap();
    assert!(answer.slate.items.is_empty());
    assert_eq!(answer.slate.missing_item_ids, ["absinthe"]);
    request.page_size = Some(0);
    assert_eq!(refused(&request).0, "page_size");
}

#[test]
fn only_a_request_that_names_somebody_is_personal() {
    let recommender = popular();
    let personal = |request: Request| recommender.recommend(&request).unwrap().personal;
    assert!(!personal(Request::new("case").viewing("assam")));
    assert!(personal(Request::new("case").user("ada")));
    assert!(personal(Request::new("case").event("assam")));
}
