//! What must not be shown: expressions over the catalogue, and what the subject has in front of them or had before.

use larder::domain::SeedRole;

cases! {
    an_expression_keeps_what_it_holds_for {
        recipe: r#"sources = [ { kind = "popular", artifact = "popularity", take = 3 } ]
            filter = 'category == "tea" && price > 1.0'"#,
        answer: "popular: assam sencha mint",
        decides: &["filter"],
    }
    what_is_sold_out_is_not_shown {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]
            filter = "in_stock""#,
        ask: |request| request.viewing("sencha"),
        answer: "neighbors: mint earl-grey",
        decides: &["filter"],
    }
    further_filters_narrow_what_the_first_left {
        recipe: r#"sources = [ { kind = "popular", artifact = "popularity" } ]
            filter = 'category in ["tea", "coffee"]'
            filters = [ { kind = "attribute", expression = "price > 5.5 && price < 12.0" } ]"#,
        answer: "popular: espresso rooibos filter-roast decaf instant",
        decides: &["filter", "filters"],
    }
    the_item_looked_at_is_not_recommended {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "goes_with", from = "session" } ]
            exclude = ["current"]"#,
        ask: |request| request.event("earl-grey").event("teapot").event("earl-grey"),
        answer: "neighbors: milk lemon assam strainer teapot",
        decides: &["exclude"],
    }
    no_seed_is_recommended {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "goes_with" } ]
            exclude = ["seeds"]"#,
        ask: |request| request.viewing("teapot").viewing("earl-grey"),
        answer: "neighbors: milk lemon assam strainer",
        decides: &["exclude"],
    }
    nothing_of_the_session_is_recommended {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "goes_with", from = "session" } ]
            exclude = ["session"]"#,
        ask: |request| request.event("lemon").event("teapot").event("earl-grey"),
        answer: "neighbors: milk assam strainer",
        decides: &["exclude"],
    }
    what_was_bought_is_not_recommended {
        recipe: r#"sources = [ { kind = "popular", artifact = "popularity", take = 3 } ]
            exclude = ["purchased"]
            history = "bought""#,
        ask: |request| request.user("ada").event("sugar"),
        answer: "popular: sugar espresso digestives",
        decides: &["exclude"],
    }
    what_was_bought_just_now_is_not_recommended {
        recipe: r#"sources = [ { kind = "popular", artifact = "popularity", take = 3 } ]
            exclude = ["purchased"]
            history = "bought""#,
        ask: |request| request.seed("milk", SeedRole::Purchased).seed("sugar", SeedRole::InCart),
        answer: "popular: earl-grey sugar espresso",
        decides: &["exclude"],
    }
    nothing_seen_is_recommended {
        recipe: r#"sources = [ { kind = "popular", artifact = "popularity", take = 3 } ]
            exclude = ["seen"]
            history = "bought""#,
        ask: |request| request.user("ada").event("sugar"),
        answer: "popular: espresso digestives white-mug",
        decides: &["exclude"],
    }
}
