//! The golden corpus: named requests to a hand-made shop, each with its answer and the stage that decides it. Every
//! stage kind that a recipe may name must decide at least one.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use larder::domain::{AttributeValue, Cause, DegradationLevel, Event, EventKind, Request};
use larder::live::Config;
use larder::pipeline::{BuildError, Spec, Stages};
use larder::recommender::{EventOutcome, Limits, LiveState, Recommendation, Recommender, View};
use larder::snapshot::{LoadOptions, Registry, Snapshot, open_directory};

use crate::support::following::lines;
use crate::support::grocer;

/// A request, the recipe that answers it, and the answer.
struct Case {
    /// The body of the placement.
    recipe: &'static str,
    /// What has happened since the snapshot was made.
    events: fn() -> Vec<Event>,
    /// Makes the request.
    ask: fn(Request) -> Request,
    /// The slate: runs of items, each after the label of the source that it is credited to.
    answer: &'static str,
    /// Keys of the recipe without any one of which the answer is another.
    decides: &'static [&'static str],
    /// Whether and why the answer is a lesser one.
    degraded: (DegradationLevel, &'static [Cause]),
}

const PLAIN: Case = Case {
    recipe: "",
    events: Vec::new,
    ask: |request| request,
    answer: "",
    decides: &[],
    degraded: (DegradationLevel::None, &[]),
};

/// Each case is a test of its own, and an entry of its file's `CASES`.
macro_rules! cases {
    ($($name:ident { $($field:ident: $value:expr),* $(,)? })*) => {
        #[allow(clippy::needless_update, reason = "a case may say everything")]
        pub(super) const CASES: &[super::Case] = &[$(super::Case { $($field: $value,)* ..super::PLAIN }),*];
        $(
            #[test]
            #[allow(clippy::needless_update, reason = "a case may say everything")]
            fn $name() {
                super::check(&super::Case { $($field: $value,)* ..super::PLAIN });
            }
        )*
    };
}

mod fallback;
mod filters;
mod ranking;
mod requests;
mod sources;

fn all_cases() -> impl Iterator<Item = &'static Case> {
    [sources::CASES, filters::CASES, ranking::CASES, fallback::CASES].into_iter().flatten()
}

/// The source of what comes last in every placement, and in all but the cases about it is cut off.
const LAST: &str = "fallback.catalog_order";

fn check(case: &Case) {
    let mut answer = answer_after(case.recipe, case.events, case.ask);
    let is_about_the_last = case.answer.contains(LAST);
    let (shown, filled) = if is_about_the_last { (render(&answer), 0) } else { cut(&answer) };
    assert_eq!(shown, case.answer);
    if filled > 0 {
        // The same with a page that needs no filling.
        let own = answer.slate.items.len() - filled;
        let ask = (case.ask)(Request::new("case").page_size(own));
        answer = recommender_after(case.recipe, &Stages::default(), case.events).recommend(&ask).unwrap();
        assert_eq!(render(&answer), case.answer);
    }
    let degradation = &answer.slate.degradation;
    assert_eq!((degradation.level, &*degradation.causes), case.degraded);
    assert!(answer.slate.items.iter().all(|item| item.score.is_finite()), "{:?}", answer.slate.items);
    for key in case.decides {
        let mut recipe: toml::Table = toml::from_str(case.recipe).unwrap();
        recipe.remove(*key).expect("the recipe has the key that decides");
        let without = answer_after(&recipe.to_string(), case.events, case.ask);
        let without = if is_about_the_last { render(&without) } else { cut(&without).0 };
        assert_ne!(without, case.answer, "`{key}` decides nothing");
    }
}

/// An answer without what only fills its page, and how many items that are.
fn cut(answer: &Recommendation) -> (String, usize) {
    let mut own = answer.clone();
    own.slate.items.retain(|item| &*item.source != LAST);
    let filled = answer.slate.items.len() - own.slate.items.len();
    let causes = &answer.slate.degradation.causes;
    assert_eq!(filled > 0, causes.contains(&Cause::CatalogOrder), "{causes:?}");
    (render(&own), filled)
}

