//! The result cache: what it gives is what the recipe would have given, and it outlives nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use larder::domain::{
    CandidateSet, Consent, FilterValue, ItemIdx, ItemMask, Request, ResponseView, SeedRole,
};
use larder::pipeline::{CandidateSource, Context, Stage, StageError, Stages};
use larder::recommender::{Limits, Recommender, View};
use larder::snapshot::{LoadOptions, Registry, Snapshot, open_directory};

use crate::support::grocer;

const OFF: Limits = Limits {
    max_page_size: 100,
    max_offset: 1000,
    max_price: 10_000_000,
    max_latency: None,
    placement_deadlines: true,
    user_features_wait: Duration::from_millis(20),
    result_cache_bytes: 0,
    max_slate_age: Duration::ZERO,
};

fn sample() -> (Recommender, Recommender) {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let snapshot = open_directory(&models, "production", &LoadOptions::default()).unwrap();
    let registry = Arc::new(Registry::default());
    registry.publish(Arc::new(View::prepare(snapshot, &Stages::default()).unwrap()), false);
    // Without deadlines: a busy machine changes no answer.
    let on = Limits { placement_deadlines: false, ..Limits::default() };
    let off = Limits { placement_deadlines: false, ..OFF };
    (Recommender::new(Arc::clone(&registry), on), Recommender::new(registry, off))
}

/// Something a shop could ask, out of few values, so that the same comes again with a difference in one place.
fn random_request(random: &mut fastrand::Rng, placement: &str, id: &dyn Fn(usize) -> String) -> Request {
    let mut request = Request::new(placement);
    for _ in 0..random.usize(0..3) {
        let role = [SeedRole::Viewing, SeedRole::InCart, SeedRole::Purchased, SeedRole::Disliked];
        request = request.seed(id(random.usize(0..2)), role[random.usize(0..4)]);
        request.seeds.last_mut().unwrap().weight = [1.0, 0.5][random.usize(0..2)];
    }
    match random.usize(0..16) {
        0 => request.page_size = Some(12),
        1 => request.page_size = Some(5),
        2 => request.offset = 12,
        3 => request.exclude_item_ids = vec![id(3)],
        4 => request.candidate_item_ids = (0..30).map(id).collect(),
        5 => {
            let price = [10.0, 20.0][random.usize(0..2)];
            request.filter = Some("price < $most".to_owned());
            request.filter_params.insert("most".to_owned(), FilterValue::Number(price));
        }
        6 => request.context.country = Some("CH".to_owned()),
        7 => drop(request.context.attributes.insert("category".to_owned(), "tea".to_owned())),
        8 => request = request.event(id(4)),
        9 => request = request.user("U00042"),
        10 => request.subject.visitor_id = Some("v".to_owned()),
        11 => {
            request = request.user("U00042");
            request.subject.consent = Consent::Denied;
        }
        12 => request = request.viewing("no such item"),
        13 => request.view = ResponseView::Basic,
        _ => {}
    }
    request
}

#[test]
fn the_cache_changes_no_answer() {
    let (cached, plain) = sample();
    let served = cached.served().unwrap();
    let items = served.snapshot.items();
    let id = |at: usize| items.text((at * 7919 % items.len()) as u32).to_owned();
    let mut random = fastrand::Rng::with_seed(11);
    let mut hits = 0;
    for _ in 0..4000 {
        let placements = served.placements.len();
        let placement = served.placements.keys().nth(random.usize(0..placements)).unwrap();
        let request = random_request(&mut random, placement, &id);
        let answer = cached.recommend(&request).unwrap();
        let without = plain.recommend(&request).unwrap();
        assert_eq!((&answer.slate, answer.personal), (&without.slate, without.personal), "{request:#?}");
        assert!(!without.cached, "{request:#?}");
        hits += u32::from(answer.cached);
    }
    assert!(hits > 1000, "{hits} hits are too few to say anything");
}

fn asked_twice(recommender: &Recommender, request: &Request) -> bool {
    recommender.recommend(request).unwrap();
    recommender.recommend(request).unwrap().cached
}

#[test]
fn what_depends_on_a_person_or_on_this_request_alone_is_not_kept() {
    let (recommender, _) = sample();
    let plain = || Request::new("pdp.similar").viewing("P00042");
    let mut visitor = plain();
    visitor.subject.visitor_id = Some("v".to_owned());
    visitor.subject.session_id = Some("s".to_owned());
    assert!(asked_twice(&recommender, &plain()));
    assert!(asked_twice(&recommender, &visitor), "ids that no recipe reads are no reason");
    let mut debug = plain();
    debug.view = ResponseView::Debug;
    let mut checked = plain();
    checked.validate_only = true;
    let mut long = plain();
    long.exclude_item_ids = (0..1000).map(|at| format!("X{at}")).collect();
    for request in [plain().user("U00042"), plain().event("P00007"), debug, checked, long] {
        assert!(!asked_twice(&recommender, &request), "{request:#?}");
    }
    let page = [plain(), Request::new("category.popular")];
    recommender.recommend_batch(&page, true);
    let slots = recommender.recommend_batch(&page, true);
    let cached: Vec<bool> = slots.into_iter().map(|slot| slot.unwrap().cached).collect();
    assert_eq!(cached, [true, false], "the second slot must not show what the first does");
}

