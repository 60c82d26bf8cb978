//! What each source finds, and what its parameters change.

use larder::domain::{Cause, DegradationLevel, Request, Seed, SeedRole};

fn two_teas(request: Request) -> Request {
    request.viewing("earl-grey").viewing("sencha")
}

fn weighed(mut request: Request, item: &str, weight: f32) -> Request {
    request.seeds.push(Seed { item_id: item.to_owned(), role: SeedRole::Viewing, weight });
    request
}

fn tea_and_a_cart(request: Request) -> Request {
    request.viewing("earl-grey").seed("sencha", SeedRole::InCart)
}

fn happened(mut request: Request, item: &str, event: &str) -> Request {
    request = request.event(item);
    request.session_events.last_mut().unwrap().event_type = Some(event.to_owned());
    request
}

cases! {
    what_came_last_comes_first {
        recipe: r#"sources = [ { kind = "arrivals" } ]"#,
        events: || vec![super::arrives("gunpowder", 3), super::arrives("lapsang", 9)],
        answer: "arrivals: gunpowder lapsang",
    }
    of_what_came_that_is_first_which_is_most_like_what_is_looked_at {
        recipe: r#"sources = [ { kind = "arrivals", like = ["category"] } ]"#,
        events: || vec![
            super::arrives("lapsang", 9),
            super::arrives_in("tea", "gunpowder", 7),
            super::arrives_in("coffee", "moka", 5),
            super::arrives_in("tea", "darjeeling", 3),
        ],
        ask: |request| request.viewing("earl-grey"),
        answer: "arrivals: darjeeling gunpowder",
    }
    a_cart_says_more_of_what_is_alike_than_a_view {
        recipe: r#"sources = [ { kind = "arrivals", like = ["category"], decay = 0.0 } ]"#,
        events: || vec![super::arrives_in("tea", "gunpowder", 7), super::arrives_in("coffee", "moka", 5)],
        ask: |request| request.seed("assam", SeedRole::InCart).viewing("espresso"),
        answer: "arrivals: gunpowder moka",
    }
    what_a_session_did_counts_where_the_request_does_not_say_it {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar", from = "session" } ]
            exclude = ["session"]"#,
        events: || vec![super::did_in("s1", "view", "espresso", 3), super::did_in("s1", "view", "earl-grey", 2)],
        ask: |mut request| {
            request.subject.session_id = Some("s1".to_owned());
            request
        },
        answer: "neighbors: assam chai sencha filter-roast decaf rooibos",
    }
    the_item_looked_at_leads_to_its_neighbours {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]"#,
        ask: |request| request.viewing("earl-grey"),
        answer: "neighbors: assam chai sencha rooibos",
    }
    what_two_seeds_have_in_common_comes_forward {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar", decay = 0.0 } ]
            exclude = ["seeds"]"#,
        ask: two_teas,
        answer: "neighbors: assam mint rooibos chai",
    }
    an_older_seed_counts_less {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]
            exclude = ["seeds"]"#,
        ask: two_teas,
        answer: "neighbors: mint rooibos assam chai",
    }
    a_heavier_seed_counts_more {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar", decay = 0.0 } ]
            exclude = ["seeds"]"#,
        ask: |mut request| {
            let seed = |item: &str, weight| Seed { item_id: item.to_owned(), role: SeedRole::InCart, weight };
            request.seeds = vec![seed("earl-grey", 1.0), seed("sencha", 2.0)];
            request
        },
        answer: "neighbors: mint rooibos assam chai",
    }
    a_seed_of_a_session_can_be_heavier_than_its_events {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar", from = "session", decay = 0.0 } ]
            exclude = ["session"]"#,
        ask: |request| weighed(request.event("earl-grey"), "sencha", 2.0),
        answer: "neighbors: mint rooibos assam chai",
    }
    a_seed_of_no_weight_is_not_looked_from {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar", from = "session" } ]"#,
        ask: |request| weighed(request.event("earl-grey"), "sencha", 0.0),
        answer: "neighbors: assam chai sencha rooibos",
    }
    weights_are_relative_to_one_another {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar", decay = 0.0 } ]
            exclude = ["seeds"]"#,
        ask: |request| weighed(weighed(request, "earl-grey", 100.0), "sencha", 200.0),
        answer: "neighbors: mint rooibos assam chai",
    }
    what_is_in_the_cart_counts_twice_what_is_looked_at {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar", decay = 0.0 } ]
            exclude = ["seeds"]"#,
        ask: tea_and_a_cart,
        answer: "neighbors: mint rooibos assam chai",
    }
    a_recipe_can_weigh_roles_otherwise {
        recipe: r#"sources = [
                { kind = "neighbors", artifact = "similar", decay = 0.0, role_weights = { cart = 0.5 } } ]
            exclude = ["seeds"]"#,
        ask: tea_and_a_cart,
        answer: "neighbors: assam chai rooibos mint",
    }
    a_recipe_can_weigh_what_happened_in_a_session {
        recipe: r#"
            exclude = ["session"]
            [[sources]]
            kind = "neighbors"
            artifact = "similar"
            from = "session"
            decay = 0.0
            event_weights = { view = 1.0, add_to_cart = 2.0 }"#,
        ask: |request| happened(happened(request, "earl-grey", "view"), "sencha", "ADD_TO_CART"),
        answer: "neighbors: mint rooibos assam chai",
    }
    without_weights_in_the_recipe_all_that_happened_counts_the_same {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar", from = "session", decay = 0.0 } ]
            exclude = ["session"]"#,
        ask: |request| happened(happened(request, "earl-grey", "view"), "sencha", "add_to_cart"),
        answer: "neighbors: assam mint rooibos chai",
    }
    a_disliked_seed_is_neither_shown_nor_looked_from {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]"#,
        ask: |request| request.viewing("earl-grey").seed("sencha", SeedRole::Disliked),
        answer: "neighbors: assam chai rooibos",
    }
    a_disliked_item_of_the_session_is_not_looked_from_either {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar", from = "session" } ]"#,
        ask: |request| request.event("earl-grey").event("sencha").seed("sencha", SeedRole::Disliked),
        answer: "neighbors: assam chai rooibos",
    }
    only_so_many_seeds_and_neighbours_are_used {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar", max_seeds = 1, per_seed = 2 } ]"#,
        ask: two_teas,
        answer: "neighbors: mint rooibos",
    }
    only_so_many_items_are_taken {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar", take = 3 } ]"#,
        ask: |request| request.viewing("earl-grey"),
        answer: "neighbors: assam chai sencha",
    }
    without_a_seed_the_newest_item_of_the_session_is_looked_from {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]"#,
        ask: |request| request.event("espresso").event("sencha"),
        answer: "neighbors: mint rooibos earl-grey",
    }
    a_whole_session_can_be_looked_from {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar", from = "session" } ]"#,
        ask: |request| request.event("espresso").event("earl-grey"),
        answer: "neighbors: assam chai sencha filter-roast decaf rooibos",
    }
    a_users_history_can_be_looked_from {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "goes_with", from = "history" } ]
            history = "bought""#,
        ask: |request| request.user("ada"),
        answer: "neighbors: milk lemon assam teapot earl-grey honey",
    }
    similar_visits_say_what_comes_next {
        recipe: r#"sources = [ { kind = "session_knn", artifact = "sessions" } ]
            exclude = ["current"]"#,
        ask: |request| request.event("earl-grey"),
        answer: "session_knn: shortbread honey marmalade milk lemon",
    }
    only_the_most_recent_visits_are_looked_at {
        recipe: r#"sources = [ { kind = "session_knn", artifact = "sessions", m_most_recent_sessions = 1 } ]
            exclude = ["current"]"#,
        ask: |request| request.event("earl-grey"),
        answer: "session_knn: marmalade shortbread",
    }
    rarity_need_not_count {
        recipe: r#"sources = [
                { kind = "session_knn", artifact = "sessions", m_most_recent_sessions = 1, idf_weighting = 0.0 } ]
            exclude = ["current"]"#,
        ask: |request| request.event("earl-grey"),
        answer: "session_knn: shortbread marmalade",
    }
    only_the_most_similar_visits_speak {
        recipe: r#"sources = [ { kind = "session_knn", artifact = "sessions", k_neighbors = 2 } ]
            exclude = ["session"]"#,
        ask: |request| request.event("shortbread").event("earl-grey"),
        answer: "session_knn: marmalade milk",
    }
    visits_that_share_the_heavier_item_are_more_similar {
        recipe: r#"sources = [ { kind = "session_knn", artifact = "sessions", k_neighbors = 1 } ]"#,
        ask: |request| weighed(request, "espresso", 4.0).viewing("kettle"),
        answer: "session_knn: espresso macaroons sugar",
    }
    of_equal_weight_visits_that_share_the_newer_item_are_more_similar {
        recipe: r#"sources = [ { kind = "session_knn", artifact = "sessions", k_neighbors = 1 } ]"#,
        ask: |request| request.viewing("espresso").viewing("kettle"),
        answer: "session_knn: teapot kettle strainer",
    }
    a_known_user_has_a_vector {
        recipe: r#"sources = [ { kind = "vectors", artifact = "item_vectors", users = "user_vectors", take = 5 } ]"#,
        ask: |request| request.user("ada").event("espresso"),
        answer: "vectors: earl-grey assam chai teapot honey",
    }
    an_unknown_user_gets_one_from_the_session {
        recipe: r#"sources = [ { kind = "vectors", artifact = "item_vectors", users = "user_vectors", take = 3 } ]"#,
        ask: |request| request.user("eve").event("espresso"),
        answer: "vectors: espresso filter-roast grinder",
    }
    a_known_user_can_be_folded_in_too {
        recipe: r#"sources = [
                { kind = "vectors", artifact = "item_vectors", users = "user_vectors", fold_in = "always",
                  take = 3 } ]"#,
        ask: |request| request.user("ada").event("honey"),
        answer: "vectors: honey macaroons chai",
    }
    a_heavier_item_pulls_the_vector_to_itself {
        recipe: r#"sources = [ { kind = "vectors", artifact = "item_vectors", take = 2 } ]"#,
        ask: |request| weighed(request, "espresso", 9.0).viewing("honey"),
        answer: "vectors: espresso filter-roast",
    }
    of_equal_weight_items_both_pull_the_vector {
        recipe: r#"sources = [ { kind = "vectors", artifact = "item_vectors", take = 2 } ]"#,
        ask: |request| request.viewing("espresso").viewing("honey"),
        answer: "vectors: macaroons honey",
    }
    a_user_has_a_list {
        recipe: r#"sources = [ { kind = "user_items", artifact = "buy_again" } ]"#,
        ask: |request| request.user("ada"),
        answer: "user_items: milk earl-grey",
    }
    a_user_without_a_list_gets_none {
        recipe: r#"sources = [ { kind = "user_items", artifact = "buy_again" } ]
            page_size = 3"#,
        ask: |request| request.user("eve"),
        answer: "fallback.catalog_order: earl-grey assam sencha",
        degraded: (DegradationLevel::Fallback, &[Cause::UnknownUser, Cause::CatalogOrder]),
    }
    the_whole_shop_has_best_sellers {
        recipe: r#"sources = [ { kind = "popular", artifact = "popularity", take = 3 } ]"#,
        answer: "popular: milk earl-grey sugar",
    }
    the_category_of_the_item_looked_at_has_best_sellers {
        recipe: r#"sources = [ { kind = "popular", artifact = "popularity", segment = "category" } ]"#,
        ask: |request| request.viewing("decaf"),
        answer: "popular: espresso filter-roast decaf instant",
    }
    the_category_of_the_page_goes_before_that_of_the_item {
        recipe: r#"sources = [ { kind = "popular", artifact = "popularity", segment = "category" } ]"#,
        ask: |mut request| {
            request.context.attributes.insert("category".to_owned(), "spreads".to_owned());
            request.viewing("decaf")
        },
        answer: "popular: honey lemon-curd marmalade jam",
    }
    a_country_has_best_sellers {
        recipe: r#"sources = [ { kind = "popular", artifact = "popularity", segment = "country" } ]"#,
        ask: |mut request| {
            request.context.country = Some("DE".to_owned());
            request
        },
        answer: "popular: filter-roast stollen jam",
    }
    any_attribute_of_the_context_can_be_a_segment {
        recipe: r#"sources = [ { kind = "popular", artifact = "popularity", segment = "season" } ]"#,
        ask: |mut request| {
            request.context.attributes.insert("season".to_owned(), "winter".to_owned());
            request
        },
        answer: "popular: chai stollen blue-mug",
    }
}
