//! How what the sources say becomes one order: the blend's weights and scales, and the re-rankers.

cases! {
    what_both_sources_name_comes_first {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" },
                    { kind = "neighbors", artifact = "goes_with", name = "together" } ]"#,
        ask: |request| request.viewing("earl-grey"),
        answer: "neighbors: assam | together: milk lemon | neighbors: chai sencha | together: teapot | \
                 neighbors: rooibos",
    }
    a_weight_makes_a_source_count_less {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" },
                    { kind = "neighbors", artifact = "goes_with", name = "together" } ]
            scorer = { kind = "blend", weights = { neighbors = 0.2 } }"#,
        ask: |request| request.viewing("earl-grey"),
        answer: "together: milk | neighbors: assam | together: lemon teapot | neighbors: chai sencha rooibos",
        decides: &["scorer"],
    }
    ranks_can_count_instead_of_scores {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" },
                    { kind = "neighbors", artifact = "goes_with", name = "together" } ]
            scorer = { kind = "blend", normalize = "rank" }"#,
        ask: |request| request.viewing("earl-grey"),
        answer: "neighbors: assam | together: milk | neighbors: chai | together: lemon | \
                 neighbors: sencha rooibos | together: teapot",
        decides: &["scorer"],
    }
    scores_can_be_shares_of_their_source {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" },
                    { kind = "neighbors", artifact = "goes_with", name = "together" } ]
            scorer = { kind = "blend", normalize = "sum", weights = { together = 0.9 } }"#,
        ask: |request| request.viewing("espresso"),
        answer: "neighbors: filter-roast decaf | together: sugar milk grinder macaroons",
        decides: &["scorer"],
    }
    scores_can_count_as_they_are {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" },
                    { kind = "neighbors", artifact = "goes_with", name = "together" } ]
            scorer = { kind = "blend", normalize = "none" }"#,
        ask: |request| request.viewing("earl-grey"),
        answer: "together: milk lemon | neighbors: assam | together: teapot | neighbors: chai sencha rooibos",
        decides: &["scorer"],
    }
    a_source_without_weight_adds_candidates_and_nothing_else {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" },
                    { kind = "user_items", artifact = "buy_again" } ]
            scorer = { kind = "blend", weights = { user_items = 0.0 } }"#,
        ask: |request| request.viewing("espresso").user("ben"),
        answer: "neighbors: filter-roast decaf | user_items: espresso sugar",
        decides: &["scorer"],
    }
    no_more_than_so_many_of_a_category_come_before_the_others {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" },
                    { kind = "neighbors", artifact = "goes_with", name = "together" } ]
            page_size = 4
            rerank = [ { kind = "cap", by = "category", max = 1 } ]"#,
        ask: |request| request.viewing("earl-grey"),
        answer: "neighbors: assam | together: milk teapot lemon",
        decides: &["rerank"],
    }
    a_model_orders_what_the_sources_found {
        recipe: r#"sources = [ { kind = "neighbors", artifact = "similar" } ]
            scorer = { kind = "ranker", artifact = "cheap_first" }"#,
        ask: |request| request.viewing("earl-grey"),
        answer: "neighbors: assam sencha chai rooibos",
        decides: &["scorer"],
    }
    equal_scores_are_ordered_as_the_catalogue_is {
        recipe: r#"sources = [
                { kind = "session_knn", artifact = "sessions", idf_weighting = 0.0, k_neighbors = 1 } ]"#,
        ask: |request| request.event("teapot"),
        answer: "session_knn: teapot kettle strainer",
    }
}
