//! What a request costs is known before it is answered, and bounded; filters are looked up in indexes, which change no
//! answer; and no filter goes on for long after its deadline.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{BooleanArray, Float64Array};
use chrono::{TimeZone as _, Utc};
use larder::artifact::table::text_lists;
use larder::domain::{AttributeValue, Event, EventKind, FilterValue, Request};
use larder::live::Config;
use larder::pipeline::Stages;
use larder::recommender::{Limits, LiveState, RecommendError, Recommender, View};
use larder::snapshot::{
    LoadOptions, MANIFEST, Registry, build_manifest, describe_directory, open_directory, predict_directory,
};
use tempfile::TempDir;

use crate::support::grocer::{array, floats, table, texts};
#[cfg(feature = "server")]
use crate::support::server::Server;

/// Enough that columns get indexes.
const ITEMS: usize = 6000;

const PLACEMENTS: &str = r#"
[placements.home]
page_size = 20
filter   = "in_stock"
sources  = [ { kind = "popular", artifact = "popularity" } ]
fallback = [ { kind = "popular", artifact = "popularity", take = 10 } ]
"#;

fn warehouse() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let id = |item: usize| format!("i{item}");
    let mut random = fastrand::Rng::with_seed(7);
    let tags: Vec<Vec<String>> = (0..ITEMS)
        .map(|_| (0..random.usize(0..6)).map(|_| format!("tag{}", random.usize(0..200))).collect())
        .collect();
    let columns = vec![
        ("item_id", texts((0..ITEMS).map(id))),
        ("price", array(Float64Array::from_iter_values((0..ITEMS).map(|_| random.f64() * 100.0)))),
        ("kind", texts((0..ITEMS).map(|item| ["tea", "jam", "mug"][item % 3]))),
        ("brand", texts((0..ITEMS).map(|item| format!("brand{}", item % 71)))),
        ("tags", array(text_lists(tags.iter().map(|tags| tags.iter().map(String::as_str))))),
        ("in_stock", array(BooleanArray::from_iter((0..ITEMS).map(|item| Some(item % 10 > 0))))),
    ];
    table(dir.path(), "catalog", columns);
    let columns = vec![
        ("item_id", texts((0..ITEMS).map(id))),
        ("score", floats((0..ITEMS).map(|item| (ITEMS - item) as f32))),
    ];
    table(dir.path(), "popularity", columns);
    fs::write(dir.path().join("placements.toml"), PLACEMENTS).unwrap();
    let made = Utc.with_ymd_and_hms(2026, 11, 20, 3, 0, 0).unwrap();
    let artifacts = describe_directory(dir.path()).unwrap();
    let manifest = build_manifest(dir.path(), artifacts, Some(made.timestamp_millis()), made).unwrap();
    fs::write(dir.path().join(MANIFEST), manifest.to_json()).unwrap();
    dir
}

/// A recommender over the warehouse, with events. No placement has a deadline: a busy machine changes no answer.
fn open(filter_index_memory: u64, max_price: u64) -> (Recommender, Arc<LiveState>) {
    let options = LoadOptions { filter_index_memory, ..LoadOptions::default() };
    let snapshot = open_directory(warehouse().path(), "production", &options).unwrap();
    let registry = Arc::new(Registry::default());
    let live = LiveState::new(Arc::clone(&registry), &Config::default());
    let view = live.adopt(&View::prepare(snapshot, &Stages::default()).unwrap());
    registry.publish(Arc::new(view), false);
    let limits = Limits { max_price, result_cache_bytes: 0, ..Limits::default() };
    (Recommender::new(registry, limits), live)
}

fn indexed(max_price: u64) -> Recommender {
    open(64 << 20, max_price).0
}

fn filtered(filter: &str) -> Request {
    Request { filter: Some(filter.to_owned()), ..Request::new("home") }
}

fn price(recommender: &Recommender, requests: &[Request]) -> Result<u64, RecommendError> {
    let prepared = recommender.prepare(requests).unwrap();
    recommender.price(requests, &prepared).map(|price| price.units())
}