/// What somebody did with an item so many minutes ago.
fn did(name: &str, item: &str, user: &str, minutes: i64) -> Event {
    let time = chrono::Utc::now() - chrono::TimeDelta::minutes(minutes);
    let (item_id, user_id) = (Some(item.to_owned()), Some(user.to_owned()));
    Event { item_id, user_id, ..Event::new(EventKind::Interaction(name.into()), time.timestamp_millis()) }
}

/// What was done in a session so many minutes ago.
fn did_in(session: &str, name: &str, item: &str, minutes: i64) -> Event {
    Event { user_id: None, session_id: Some(session.to_owned()), ..did(name, item, "", minutes) }
}

/// An item that the snapshot does not know, listed so many minutes ago.
fn arrives(item: &str, minutes: i64) -> Event {
    let time = chrono::Utc::now() - chrono::TimeDelta::minutes(minutes);
    Event { item_id: Some(item.to_owned()), ..Event::new(EventKind::ItemListed, time.timestamp_millis()) }
}

/// The same with its category.
fn arrives_in(category: &str, item: &str, minutes: i64) -> Event {
    let attributes = vec![("category".into(), AttributeValue::Text(category.into()))];
    Event { attributes, ..arrives(item, minutes) }
}

/// What one recipe answers.
fn answer(recipe: &str, ask: fn(Request) -> Request) -> Recommendation {
    answer_after(recipe, Vec::new, ask)
}

/// The same after these events.
fn answer_after(recipe: &str, events: fn() -> Vec<Event>, ask: fn(Request) -> Request) -> Recommendation {
    recommender_after(recipe, &Stages::default(), events).recommend(&ask(Request::new("case"))).unwrap()
}

/// A recommender with one placement, "case".
fn recommender(recipe: &str, stages: &Stages) -> Recommender {
    recommender_after(recipe, stages, Vec::new)
}

/// The same after these events.
fn recommender_after(recipe: &str, stages: &Stages, events: fn() -> Vec<Event>) -> Recommender {
    let recipe: toml::Table = toml::from_str(recipe).unwrap();
    let nested = |name: &str, table| toml::Table::from_iter([(name.to_owned(), toml::Value::Table(table))]);
    let recipe = nested("placements", nested("case", recipe)).to_string();
    let served = View::compile(shop(), &recipe, stages).unwrap_or_else(|error| panic!("{error}\n{recipe}"));
    let registry = Arc::new(Registry::default());
    let live = LiveState::new(Arc::clone(&registry), &Config::default());
    registry.publish(Arc::new(live.adopt(&served)), false);
    let outcomes = live.apply(&events());
    assert!(outcomes.iter().all(|outcome| *outcome == EventOutcome::Applied), "{outcomes:?}");
    live.publish();
    Recommender::new(registry, Limits::default()).with_recent(Arc::clone(live.recent()))
}

