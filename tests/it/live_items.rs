//! What events change is in every answer from its epoch on: filters, properties, candidates, caches, fallbacks; and the
//! same events end in the same state, whatever their order.

use std::path::Path;
use std::sync::Arc;

use larder::domain::{AttributeValue, Event, EventKind, Request, SeedRole};
use larder::feature::Value;
use larder::live::Config;
use larder::pipeline::Stages;
use larder::recommender::{EventOutcome, Limits, LiveState, Recommender, View};
use larder::snapshot::{LoadOptions, MANIFEST, Manifest, Registry, Snapshot, open_directory};

use crate::support::grocer;

mod epochs;

/// A time after everything in the snapshots of these tests.
const NOW: i64 = 1_796_000_000_000;

/// A server's parts without a server.
struct Shop {
    recommender: Recommender,
    registry: Arc<Registry<View>>,
    live: Arc<LiveState>,
}

impl Shop {
    fn new(snapshot: Snapshot, config: &Config) -> Self {
        let registry = Arc::new(Registry::default());
        let live = LiveState::new(Arc::clone(&registry), config);
        // Without deadlines: a busy machine changes no answer.
        let limits = Limits { placement_deadlines: false, ..Limits::default() };
        let shop = Self { recommender: Recommender::new(Arc::clone(&registry), limits), registry, live };
        shop.publish(snapshot);
        shop
    }

    fn grocer() -> Self {
        Self::new(grocer_snapshot(), &Config::default())
    }

    fn sample() -> Self {
        Self::new(sample(), &Config::default())
    }

    fn publish(&self, snapshot: Snapshot) {
        let view = self.live.adopt(&View::prepare(snapshot, &Stages::default()).unwrap());
        self.registry.publish(Arc::new(view), true);
    }

    fn apply(&self, events: &[Event]) -> Vec<EventOutcome> {
        let outcomes = self.live.apply(events);
        self.live.publish();
        outcomes
    }

    fn ask(&self, request: &Request) -> Vec<String> {
        let answer = self.recommender.recommend(request).unwrap();
        answer.slate.items.iter().map(|item| answer.id(item.item).to_owned()).collect()
    }

    fn digest(&self) -> u64 {
        self.live.status().digest
    }
}

fn sample() -> Snapshot {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    open_directory(&models, "production", &LoadOptions::default()).unwrap()
}

fn grocer_snapshot() -> Snapshot {
    let dir = grocer::snapshot(3);
    open_directory(dir.path(), "production", &LoadOptions::default()).unwrap()
}

fn event(kind: EventKind, item: &str, time_ms: i64) -> Event {
    Event { item_id: Some(item.to_owned()), ..Event::new(kind, time_ms) }
}

fn delisted(item: &str, time: i64) -> Event {
    event(EventKind::ItemDelisted, item, NOW + time)
}

fn listed(item: &str, time: i64) -> Event {
    event(EventKind::ItemListed, item, NOW + time)
}

fn changed(item: &str, attribute: &str, value: AttributeValue, time: i64) -> Event {
    let attributes = vec![(attribute.into(), value)];
    Event { attributes, ..event(EventKind::ItemChanged, item, NOW + time) }
}

#[test]
fn what_is_delisted_is_gone_from_every_kind_of_answer_and_comes_back_when_it_is_listed() {
    let shop = Shop::grocer();
    let placements: Vec<String> = shop.registry.current().unwrap().placements.keys().cloned().collect();
    let requests = |name: &str| {
        let plain = Request::new(name).viewing("earl-grey");
        let wanted = Request {
            candidate_item_ids: ["assam", "chai", "milk"].map(str::to_owned).to_vec(),
            ..plain.clone()
        };
        [plain.clone(), plain.clone().user("ada").event("assam"), wanted, plain.page_size(30)]
    };
    for name in &placements {
        for request in requests(name) {
            // Twice, so that the second is out of the cache where there is one.
            for _ in 0..2 {
                assert!(!shop.ask(&request).is_empty(), "{name}");
            }
        }
    }
    shop.apply(&[delisted("assam", 1), delisted("milk", 2)]);
    for name in &placements {
        for request in requests(name) {
            for _ in 0..2 {
                let slate = shop.ask(&request);
                assert!(!slate.iter().any(|id| id == "assam" || id == "milk"), "{name}: {slate:?}");
            }
        }
        let pages = vec![Request::new(name), Request::new(name).viewing("assam")];
        for answer in shop.recommender.recommend_batch(&pages, true) {
            let answer = answer.unwrap();
            let ids: Vec<&str> = answer.slate.items.iter().map(|item| answer.id(item.item)).collect();
            assert!(!ids.contains(&"assam") && !ids.contains(&"milk"));
        }
    }
    let only = Request { candidate_item_ids: vec!["assam".to_owned()], ..Request::new(&placements[0]) };
    assert!(shop.ask(&only).is_empty(), "not even the last fallback shows it");
    shop.apply(&[listed("assam", 3)]);
    assert_eq!(shop.ask(&only), ["assam"]);
}

