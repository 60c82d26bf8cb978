//! What a request says of its items changes what the sample's recipes answer, and only then.

use std::path::Path;

use larder::domain::{Request, Seed, SeedRole, Warning};
use larder::pipeline::Stages;
use larder::recommender::{Limits, Recommendation, Recommender};
use larder::snapshot::{LoadOptions, open_directory};

/// The sample without deadlines: on a busy machine they would change answers between two askings.
fn sample() -> Recommender {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let snapshot = open_directory(&models, "production", &LoadOptions::default()).unwrap();
    let limits = Limits { placement_deadlines: false, ..Limits::default() };
    Recommender::with(snapshot, &Stages::default(), limits).unwrap()
}

fn cart(seeds: [(&str, SeedRole, f32); 2]) -> Request {
    let mut request = Request::new("cart.complements");
    request.seeds =
        seeds.map(|(id, role, weight)| Seed { item_id: id.to_owned(), role, weight }).into_iter().collect();
    request
}

fn shown(answer: &Recommendation) -> Vec<&str> {
    answer.slate.items.iter().map(|item| answer.id(item.item)).collect()
}

#[test]
fn weights_and_roles_decide_which_item_of_a_cart_is_complemented() {
    let recommender = sample();
    let ask = |seeds| recommender.recommend(&cart(seeds)).unwrap();
    let (first, second) = ("P00042", "P01200");
    use SeedRole::{InCart, Purchased, Viewing};
    let plain = ask([(first, InCart, 1.0), (second, InCart, 1.0)]);
    let heavy_first = ask([(first, InCart, 1000.0), (second, InCart, 0.001)]);
    let heavy_second = ask([(first, InCart, 0.001), (second, InCart, 1000.0)]);
    assert_ne!(shown(&heavy_first), shown(&heavy_second));
    assert_ne!(shown(&heavy_first), shown(&plain));
    // Of an item that counts a millionth, hardly anything is left.
    let alone = Request::new("cart.complements").seed(first, InCart);
    let alone = recommender.recommend(&alone).unwrap();
    assert_eq!(shown(&heavy_first)[..3], shown(&alone)[..3]);
    let bought_first = ask([(first, Purchased, 1.0), (second, Viewing, 1.0)]);
    let bought_second = ask([(first, Viewing, 1.0), (second, Purchased, 1.0)]);
    assert_ne!(shown(&bought_first), shown(&bought_second));
    for answer in [plain, heavy_first, bought_first] {
        assert_eq!(answer.slate.warnings, [], "what counts is not warned of");
    }
}

#[test]
fn what_all_items_have_in_common_changes_nothing() {
    let recommender = sample();
    let ask = |role, weight| {
        let answer = recommender.recommend(&cart([("P00042", role, weight), ("P01200", role, weight)]));
        answer.unwrap().slate.items
    };
    let plain = ask(SeedRole::Viewing, 1.0);
    for (role, weight) in [(SeedRole::InCart, 1.0), (SeedRole::Purchased, 1.0), (SeedRole::Viewing, 4.0)] {
        assert_eq!(ask(role, weight), plain, "{role:?} {weight}");
    }
}

#[test]
fn a_placement_that_looks_at_no_item_warns_of_what_it_ignores() {
    let request =
        Request { placement: "category.popular".to_owned(), ..cart([("P00042", SeedRole::InCart, 2.0); 2]) };
    let answer = sample().recommend(&request).unwrap();
    assert_eq!(answer.slate.warnings, [Warning::SeedWeightsIgnored, Warning::SeedRolesIgnored]);
}