fn shop() -> Arc<Snapshot> {
    static SHOP: OnceLock<Arc<Snapshot>> = OnceLock::new();
    let open = || {
        let dir = grocer::snapshot(1);
        std::fs::write(dir.path().join("cheap_first.json"), r#"{"weights": {"item.price": -1.0}}"#).unwrap();
        grocer::seal(dir.path(), 1);
        Arc::new(open_directory(dir.path(), "production", &LoadOptions::default()).unwrap())
    };
    Arc::clone(SHOP.get_or_init(open))
}

/// `source: item item | another: item`.
fn render(answer: &Recommendation) -> String {
    let mut text = String::new();
    let mut last: Option<&str> = None;
    for item in &answer.slate.items {
        if last != Some(&*item.source) {
            let separator = if last.is_some() { " | " } else { "" };
            text += &format!("{separator}{}:", item.source);
            last = Some(&item.source);
        }
        text += &format!(" {}", answer.id(item.item));
    }
    text
}

#[test]
fn every_kind_of_stage_decides_at_least_one_case() {
    let mut decided: BTreeSet<(&str, String)> = BTreeSet::new();
    for case in all_cases() {
        let recipe: toml::Table = toml::from_str(case.recipe).unwrap();
        let stages = |key: &str| match recipe.get(key) {
            Some(toml::Value::Array(stages)) => stages.clone(),
            stage => stage.cloned().into_iter().collect(),
        };
        let text = |stage: &toml::Value, key: &str| Some(stage.get(key)?.as_str()?.to_owned());
        for source in stages("sources") {
            let kind = text(&source, "kind").unwrap();
            let label = text(&source, "name").unwrap_or_else(|| kind.clone());
            if case.answer.contains(&format!("{label}: ")) {
                decided.insert(("source", kind));
            }
        }
        for (key, stage) in [("filters", "filter"), ("scorer", "scorer"), ("rerank", "re-ranker")] {
            let kinds = stages(key).into_iter().filter_map(|stage| text(&stage, "kind"));
            decided.extend(kinds.filter(|_| case.decides.contains(&key)).map(|kind| (stage, kind)));
        }
        if case.decides.contains(&"scorer") {
            let normalize = stages("scorer").iter().filter_map(|stage| text(stage, "normalize")).next();
            decided.insert(("normalize", normalize.unwrap_or_else(|| "max".to_owned())));
        }
        if case.decides.contains(&"exclude") {
            let groups = stages("exclude").into_iter().filter_map(|group| Some(group.as_str()?.to_owned()));
            decided.extend(groups.map(|group| ("exclude", group)));
        }
        for key in ["filter", "fallback"].iter().filter(|key| case.decides.contains(key)) {
            decided.insert((key, String::new()));
        }
    }
    let undecided: Vec<_> = wired().into_iter().filter(|stage| !decided.contains(stage)).collect();
    assert!(undecided.is_empty(), "no golden case is decided by {undecided:?}; known: {decided:?}");
}

/// Whatever a recipe may name, from what the refusal of an unknown name lists.
fn wired() -> BTreeSet<(&'static str, String)> {
    let shop = shop();
    let spec = Spec { params: toml::Table::new(), snapshot: &shop, sources: &[] };
    let stages = Stages::default();
    let refusals = [
        stages.make_source("?", &spec).err(),
        stages.make_filter("?", &spec).err(),
        stages.make_scorer("?", &spec).err(),
        stages.make_reranker("?", &spec).err(),
    ];
    let mut wired = BTreeSet::from([("filter", String::new()), ("fallback", String::new())]);
    for refusal in refusals {
        let Some(BuildError::UnknownKind { stage, known, .. }) = refusal else { panic!("{refusal:?}") };
        wired.extend(known.split(", ").map(|kind| (stage, kind.to_owned())));
    }
    let exclude = "sources = [ { kind = \"popular\", artifact = \"popularity\" } ]\nexclude = [\"?\"]";
    let normalize = "sources = [ { kind = \"popular\", artifact = \"popularity\" } ]\n\
                     scorer = { kind = \"blend\", normalize = \"?\" }";
    for (key, recipe) in [("exclude", exclude), ("normalize", normalize)] {
        let refusal = View::compile(Arc::clone(&shop), &format!("[placements.case]\n{recipe}"), &stages);
        let message = refusal.unwrap_err().to_string();
        let (_, known) = message.split_once("expected one of ").unwrap_or_else(|| panic!("{message}"));
        wired.extend(known.split(", ").map(|name| (key, name.trim_matches(['`', '\n']).to_owned())));
    }
    wired
}

#[test]
fn the_same_request_gets_the_same_slate_to_the_last_bit_from_every_replica() {
    let dir = grocer::snapshot(1);
    let replicas = [(); 2].map(|()| Recommender::open(dir.path()).unwrap());
    let requests = [
        Request::new("pdp.similar").viewing("earl-grey").user("ada"),
        Request::new("pdp.similar").event("espresso").event("shortbread"),
        Request::new("home.for_you").user("ben").event("honey").page_size(30),
        Request::new("home.for_you"),
    ];
    for request in &requests {
        let first = lines(&replicas[0].recommend(request).unwrap());
        assert!(!first.is_empty());
        for _ in 0..100 {
            for replica in &replicas {
                assert_eq!(lines(&replica.recommend(request).unwrap()), first);
            }
        }
    }
}