/// Gives every item, slowly, and counts how often it was asked.
struct Counted {
    asked: Arc<AtomicU64>,
    fails: bool,
}

#[derive(serde::Deserialize)]
struct Params {
    tally: String,
    fails: bool,
}

static TALLIES: Mutex<BTreeMap<String, Arc<AtomicU64>>> = Mutex::new(BTreeMap::new());

fn tally(name: &str) -> Arc<AtomicU64> {
    Arc::clone(TALLIES.lock().unwrap().entry(name.to_owned()).or_default())
}

impl Stage for Counted {
    fn label(&self) -> &str {
        "counted"
    }
}

impl CandidateSource for Counted {
    fn retrieve(
        &self,
        ctx: &Context<'_>,
        _mask: &ItemMask,
        out: &mut CandidateSet,
    ) -> Result<(), StageError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        // Long enough for others to come while this is under way; what is asserted does not depend on it.
        let (_keep, never) = channel::<()>();
        let _ = never.recv_timeout(Duration::from_millis(30));
        (0..ctx.snapshot.items().len() as u32).for_each(|item| out.push(ItemIdx(item), 1.0));
        if self.fails { Err(StageError::Failed("as staged")) } else { Ok(()) }
    }
}

fn grocer_snapshot() -> Snapshot {
    open_directory(grocer::snapshot(1).path(), "production", &LoadOptions::default()).unwrap()
}

/// A placement over a source that counts under the placement's name, with further keys.
fn counting(name: &str, keys: &str, fails: bool) -> (Arc<Registry<View>>, Arc<AtomicU64>) {
    let registry = Arc::new(Registry::default());
    registry.publish(Arc::new(counted(name, keys, fails)), false);
    (registry, tally(name))
}

fn counted(name: &str, keys: &str, fails: bool) -> View {
    let source = format!("{{ kind = \"counted\", tally = \"{name}\", fails = {fails} }}");
    let recipe = format!("[placements.\"{name}\"]\nsources = [ {source} ]\n{keys}");
    let stages = Stages::default().source("counted", |spec| {
        let Params { tally: name, fails } = spec.parse()?;
        Ok(Box::new(Counted { asked: tally(&name), fails }))
    });
    View::compile(Arc::new(grocer_snapshot()), &recipe, &stages).unwrap()
}

#[test]
fn callers_who_ask_the_same_at_once_are_answered_by_one_run() {
    let (registry, asked) = counting("cache.flight", "", false);
    let recommender = Recommender::new(registry, Limits::default());
    let request = Request::new("cache.flight");
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                assert!(!recommender.recommend(&request).unwrap().slate.items.is_empty());
            });
        }
    });
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let counts = recommender.counts()["cache.flight"];
    assert_eq!((counts.hits, counts.misses, counts.uncacheable, counts.plans), (7, 1, 0, [1, 0, 0, 0]));
}

#[test]
fn an_answer_that_the_next_attempt_may_better_is_neither_kept_nor_shared() {
    let (registry, asked) = counting("cache.failing", "", true);
    let recommender = Recommender::new(registry, Limits::default());
    let request = Request::new("cache.failing");
    let start = Barrier::new(3);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                start.wait();
                assert!(!recommender.recommend(&request).unwrap().cached);
            });
        }
    });
    assert!(!asked_twice(&recommender, &request));
    assert_eq!(asked.load(Ordering::SeqCst), 5);
}

#[test]
fn a_placement_can_do_without_and_so_can_a_server() {
    let request = Request::new("cache.off");
    let (registry, asked) = counting("cache.off", "cache = false", false);
    assert!(!asked_twice(&Recommender::new(registry, Limits::default()), &request));
    let (registry, _) = counting("cache.off", "", false);
    assert!(!asked_twice(&Recommender::new(registry, OFF), &request));
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

#[test]
fn a_swap_leaves_nothing_of_the_cache_behind() {
    let (registry, asked) = counting("cache.swap", "", false);
    let recommender = Recommender::new(Arc::clone(&registry), Limits::default());
    let request = Request::new("cache.swap");
    assert!(asked_twice(&recommender, &request));
    let before = Arc::downgrade(&registry.current().unwrap());
    registry.publish(Arc::new(counted("cache.swap", "", false)), false);
    assert!(before.upgrade().is_none(), "the old snapshot and its slates are freed");
    let answer = recommender.recommend(&request).unwrap();
    assert!(!answer.cached, "the new snapshot answers for itself");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert!(recommender.recommend(&request).unwrap().cached);
}
