//! While anything may be shown, a slate is neither empty nor short, whatever the recipe and its fallbacks know.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, TimestampMillisecondArray};
use larder::domain::{Cause, DegradationLevel, Request};
use larder::feature::Value;
use larder::pipeline::Stages;
use larder::recommender::{Limits, Recommendation, Recommender};
use larder::snapshot::{LoadOptions, MANIFEST, open_directory};
use tempfile::TempDir;

use crate::support::grocer::{self, array, texts};

const DAY_MS: i64 = 86_400_000;

/// The grocer's shop with twelve items more that no artifact knows: `new-0`, the newest, to `new-11`. The last two are
/// not in stock.
fn shop_with_news() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    grocer::stock(dir.path(), 1);
    let old: Vec<String> = grocer::items().map(str::to_owned).collect();
    let ids: Vec<String> = old.iter().cloned().chain((0..12).map(|news| format!("new-{news}"))).collect();
    let is_new = |at: usize| at >= old.len();
    let date = |at: usize| if is_new(at) { 40 - (at - old.len()) as i64 } else { 1 } * DAY_MS;
    let in_stock = |at: usize| at < old.len() + 10;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("item_id", texts(&ids)),
        ("category", texts((0..ids.len()).map(|at| if is_new(at) { "news" } else { "tea" }))),
        ("price", array(Float64Array::from_iter_values((0..ids.len()).map(|at| at as f64)))),
        ("in_stock", array(BooleanArray::from_iter((0..ids.len()).map(|at| Some(in_stock(at)))))),
        ("available_from", array(TimestampMillisecondArray::from_iter_values((0..ids.len()).map(date)))),
    ];
    grocer::table(dir.path(), "catalog", columns);
    let recipes = grocer::PLACEMENTS
        .replace("[placements.\"home.for_you\"]", "[placements.\"home.for_you\"]\nfilter = \"in_stock\"");
    fs::write(dir.path().join("placements.toml"), recipes).unwrap();
    let mut manifest = grocer::seal(dir.path(), 1);
    manifest.golden.clear();
    fs::write(dir.path().join(MANIFEST), manifest.to_json()).unwrap();
    dir
}

fn shown(answer: &Recommendation) -> Vec<&str> {
    answer.slate.items.iter().map(|item| answer.id(item.item)).collect()
}

#[test]
fn ten_candidates_that_no_artifact_knows_are_ten_items_newest_first() {
    let recommender = Recommender::open(shop_with_news().path()).unwrap();
    let mut request = Request::new("home.for_you").user("ada").page_size(10);
    request.candidate_item_ids = (0..12).rev().map(|news| format!("new-{news}")).collect();
    let answer = recommender.recommend(&request).unwrap();
    assert_eq!(shown(&answer), (0..10).map(|news| format!("new-{news}")).collect::<Vec<_>>());
    assert!(answer.slate.items.iter().all(|item| &*item.source == "fallback.catalog_order"));
    let degradation = &answer.slate.degradation;
    assert_eq!(degradation.level, DegradationLevel::Fallback);
    assert!(degradation.causes.contains(&Cause::CatalogOrder), "{degradation:?}");
    assert!(!answer.slate.more, "the two that are sold out are not shown");
}

#[test]
fn pages_go_on_into_the_last_fallback_and_end_with_what_may_be_shown() {
    let recommender = Recommender::open(shop_with_news().path()).unwrap();
    let page = |offset, size| {
        let mut request = Request::new("home.for_you").user("ada").page_size(size);
        request.offset = offset;
        recommender.recommend(&request).unwrap()
    };
    let whole = page(0, 100);
    assert_eq!(whole.slate.items.len(), 30 + 10, "all that is in stock");
    assert!(!whole.slate.more);
    let joined: Vec<_> = (0..40).step_by(7).flat_map(|offset| page(offset, 7).slate.items).collect();
    assert_eq!(joined, whole.slate.items);
}

#[test]
fn no_slate_of_the_sample_is_shorter_than_what_may_be_shown() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let snapshot = open_directory(&models, "production", &LoadOptions::default()).unwrap();
    // Without deadlines: a busy machine changes no answer.
    let limits = Limits { placement_deadlines: false, ..Limits::default() };
    let recommender = Recommender::with(snapshot, &Stages::default(), limits).unwrap();
    let view = recommender.served().unwrap();
    let items = view.snapshot.items();
    let mut random = fastrand::Rng::with_seed(14);
    let mut last = 0;
    for _ in 0..300 {
        for placement in view.placements.keys() {
            let candidates: Vec<u32> =
                (0..random.usize(1..30)).map(|_| random.u32(0..items.len() as u32)).collect();
            let mut request = Request::new(placement).user("U00042");
            request.candidate_item_ids = candidates.iter().map(|item| items.text(*item).to_owned()).collect();
            let answer = recommender.recommend(&request).unwrap();
            let in_stock =
                |item: &u32| view.snapshot.catalog().value("in_stock", *item as usize) == Value::Bool(true);
            // What the user had is shown again before a slate stays short.
            let allowed: BTreeSet<u32> = candidates.into_iter().filter(in_stock).collect();
            assert_eq!(answer.slate.items.len(), allowed.len().min(12), "{request:?}");
            last += usize::from(answer.slate.degradation.causes.contains(&Cause::CatalogOrder));
        }
    }
    assert!(last > 20, "{last} slates needed the last fallback: too few to say anything");
}