/// A filter in which many terms name one long list.
fn dear(terms: usize) -> Request {
    let mut request = filtered(&vec!["price not in $p"; terms].join(" && "));
    let values = (0..1000).map(|at| FilterValue::Number(f64::from(at) + 0.5)).collect();
    request.filter_params.insert("p".to_owned(), FilterValue::List(values));
    request
}

#[test]
fn a_price_is_known_before_the_answer_and_grows_with_what_is_asked() {
    let cheap = indexed(u64::MAX);
    let (plain, _live) = open(0, u64::MAX);
    let base = price(&cheap, &[Request::new("home")]).unwrap();
    for filter in ["price < 50", "kind == 'tea'", "tags in ['tag1', 'tag7']", "in_stock && brand != 'brand3'"]
    {
        let request = [filtered(filter)];
        let (looked_up, scanned) = (price(&cheap, &request).unwrap(), price(&plain, &request).unwrap());
        assert!(base < looked_up && looked_up < scanned, "{filter}: {base} {looked_up} {scanned}");
    }
    let most = price(&plain, &[dear(64)]).unwrap();
    assert!(most > 64 * ITEMS as u64, "{most}");
    assert_eq!(
        price(&plain, &vec![filtered("price < 50"); 20]).unwrap(),
        20 * { price(&plain, &[filtered("price < 50")]).unwrap() }
    );
    let named = Request { candidate_item_ids: vec!["i5".to_owned(); 10], ..dear(64) };
    assert!(price(&plain, &[named]).unwrap() < most / 4, "only those that are named are looked at");
    let told = Request { item_fields: vec!["*".to_owned()], ..Request::new("home") };
    assert!(price(&cheap, &[told]).unwrap() > base);
    let wrong = [filtered("no such column"), Request::new("nowhere")];
    assert_eq!(price(&cheap, &wrong).unwrap(), 0, "what is refused anyway costs nothing");
}

#[test]
fn what_costs_too_much_is_refused_with_its_price_the_limit_and_what_to_do() {
    let (recommender, _live) = open(0, 100_000);
    let Err(RecommendError::Invalid { field, reason }) = recommender.recommend(&dear(64)) else {
        panic!("it was answered")
    };
    let units = price(&open(0, u64::MAX).0, &[dear(64)]).unwrap().to_string();
    assert_eq!(field, "filter");
    for part in [units.as_str(), "100000", "limits.max_price", "fewer terms"] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    assert!(recommender.recommend(&filtered("price < 50")).is_ok());
    let Err(RecommendError::Invalid { field, .. }) = price(&recommender, &vec![filtered("price < 50"); 20])
    else {
        panic!("a page has no limit")
    };
    assert_eq!(field, "slots");
}

#[test]
fn a_filter_that_is_not_done_at_its_deadline_is_given_up() {
    let (recommender, _live) = open(0, u64::MAX);
    let late = Request { budget: Some(Duration::ZERO), ..dear(64) };
    assert_eq!(recommender.recommend(&late).unwrap_err(), RecommendError::DeadlineExceeded);
    let unhurried = recommender.recommend(&dear(64)).unwrap();
    assert_eq!(unhurried.slate.items.len(), 20);
    let plain = Request { budget: Some(Duration::ZERO), ..Request::new("home") };
    assert_eq!(
        recommender.recommend(&plain).unwrap().slate.items.len(),
        20,
        "no slate is empty for want of time"
    );
}

