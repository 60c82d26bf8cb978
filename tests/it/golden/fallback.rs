//! The fallback chain: who fills a slate that the recipe left short, in which order, under which rules, and what is
//! said of it.

use std::time::Duration;

use larder::domain::{Cause, DegradationLevel, ItemIdx, ItemMask, Request, SeedRole};
use larder::feature::Value;
use larder::pipeline::{Context, Filter, Stage, StageError, Stages};

use super::{recommender, render};

const BACKFILLED: DegradationLevel = DegradationLevel::Backfilled;
const FALLBACK: DegradationLevel = DegradationLevel::Fallback;

cases! {
    without_any_signal_the_fallbacks_answer {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]
            page_size = 3
            fallback = [ { kind = "popular", artifact = "popularity" } ]"#,
        answer: "fallback.popular: milk earl-grey sugar",
        decides: &["fallback"],
        degraded: (FALLBACK, &[Cause::NoSignal]),
    }
    a_short_slate_is_filled_up {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]
            page_size = 4
            fallback = [ { kind = "popular", artifact = "popularity" } ]"#,
        ask: |request| request.viewing("blue-mug"),
        answer: "neighbors: white-mug teapot | fallback.popular: milk earl-grey",
        decides: &["fallback"],
        degraded: (BACKFILLED, &[Cause::FewCandidates]),
    }
    a_full_slate_needs_no_fallback {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]
            page_size = 2
            fallback = [ { kind = "popular", artifact = "popularity" } ]"#,
        ask: |request| request.viewing("blue-mug"),
        answer: "neighbors: white-mug teapot",
    }
    fallbacks_are_asked_in_order_and_nothing_comes_twice {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]
            page_size = 6
            exclude = ["seeds"]
            fallback = [ { kind = "popular", artifact = "popularity", segment = "category" },
                    { kind = "popular", artifact = "popularity" }, { kind = "user_items", artifact = "buy_again" } ]"#,
        ask: |request| request.viewing("espresso"),
        answer: "neighbors: filter-roast decaf | fallback.popular: instant | fallback.popular.2: milk earl-grey sugar",
        decides: &["fallback", "exclude"],
        degraded: (BACKFILLED, &[Cause::FewCandidates]),
    }
    any_source_can_be_a_fallback_and_have_a_name {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]
            page_size = 2
            fallback = [ { kind = "user_items", artifact = "buy_again", name = "again" } ]"#,
        ask: |request| request.user("ben"),
        answer: "fallback.again: sugar espresso",
        decides: &["fallback"],
        degraded: (FALLBACK, &[Cause::FewCandidates]),
    }
    fallbacks_obey_the_placements_filter {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]
            page_size = 3
            filter = 'category == "tea" && in_stock'
            fallback = [ { kind = "popular", artifact = "popularity" } ]"#,
        answer: "fallback.popular: earl-grey assam sencha",
        decides: &["filter", "fallback"],
        degraded: (FALLBACK, &[Cause::NoSignal]),
    }
    an_unknown_item_is_named_as_the_cause {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]
            page_size = 2
            fallback = [ { kind = "popular", artifact = "popularity" } ]"#,
        ask: |request| request.viewing("absinthe"),
        answer: "fallback.popular: milk earl-grey",
        degraded: (FALLBACK, &[Cause::UnknownItems]),
    }
    an_unknown_user_is_named_as_the_cause {
        recipe: r#"sources = [ { kind = "user_items", artifact = "buy_again" } ]
            page_size = 2
            fallback = [ { kind = "popular", artifact = "popularity" } ]"#,
        ask: |request| request.user("eve"),
        answer: "fallback.popular: milk earl-grey",
        degraded: (FALLBACK, &[Cause::UnknownUser]),
    }
    without_consent_there_is_no_user {
        recipe: r#"sources = [ { kind = "user_items", artifact = "buy_again" } ]
            page_size = 2
            exclude = ["purchased"]
            history = "bought"
            fallback = [ { kind = "popular", artifact = "popularity" } ]"#,
        ask: |request| {
            let mut request = request.user("ada");
            request.subject.consent = larder::domain::Consent::Denied;
            request
        },
        answer: "fallback.popular: milk earl-grey",
        degraded: (FALLBACK, &[Cause::NoSignal]),
    }
    whatever_may_be_shown_is_the_last_fallback {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]
            page_size = 5
            filter = "in_stock"
            fallback = [ { kind = "user_items", artifact = "buy_again" } ]"#,
        ask: |request| request.viewing("blue-mug"),
        answer: "neighbors: white-mug teapot | fallback.catalog_order: earl-grey assam sencha",
        degraded: (BACKFILLED, &[Cause::FewCandidates, Cause::CatalogOrder]),
    }
    what_no_artifact_knows_is_shown_when_nothing_else_may_be {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]
            page_size = 4
            fallback = [ { kind = "user_items", artifact = "buy_again" } ]"#,
        ask: |mut request| {
            request.candidate_item_ids = ["jam", "cafetiere", "stollen"].map(str::to_owned).to_vec();
            request
        },
        answer: "fallback.catalog_order: cafetiere stollen jam",
        degraded: (FALLBACK, &[Cause::NoSignal, Cause::CatalogOrder, Cause::Filtered]),
    }
    what_was_not_seen_yet_comes_before_what_was {
        recipe: r#"sources = [ { kind = "popular", artifact = "popularity", take = 1 } ]
            page_size = 4
            filter = 'category == "staples"'
            exclude = ["session"]"#,
        ask: |request| request.event("oat-milk").event("lemon"),
        answer: "popular: milk | fallback.catalog_order: sugar oat-milk",
        degraded: (BACKFILLED, &[Cause::FewCandidates, Cause::CatalogOrder, Cause::ExclusionsRelaxed, Cause::Filtered]),
    }
    what_was_bought_comes_back_before_a_slate_stays_short {
        recipe: r#"sources = [ { kind = "popular", artifact = "popularity" } ]
            page_size = 4
            filter = 'category == "staples"'
            exclude = ["purchased"]
            history = "bought"
            fallback = [ { kind = "popular", artifact = "popularity" } ]"#,
        ask: |request| request.user("ada"),
        answer: "popular: sugar oat-milk lemon | fallback.popular: milk",
        decides: &["exclude", "fallback"],
        degraded: (BACKFILLED, &[Cause::FewCandidates, Cause::ExclusionsRelaxed]),
    }
    seeds_and_dislikes_never_come_back {
        recipe: r#"sources = [ { kind = "popular", artifact = "popularity" } ]
            page_size = 4
            filter = 'category == "staples"'
            exclude = ["seen"]
            history = "bought"
            fallback = [ { kind = "popular", artifact = "popularity" } ]"#,
        ask: |request| request.user("ada").event("sugar").viewing("lemon").seed("milk", SeedRole::Disliked),
        answer: "popular: oat-milk | fallback.popular: sugar",
        degraded: (BACKFILLED, &[Cause::FewCandidates, Cause::ExclusionsRelaxed, Cause::Filtered]),
    }
    when_nothing_may_be_shown_the_slate_is_empty_and_says_so {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]
            filter = "price > 1000.0"
            fallback = [ { kind = "popular", artifact = "popularity" } ]"#,
        ask: |request| request.viewing("earl-grey"),
        answer: "",
        degraded: (DegradationLevel::Empty, &[Cause::FewCandidates, Cause::Filtered]),
    }
    when_the_time_is_up_before_it_began_the_fallbacks_answer {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]
            page_size = 3
            fallback = [ { kind = "popular", artifact = "popularity" } ]"#,
        ask: |mut request| {
            request.budget = Some(Duration::ZERO);
            request.viewing("earl-grey")
        },
        answer: "fallback.popular: milk earl-grey sugar",
        decides: &["fallback"],
        degraded: (FALLBACK, &[Cause::Deadline]),
    }
}

