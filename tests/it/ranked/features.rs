//! Each family of features decides an order that can be worked out by hand; names and types that do not fit are
//! refused.

use super::*;

/// Without a ranker: assam milk lemon chai sencha teapot.
/// Prices: assam 2, sencha 3, chai 5, rooibos 6, teapot 13, milk 27, lemon 30.
#[test]
fn catalogue_columns_are_features() {
    assert_eq!(
        ask(&Shop::linear(r#"{"item.price": -1}"#).open(), &ranked()),
        "assam sencha chai rooibos teapot milk"
    );
    let stocked = Shop::linear(r#"{"item.in_stock": -100, "item.price": 1}"#).open();
    assert_eq!(ask(&stocked, &ranked()), "rooibos lemon milk teapot chai sencha");
}

#[test]
fn columns_of_item_features_are_features_and_items_without_a_row_have_none() {
    let shop = Shop::linear(r#"{"item.margin": 1, "item.price": 0.001}"#);
    let margins =
        vec![("item_id", texts(["chai", "milk", "lemon"])), ("margin", floats([0.5, 0.9, f32::NAN]))];
    table(shop.path(), "margins", margins);
    let recommender = shop.open();
    assert_eq!(ask(&recommender, &ranked()), "milk chai lemon teapot rooibos sencha");
    let kinds = recommender.served().unwrap().snapshot.artifact("margins").map(|artifact| artifact.kind());
    assert_eq!(kinds, Some("item_features"));
}

#[test]
fn the_seeds_own_values_are_features() {
    // Earl Grey costs 1, espresso 7: what costs the least for its seed.
    let shop = Shop::linear(r#"{"seed.price_ratio": -1, "seed.same_category": 100}"#);
    let recommender = shop.open();
    assert_eq!(ask(&recommender, &ranked()), "assam sencha chai rooibos teapot milk");
    let espresso = recommender.recommend(&Request::new("ranked").viewing("espresso")).unwrap();
    assert_eq!(shown(&espresso), "filter-roast decaf grinder macaroons milk sugar");
    assert_eq!(espresso.slate.items[0].score, 100.0 - 8.0 / 7.0);
    let shop = Shop::linear(r#"{"seed.price": 1, "item.price": 0.5}"#);
    let answer = shop.open().recommend(&Request::new("ranked").viewing("espresso")).unwrap();
    assert_eq!(answer.slate.items[0].score, 7.0 + 0.5 * 29.0, "sugar costs 29");
}

#[test]
fn what_the_sources_said_is_a_feature() {
    let both = |weights: &str| ask(&Shop::linear(weights).open(), &ranked());
    assert_eq!(both(r#"{"source.together.score": -1}"#), "sencha chai rooibos teapot assam lemon");
    assert_eq!(both(r#"{"source.neighbors.rank": 1}"#), "rooibos sencha chai assam teapot milk");
    assert_eq!(
        both(r#"{"candidate.sources": 1, "item.price": 0.01}"#),
        "assam lemon milk teapot rooibos chai"
    );
    assert_eq!(both(r#"{"candidate.rank": 1}"#), "teapot lemon milk rooibos sencha chai");
}

#[test]
fn the_request_is_a_feature() {
    let shop = Shop::linear(r#"{"context.hour": 1, "context.day_of_week": 10, "context.basket": 100}"#);
    let mut request = ranked();
    for (name, value) in [("hour", "9"), ("day_of_week", "2"), ("basket", "3")] {
        request.context.attributes.insert(name.to_owned(), value.to_owned());
    }
    let recommender = shop.open();
    assert_eq!(recommender.recommend(&request).unwrap().slate.items[0].score, 329.0);
    request.context.attributes.insert("basket".to_owned(), "many".to_owned());
    assert_eq!(recommender.recommend(&request).unwrap().slate.items[0].score, 29.0, "no number: missing");
    request.context.attributes.clear();
    let now = recommender.recommend(&request).unwrap().slate.items[0].score;
    assert!((0.0..=83.0).contains(&now) && now.fract() == 0.0, "the clock's hour and day: {now}");
}

#[test]
fn texts_become_the_codes_that_the_parameters_say() {
    let shop = Shop::new(
        "judge.json",
        r#"{"weights": [-1.0, 10.0, 100.0]}"#,
        r#"[judge]
           format = "linear"
           inputs = ["item.category", "context.country", "seed.category"]
           [judge.categories]
           "item.category" = ["staples", "tea"]
           "context.country" = ["DE", "GB"]
           "seed.category" = ["coffee", "tea"]"#,
    );
    let recommender = shop.open();
    let mut request = ranked();
    request.context.country = Some("GB".to_owned());
    let answer = recommender.recommend(&request).unwrap();
    // Staples are 0, ware is nothing, tea is 1; Great Britain is 1, and so is the seed.
    assert_eq!(shown(&answer), "teapot milk lemon assam sencha chai");
    assert_eq!((answer.slate.items[0].score, answer.slate.items[3].score), (110.0, 109.0));
    request.context.country = Some("FR".to_owned());
    assert_eq!(recommender.recommend(&request).unwrap().slate.items[0].score, 100.0);
}

#[test]
fn retrieval_can_be_added_to_the_prediction() {
    let shop = Shop::linear(r#"{"item.price": -0.01}"#);
    shop.recipe(r#"scorer = { kind = "ranker", artifact = "judge", retrieval = 1.0 }"#);
    // The blend gives assam 1 + 7/9, milk 1, lemon 8/9.
    let answer = shop.open().recommend(&ranked()).unwrap();
    assert_eq!(shown(&answer), "assam milk chai lemon sencha teapot");
    assert!((answer.slate.items[1].score - (1.0 - 0.27)).abs() < 1e-6);
}

#[test]
fn a_ranker_works_with_filters_and_rerankers() {
    let shop = Shop::linear(r#"{"item.price": -1}"#);
    shop.recipe(
        r#"scorer = { kind = "ranker", artifact = "judge" }
           filter = "in_stock && price > 2"
           rerank = [ { kind = "cap", by = "category", max = 1 } ]"#,
    );
    // The sources have five in stock; mint is the first of the catalogue that is left.
    assert_eq!(ask(&shop.open(), &ranked()), "sencha teapot milk chai lemon mint");
}

#[test]
fn a_ranker_that_the_time_is_up_for_leaves_the_order_to_the_sources() {
    let shop = Shop::linear(r#"{"item.price": -1}"#);
    shop.recipe("max_latency_ms = 1000\nscorer = { kind = \"ranker\", artifact = \"judge\" }");
    let recommender = shop.open();
    // The sources are skipped too, so there is nothing left to order; but the ranker says that it was skipped.
    let request = Request { budget: Some(Duration::ZERO), ..ranked() };
    let answer = recommender.recommend(&request).unwrap();
    let degradation = &answer.slate.degradation;
    assert!(degradation.skipped_stages.iter().any(|stage| &**stage == "ranker"), "{degradation:?}");
    assert!(degradation.causes.contains(&Cause::Deadline));
}

#[test]
fn a_feature_that_does_not_exist_refuses_the_snapshot_with_the_nearest_name() {
    let says = |weights: &str, words: &[&str]| {
        let message = Shop::linear(weights).refusal();
        let place = ["placements.toml, line", "\"ranked\"", "ranker", "artifact \"judge\", input 1"];
        for word in place.iter().chain(words) {
            assert!(message.contains(word), "no {word:?} in: {message}");
        }
    };
    says(r#"{"item.prise": 1}"#, &["item.prise", "did you mean \"item.price\"?"]);
    says(r#"{"price": 1}"#, &["is not the name of a feature", "did you mean \"item.price\"?"]);
    says(r#"{"sources.together.score": 1}"#, &["did you mean \"source.together.score\"?"]);
    says(r#"{"source.togeter.rank": 1}"#, &["did you mean \"source.together.rank\"?", "neighbors, together"]);
    says(r#"{"seed.same_categori": 1}"#, &["did you mean \"seed.same_category\"?"]);
    says(r#"{"user.age": 1}"#, &["is in no user_features artifact"]);
    says(r#"{"candidate.age": 1}"#, &["did you mean \"candidate.rank\"?"]);
}

#[test]
fn a_feature_of_the_wrong_type_refuses_the_snapshot() {
    assert!(
        Shop::linear(r#"{"item.category": 1}"#).refusal().contains("is text, and the ranker takes a number")
    );
    assert!(Shop::linear(r#"{"seed.title_ratio": 1}"#).refusal().contains("the ratio of two texts"));
    let shop = Shop::linear(r#"{"item.price": 1}"#);
    let prices = vec![("item_id", texts(["milk"])), ("price", floats([1.0]))];
    table(shop.path(), "prices", prices);
    assert!(shop.refusal().contains("is in the catalogue and in \"prices\""), "{}", shop.refusal());
    let codes = |list: &str| {
        let params = format!("[judge]\n[judge.categories]\n\"item.price\" = {list}");
        Shop::new("judge.json", r#"{"weights": {"item.price": 1}}"#, &params)
    };
    assert!(
        codes(r#"["cheap", "dear"]"#)
            .refusal()
            .contains("is a number, and the ranker's categories are texts")
    );
    assert!(ask(&codes("[27, 2]").open(), &ranked()).starts_with("assam"), "the code of 2 is 1");
}

#[test]
fn bad_parameters_of_a_ranker_refuse_the_snapshot() {
    let says = |params: &str, words: &[&str]| {
        let shop = Shop::new("judge.json", r#"{"weights": [1, 2]}"#, &format!("[judge]\n{params}"));
        let message = shop.refusal();
        for word in ["artifact \"judge\""].iter().chain(words) {
            assert!(message.contains(word), "no {word:?} in: {message}");
        }
    };
    says("", &["does not name input 1", "each of the 2 inputs in params.inputs"]);
    says("inputs = [\"item.price\"]", &["names 1 features, the model has 2 inputs"]);
    says("inputs = 3", &["no list of feature names"]);
    says("format = \"lightgmb\"", &["params.format is \"lightgmb\"", "did you mean \"lightgbm\"?"]);
    let inputs = "inputs = [\"item.price\", \"item.category\"]";
    says(&format!("{inputs}\noutput = 1"), &["params.output is 1"]);
    says(
        &format!("{inputs}\n[judge.categories]\n\"item.categori\" = [1]"),
        &["did you mean \"item.category\"?"],
    );
    says(&format!("{inputs}\n[judge.categories]\n\"item.category\" = [[1]]"), &["no list of texts"]);
    let broken = Shop::new("judge.json", r#"{"weights": {}}"#, "[judge]\nformat = \"linear\"").refusal();
    assert!(broken.contains("artifact \"judge\": weights: there are none"), "{broken}");
}

#[test]
fn a_recipe_that_takes_another_artifact_for_a_ranker_is_refused() {
    let shop = Shop::linear(r#"{"item.price": 1}"#);
    shop.recipe(r#"scorer = { kind = "ranker", artifact = "similar" }"#);
    assert!(shop.refusal().contains("\"similar\" is of kind item_neighbors, expected ranker"));
    shop.recipe(r#"scorer = { kind = "ranker", artifact = "juge" }"#);
    assert!(shop.refusal().contains("did you mean \"judge\"?"));
}

/// A user's taste and an item's category are categories to it, with the codes that it carries along itself.
const TREES: &str = "tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=3
objective=lambdarank
feature_names=user.taste item.price item.category context.hour
feature_infos=0:1:2 [1:30] 0:1 [0:23]

Tree=0
num_leaves=4
num_cat=2
split_feature=0 1 2
threshold=0 4 1
decision_type=1 10 1
left_child=1 -1 -3
right_child=2 -2 -4
leaf_value=2 0 3 1
cat_boundaries=0 1 2
cat_threshold=1 2
shrinkage=1

Tree=1
num_leaves=3
num_cat=0
split_feature=3 1
threshold=11.5 10
decision_type=10 10
left_child=-1 -2
right_child=1 -3
leaf_value=0 -5 5
shrinkage=1


end of trees

pandas_categorical:[[\"tea\", \"coffee\", \"cocoa\"], [\"tea\", \"staples\"]]
";

#[test]
fn trees_weigh_the_user_the_item_and_the_hour_together() {
    let shop = Shop::new("judge.txt", TREES, "");
    let users = [("ada", "tea"), ("ben", "coffee"), ("cyd", "wine")];
    let columns = vec![
        ("user_id", texts(users.map(|(user, _)| user))),
        ("taste", texts(users.map(|(_, taste)| taste))),
    ];
    table(shop.path(), "habits", columns);
    let recommender = shop.open();
    let at = |hour: &str, user: &str| {
        let mut request = ranked().user(user);
        request.context.attributes.insert("hour".to_owned(), hour.to_owned());
        ask(&recommender, &request)
    };
    assert_eq!(at("9", "ada"), "assam sencha chai rooibos teapot milk", "who likes tea: the cheap first");
    assert_eq!(at("9", "ben"), "milk lemon assam sencha chai rooibos", "who does not: staples first");
    assert_eq!(at("20", "ada"), "teapot milk lemon assam sencha chai", "in the evening: the dear first");
    for unknown in ["cyd", "nobody"] {
        assert_eq!(at("9", unknown), at("9", "ben"), "a taste that the model does not know is none");
    }
}

#[test]
fn a_category_that_the_catalogue_has_no_text_for_refuses_the_snapshot() {
    let trees = TREES.replace("item.category", "item.in_stock");
    let shop = Shop::new("judge.txt", &trees, "");
    table(shop.path(), "habits", vec![("user_id", texts(["ada"])), ("taste", texts(["tea"]))]);
    let message = shop.refusal();
    assert!(message.contains("input 3 (item.in_stock): is a number"), "{message}");
    let trees = TREES.split("pandas_categorical").next().unwrap();
    let shop = Shop::new("judge.txt", trees, "");
    table(shop.path(), "habits", vec![("user_id", texts(["ada"])), ("taste", texts(["tea"]))]);
    let message = shop.refusal();
    assert!(
        message.contains("input 1 (user.taste): is text, and the model does not say its codes"),
        "{message}"
    );
}