#[test]
fn an_index_changes_no_answer_also_after_events() {
    let ((indexed, indexed_live), (plain, plain_live)) = (open(64 << 20, u64::MAX), open(0, u64::MAX));
    let filters = [
        "price < 20 || price > 95.5",
        "kind != 'tea' && tags == 'tag9'",
        "tags in ['tag1', 'tag2', 'nothing'] && !(price <= 30)",
        "brand in ['brand3', 'new brand'] && in_stock == false",
        "!(kind == 'mug')",
    ];
    let assert_same = |when: &str| {
        for filter in filters {
            for page_size in [5, 100] {
                let request = filtered(filter).page_size(page_size);
                let slates = [&indexed, &plain].map(|recommender| {
                    let answer = recommender.recommend(&request).unwrap();
                    let ids = answer.slate.items.iter().map(|item| answer.id(item.item).to_owned());
                    (ids.collect::<Vec<_>>(), answer.slate.degradation)
                });
                assert_eq!(slates[0], slates[1], "{when}: {filter}");
            }
        }
    };
    assert_same("before any event");
    let mut random = fastrand::Rng::with_seed(3);
    for batch in 0..4 {
        let change = |at: i64| Event {
            // Some are new.
            item_id: Some(format!("i{}", random.usize(0..ITEMS + 300))),
            attributes: vec![
                ("price".into(), AttributeValue::Float(random.f64() * 100.0)),
                ("brand".into(), AttributeValue::Text(["brand3", "new brand"][random.usize(0..2)].into())),
                ("in_stock".into(), AttributeValue::Bool(random.bool())),
                ("tags".into(), AttributeValue::List(vec![format!("tag{}", random.u8(0..12)).into()])),
            ],
            ..Event::new(EventKind::ItemListed, 1_796_000_000_000 + batch * 10_000 + at)
        };
        let events: Vec<Event> = (0..700).map(change).collect();
        for live in [&indexed_live, &plain_live] {
            live.apply(&events);
            assert!(live.publish().is_some());
        }
        assert_same("after events");
    }
}

#[test]
fn what_indexes_take_is_predicted_and_bounded() {
    let dir = warehouse();
    let resident = |filter_index_memory| {
        let options = LoadOptions { filter_index_memory, ..LoadOptions::default() };
        let snapshot = open_directory(dir.path(), "production", &options).unwrap();
        let found = snapshot.artifact("catalog").unwrap().resident_bytes() as u64;
        let (manifest, predicted) = predict_directory(dir.path(), "production", &options).unwrap();
        let at = manifest.artifacts.iter().position(|entry| entry.name == "catalog").unwrap();
        let said = predicted[at].resident;
        assert!(found.abs_diff(said) <= found / 10 + 4096, "{found} bytes, predicted were {said}");
        found
    };
    let (none, all) = (resident(0), resident(64 << 20));
    assert!(all > none + 6000 * 8);
    let some = resident(40_000);
    assert!(none < some && some <= none + 40_000, "{none} {some} {all}");
}

#[cfg(feature = "server")]
#[test]
fn a_dear_request_is_the_callers_mistake_on_the_wire_and_a_field_is_told_once() {
    let server = Server::start(indexed(500_000));
    let path = "/v1/placements/home:recommend";
    let body = |fields: &[&str]| serde_json::json!({ "itemFields": fields, "pageSize": 3 }).to_string();
    let items = |fields: &[&str]| server.post(path, body(fields)).json()["items"].clone();
    assert_eq!(items(&["kind"; 100]), items(&["kind"]));
    assert_eq!(items(&["kind", "price", "kind"]), items(&["kind", "price"]));
    let repeated = format!("/v1/placements/home/recommendations?n=3&fields={}", ["kind"; 50].join(","));
    let etag = |path: &str| server.get(path).header("etag").map(str::to_owned);
    assert!(etag(&repeated).is_some());
    assert_eq!(etag(&repeated), etag("/v1/placements/home/recommendations?n=3&fields=kind"));

    let dear = serde_json::json!({
        "filter": vec!["tags not in $t"; 64].join(" && "),
        "filterParams": { "t": (0..200).map(|at| format!("tag{at}")).collect::<Vec<_>>() },
    });
    let detail = server.post(path, dear.to_string()).problem(400, "filter");
    assert!(detail.contains("limits.max_price") && detail.contains("500000"), "{detail}");
    let slots: Vec<_> = (0..20)
        .map(|at| {
            let mut slot = dear.clone();
            slot["slotId"] = format!("s{at}").into();
            slot["placement"] = "home".into();
            slot["filter"] = ["tags not in $t"; 6].join(" && ").into();
            slot
        })
        .collect();
    let page = serde_json::json!({ "slots": slots }).to_string();
    assert!(server.post("/v1/recommendations:batch", page).problem(400, "slots").contains("max_price"));
}