#[test]
fn a_changed_attribute_counts_in_filters_properties_and_the_requests_own_filter() {
    let shop = Shop::sample();
    let similar = Request::new("pdp.similar").viewing("P00042");
    let before = shop.ask(&similar);
    let first = before[0].clone();
    shop.apply(&[
        changed(&first, "in_stock", AttributeValue::Bool(false), 1),
        changed(&before[1], "price", AttributeValue::Float(0.5), 1),
        changed(&before[2], "brand", AttributeValue::Text("Nobody Knew".into()), 1),
    ]);
    let after = shop.ask(&similar);
    assert!(!after.contains(&first) && after[0] == before[1], "the placement shows only what is in stock");
    let view = shop.registry.current().unwrap();
    let price = |id: &str| view.live.attributes().value("price", view.live.item(id).unwrap().row());
    assert_eq!(price(&before[1]), Value::Float(0.5));
    let filtered = |filter: &str| shop.ask(&Request { filter: Some(filter.to_owned()), ..similar.clone() });
    assert_eq!(filtered("price <= 0.5"), [before[1].clone()]);
    assert_eq!(filtered("brand == \"Nobody Knew\""), [before[2].clone()]);
    assert!(!filtered("in_stock").contains(&first));
    // What was in the cache under this request is not shown again either.
    shop.apply(&[changed(&before[1], "price", AttributeValue::Float(90.0), 2)]);
    assert!(filtered("price <= 0.5").is_empty());
    shop.apply(&[changed(&first, "in_stock", AttributeValue::Bool(true), 2)]);
    assert_eq!(shop.ask(&similar), before, "what comes back is shown again at once, as events are few");
    for time in 0..200 {
        shop.apply(&[changed(
            "P00001",
            "price",
            AttributeValue::Float(f64::from(time)),
            i64::from(time) + 3,
        )]);
    }
    shop.apply(&[changed(&first, "in_stock", AttributeValue::Bool(false), 3)]);
    assert!(!shop.ask(&similar).contains(&first), "what goes is gone at once, also when they are many");
    shop.apply(&[changed(&first, "in_stock", AttributeValue::Bool(true), 4)]);
    assert!(!shop.ask(&similar).contains(&first), "what comes back waits until the kept slate is old");
}

#[test]
fn a_kept_slate_is_not_shown_once_its_items_have_changed_in_what_orders_it() {
    // Two of a category at most; the third of one gives way.
    let kept = Shop::grocer();
    let request = Request::new("pdp.similar").viewing("earl-grey").page_size(3);
    let before = kept.ask(&request);
    let view = kept.registry.current().unwrap();
    let value = view.live.attributes().value("category", view.live.item(&before[0]).unwrap().row());
    let Value::Text(category) = value else { panic!("{value:?}") };
    let category = || AttributeValue::Text(category.into());
    let events =
        [changed(&before[1], "category", category(), 1), changed(&before[2], "category", category(), 1)];
    kept.apply(&events);
    let fresh = Shop::grocer();
    fresh.apply(&events);
    let after = fresh.ask(&request);
    assert_ne!(after, before);
    assert_eq!(kept.ask(&request), after);
}

