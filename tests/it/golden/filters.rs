//! What must not be shown: expressions over the catalogue, and what the subject has in front of them or had before.

use larder::domain::SeedRole;

cases! {
    what_was_shown_again_and_again_makes_room {
        recipe: r#"sources = [ { kind = "popular", artifact = "popularity", take = 3 } ]
            exclude = ["shown"]"#,
        events: || {
            let mut events: Vec<_> = [9, 6, 3].map(|ago| super::did("impression", "milk", "eve", ago)).into();
            // This one was looked at, and that one shown twice within a minute.
            events.extend([9, 6, 3].map(|ago| super::did("impression", "sugar", "eve", ago)));
            events.push(super::did("view", "sugar", "eve", 5));
            events.extend([9, 3].map(|ago| super::did("impression", "earl-grey", "eve", ago)));
            events
        },
        ask: |request| request.user("eve"),
        answer: "popular: earl-grey sugar espresso",
        decides: &["exclude"],
    }
    what_was_bought_a_moment_ago_is_not_recommended {
        recipe: r#"sources = [ { kind = "popular", artifact = "popularity", take = 3 } ]
            history = "bought"
            exclude = ["purchased"]"#,
        events: || vec![super::did("purchase", "milk", "eve", 0)],
        ask: |request| request.user("eve"),
        answer: "popular: earl-grey sugar espresso",
        decides: &["exclude"],
    }
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