#[test]
fn a_late_answer_names_the_stages_that_were_skipped() {
    let recipe = r#"sources = [ { kind = "neighbors", artifact = "similar" } ]
        rerank = [ { kind = "cap", by = "category", max = 1 } ]
        fallback = [ { kind = "popular", artifact = "popularity" } ]"#;
    let mut request = Request::new("case").viewing("earl-grey");
    request.budget = Some(Duration::ZERO);
    let answer = recommender(recipe, &Stages::default()).recommend(&request).unwrap();
    let skipped: Vec<&str> = answer.slate.degradation.skipped_stages.iter().map(AsRef::as_ref).collect();
    assert_eq!(skipped, ["neighbors", "cap"]);
}

/// Lets no tea through.
struct NoTea;

impl Stage for NoTea {
    fn label(&self) -> &str {
        "no_tea"
    }
}

impl Filter for NoTea {
    fn prefilter(&self, ctx: &Context<'_>, mask: &mut ItemMask) -> Result<(), StageError> {
        let category = |item: &ItemIdx| ctx.snapshot.catalog().value("category", item.row());
        let items = (0..ctx.snapshot.items().len() as u32).map(ItemIdx);
        for item in items.filter(|item| category(item) == Value::Text("tea")) {
            mask.exclude(item);
        }
        Ok(())
    }
}

/// Cannot tell what may be shown.
struct Broken;

impl Stage for Broken {
    fn label(&self) -> &str {
        "broken"
    }
}

impl Filter for Broken {
    fn prefilter(&self, _ctx: &Context<'_>, _mask: &mut ItemMask) -> Result<(), StageError> {
        Err(StageError::Failed("no list of what is allowed"))
    }
}

#[test]
fn an_embedders_own_filter_holds_for_the_fallbacks_too() {
    let recipe = r#"sources = [ { kind = "neighbors", artifact = "goes_with" } ]
        page_size = 5
        filters = [ { kind = "no_tea" } ]
        fallback = [ { kind = "popular", artifact = "popularity" } ]"#;
    let stages = Stages::default().filter("no_tea", |_| Ok(Box::new(NoTea)));
    let request = Request::new("case").viewing("shortbread");
    let answer = recommender(recipe, &stages).recommend(&request).unwrap();
    assert_eq!(render(&answer), "neighbors: honey | fallback.popular: milk sugar espresso shortbread");
}

#[test]
fn a_filter_that_fails_lets_nothing_through_not_even_from_the_fallbacks() {
    let recipe = r#"sources = [ { kind = "neighbors", artifact = "goes_with" } ]
        filters = [ { kind = "broken" } ]
        fallback = [ { kind = "popular", artifact = "popularity" } ]"#;
    let stages = Stages::default().filter("broken", |_| Ok(Box::new(Broken)));
    let answer = recommender(recipe, &stages).recommend(&Request::new("case").viewing("shortbread")).unwrap();
    let degradation = &answer.slate.degradation;
    assert_eq!((render(&answer).as_str(), degradation.level), ("", DegradationLevel::Empty));
    assert!(degradation.causes.contains(&Cause::StageFailed), "{degradation:?}");
    assert!(degradation.skipped_stages.contains(&"broken".into()), "{degradation:?}");
}