#[test]
fn an_item_that_the_snapshot_does_not_know_is_a_candidate_a_seed_and_an_exclusion_at_once() {
    let shop = Shop::grocer();
    let attributes = vec![
        ("in_stock".into(), AttributeValue::Bool(true)),
        ("category".into(), AttributeValue::Text("tea".into())),
        ("price".into(), AttributeValue::Float(4.5)),
    ];
    let arrives = Event { attributes, ..listed("darjeeling", 1) };
    assert_eq!(shop.apply(&[arrives]), [EventOutcome::Applied]);
    let name = shop.registry.current().unwrap().placements.keys().next().unwrap().clone();
    let only = |ids: &[&str]| {
        let candidate_item_ids = ids.iter().map(|id| (*id).to_owned()).collect();
        Request { candidate_item_ids, ..Request::new(&name) }
    };
    assert_eq!(shop.ask(&only(&["darjeeling"])), ["darjeeling"]);
    let excluded =
        Request { exclude_item_ids: vec!["darjeeling".to_owned()], ..only(&["darjeeling", "assam"]) };
    assert_eq!(shop.ask(&excluded), ["assam"]);
    for placement in shop.registry.current().unwrap().placements.keys() {
        let seeded = Request::new(placement).seed("darjeeling", SeedRole::Viewing).event("darjeeling");
        let answer = shop.recommender.recommend(&seeded).unwrap();
        assert!(answer.slate.missing_item_ids.is_empty(), "{placement} knows it");
        assert!(!answer.slate.items.is_empty(), "{placement} has something else to show");
    }
    let everything = Request { filter: Some("category == \"tea\"".to_owned()), ..Request::new(&name) };
    assert!(shop.ask(&everything.page_size(30)).contains(&"darjeeling".to_owned()));
    assert_eq!(shop.live.status().arrived, 1);
    // Two events of one batch: the second is about what no epoch knows when it is applied.
    let view = Event {
        session_id: Some("s".to_owned()),
        ..event(EventKind::Interaction("view".into()), "nilgiri", NOW + 2)
    };
    assert_eq!(shop.apply(&[listed("nilgiri", 2), view]), [EventOutcome::Applied, EventOutcome::Applied]);
    shop.apply(&[delisted("darjeeling", 2)]);
    assert!(shop.ask(&only(&["darjeeling"])).is_empty());
}

#[test]
fn arrivals_are_found_newest_first_and_by_category() {
    let dir = grocer::snapshot(3);
    let recipe = r#"
[placements."new"]
page_size = 3
sources = [ { kind = "arrivals" } ]
[placements."new.here"]
page_size = 3
sources = [ { kind = "arrivals", by = "category", take = 2, max_age = "1s" } ]
"#;
    std::fs::write(dir.path().join("placements.toml"), recipe).unwrap();
    let manifest = grocer::seal(dir.path(), 3);
    let manifest = Manifest { golden: Vec::new(), ..manifest };
    std::fs::write(dir.path().join(MANIFEST), manifest.to_json()).unwrap();
    let snapshot = open_directory(dir.path(), "production", &LoadOptions::default()).unwrap();
    let shop = Shop::new(snapshot, &Config::default());
    let tea = || vec![("category".into(), AttributeValue::Text("tea".into()))];
    for (at, id) in ["old-tea", "tea-2", "mug-2", "tea-3", "tea-4"].into_iter().enumerate() {
        let attributes = if id.contains("tea") { tea() } else { Vec::new() };
        shop.apply(&[Event { attributes, ..listed(id, at as i64 * 600) }]);
    }
    let own = |name: &str, request: &dyn Fn(Request) -> Request| -> Vec<String> {
        let answer = shop.recommender.recommend(&request(Request::new(name))).unwrap();
        let own = answer.slate.items.iter().filter(|item| &*item.source == "arrivals");
        own.map(|item| answer.id(item.item).to_owned()).collect()
    };
    assert_eq!(own("new", &|request| request), ["tea-4", "tea-3", "mug-2"]);
    assert_eq!(own("new.here", &|request| request.viewing("assam")), ["tea-4", "tea-3"]);
    assert_eq!(own("new.here", &|request| request.viewing("tea-3")), ["tea-4", "tea-3"]);
    assert!(own("new.here", &|request| request).is_empty(), "there is no category to be of");
    shop.apply(&[delisted("tea-4", 9000)]);
    assert!(own("new.here", &|request| request.viewing("assam")).is_empty(), "all others came too long ago");
    assert_eq!(own("new", &|request| request), ["tea-3", "mug-2", "tea-2"]);
}

#[test]
fn what_has_no_room_is_told_and_hides_nothing() {
    let few = Config { reserve_items: 2, ..Config::default() };
    let shop = Shop::new(grocer_snapshot(), &few);
    let arrives: Vec<Event> = (0..4).map(|n| listed(&format!("new-{n}"), n)).collect();
    let outcomes = shop.apply(&arrives);
    // The first epoch had room when they were applied; from then on there is none.
    assert!(shop.live.status().arrived == 2 && outcomes.len() == 4);
    assert_eq!(shop.apply(&[listed("new-9", 9)]), [EventOutcome::NoRow]);
    let small = Config { states_memory: 1 << 20, ..Config::default() };
    let shop = Shop::new(grocer_snapshot(), &small);
    let text = AttributeValue::Text("x".repeat(4000).into());
    let outcomes: Vec<EventOutcome> = (0..1000)
        .flat_map(|n| shop.live.apply(&[changed(&format!("item-{n}"), "title", text.clone(), n)]))
        .collect();
    assert!(outcomes.contains(&EventOutcome::Applied) && outcomes.last() == Some(&EventOutcome::NoRoom));
    assert!(shop.live.status().states_bytes <= 1 << 20);
    let wrong = changed("assam", "price", AttributeValue::Text("cheap".into()), 1);
    let attribute = "price".to_owned();
    assert_eq!(shop.live.apply(&[wrong]), [EventOutcome::WrongType { attribute, expected: "float" }]);
}

/// Events about a few items, many of them about the same thing, some at the same moment.
fn random_events(count: usize, random: &mut fastrand::Rng) -> Vec<Event> {
    let ids = ["assam", "milk", "teapot", "honey", "new-1", "new-2"];
    let one = |random: &mut fastrand::Rng| {
        let (item, time) = (ids[random.usize(0..ids.len())], random.i64(0..40));
        match random.usize(0..6) {
            0 => delisted(item, time),
            1 => listed(item, time),
            2 => changed(item, "price", AttributeValue::Float(f64::from(random.u8(1..9))), time),
            3 => changed(item, "in_stock", AttributeValue::Bool(random.bool()), time),
            4 => {
                changed(item, "category", AttributeValue::Text(format!("c{}", random.u8(0..3)).into()), time)
            }
            _ => Event { upsert: true, ..changed(item, "price", AttributeValue::Null, time) },
        }
    };
    (0..count).map(|_| one(random)).collect()
}

#[test]
fn any_order_any_repetition_and_any_overlap_of_the_same_events_ends_in_one_state() {
    let mut random = fastrand::Rng::with_seed(11);
    let events = random_events(300, &mut random);
    let everything = Request { filter: Some("price >= 0 || in_stock".to_owned()), ..Request::new("shop") };
    let mut expected = None;
    for _ in 0..20 {
        let shop = Shop::grocer();
        let name = shop.registry.current().unwrap().placements.keys().next().unwrap().clone();
        let mut order = events.clone();
        random.shuffle(&mut order);
        let repeated: Vec<Event> = order.iter().filter(|_| random.bool()).cloned().collect();
        order.extend(repeated);
        let mut rest = &order[..];
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(random.usize(1..=rest.len()));
            shop.apply(batch);
            rest = later;
        }
        let request = Request { placement: name, ..everything.clone() }.page_size(40);
        let mut shown = shop.ask(&request);
        shown.sort();
        let outcome = (shop.digest(), shown);
        assert_eq!(*expected.get_or_insert_with(|| outcome.clone()), outcome);
    }
    assert_ne!(expected.unwrap().0, 0);
}

#[test]
fn a_swap_and_a_rollback_keep_what_events_have_said_and_epochs_go_only_forward() {
    let mut random = fastrand::Rng::with_seed(5);
    let shop = Shop::grocer();
    let mut epochs = Vec::new();
    let mut applied = Vec::new();
    for round in 0..12 {
        let events = random_events(20, &mut random);
        shop.apply(&events);
        applied.extend(events);
        epochs.push(shop.live.epoch());
        match round % 4 {
            1 => shop.publish(grocer_snapshot()),
            3 => {
                // What was kept is served again, as a rollback does it.
                let previous = shop.registry.previous().unwrap();
                shop.registry.publish(previous, true);
            }
            _ => {}
        }
        epochs.push(shop.live.epoch());
        let fresh = Shop::grocer();
        fresh.apply(&applied);
        assert_eq!(shop.digest(), fresh.digest(), "round {round}");
        for name in fresh.registry.current().unwrap().placements.keys() {
            // Longer than any kept slate.
            let request = Request::new(name).viewing("earl-grey").user("ada").page_size(40);
            assert_eq!(shop.ask(&request), fresh.ask(&request), "round {round}, {name}");
        }
    }
    assert!(epochs.is_sorted(), "{epochs:?}");
}

#[test]
fn events_that_the_catalogue_knows_already_change_nothing() {
    let shop = Shop::grocer();
    let old = grocer_snapshot().catalog_as_of_ms().unwrap() - 10 * 60 * 1000;
    shop.apply(&[event(EventKind::ItemDelisted, "assam", old)]);
    let view = shop.registry.current().unwrap();
    assert!(view.live.is_listed(view.live.item("assam").unwrap()));
    assert_eq!(shop.digest(), 0);
}
