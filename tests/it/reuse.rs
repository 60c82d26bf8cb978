//! For how long an answer may be used again: what it depends on is in its key, and what may change at any time is not
//! kept.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use larder::domain::{ItemIdx, ItemMask, Request};
use larder::pipeline::{Context, Filter, Needs, Stage, StageError, Stages};
use larder::recommender::{Limits, Recommender, Reuse, Versions, View};
use larder::rules::Rules;
use larder::snapshot::{LoadOptions, Registry, Snapshot, open_directory};

use crate::support::grocer;

#[cfg(feature = "server")]
mod exposed;
#[cfg(feature = "server")]
mod over_http;

/// 2026-11-20T10:59:30Z, a Friday.
const MORNING: u64 = 1_795_172_370;

/// A shop whose placement "ranked" is ordered by price with a sign that depends on the clock, and whose "plain" is not.
fn shop(feature: &str) -> Snapshot {
    let dir = tempfile::tempdir().unwrap();
    grocer::stock(dir.path(), 1);
    // In the tens the cheap first, from eleven o'clock (or Saturday) on the dear.
    let turn = if feature == "context.hour" { 10.5 } else { 4.5 };
    let tree = format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\n\
         objective=lambdarank\nfeature_names={feature} item.price\nfeature_infos=[0:23] [1:30]\n\nTree=0\n\
         num_leaves=4\nnum_cat=0\nsplit_feature=0 1 1\nthreshold={turn} 4 4\ndecision_type=10 10 10\n\
         left_child=1 -1 -3\nright_child=2 -2 -4\nleaf_value=1 0 0 1\nshrinkage=1\n\n\nend of trees\n"
    );
    fs::write(dir.path().join("judge.txt"), tree).unwrap();
    let source = "sources = [ { kind = \"neighbors\", artifact = \"similar\" } ]\npage_size = 4";
    let recipes = format!(
        "[placements.\"pdp.similar\"]\n{source}\nfallback = [ {{ kind = \"popular\", artifact = \"popularity\" }} ]\n\
         [placements.ranked]\n{source}\nscorer = {{ kind = \"ranker\", artifact = \"judge\" }}\n"
    );
    fs::write(dir.path().join("placements.toml"), recipes).unwrap();
    let mut manifest = grocer::seal(dir.path(), 1);
    manifest.golden.clear();
    fs::write(dir.path().join(larder::snapshot::MANIFEST), manifest.to_json()).unwrap();
    open_directory(dir.path(), "production", &LoadOptions::default()).unwrap()
}

/// A clock that stands still until it is set.
fn clock() -> (Arc<AtomicU64>, impl Fn() -> SystemTime + Send + Sync + 'static) {
    let seconds = Arc::new(AtomicU64::new(MORNING));
    let read = Arc::clone(&seconds);
    (seconds, move || UNIX_EPOCH + Duration::from_secs(read.load(Ordering::SeqCst)))
}

fn ask(recommender: &Recommender, placement: &str) -> (Vec<String>, bool, Reuse) {
    let answer = recommender.recommend(&Request::new(placement).viewing("earl-grey")).unwrap();
    let shown = answer.slate.items.iter().map(|item| answer.id(item.item).to_owned());
    (shown.collect(), answer.cached, answer.reuse)
}

#[test]
fn a_slate_that_depends_on_the_hour_is_kept_for_the_hour() {
    let (seconds, now) = clock();
    let recommender = Recommender::with(shop("context.hour"), &Stages::default(), Limits::default());
    let recommender = recommender.unwrap().with_clock(now);
    let (morning, cached, reuse) = ask(&recommender, "ranked");
    assert!(!cached);
    let Reuse::Step { number, left } = reuse else { panic!("{reuse:?}") };
    assert_eq!((number, left), (MORNING / 3600, Duration::from_secs(29)));
    seconds.fetch_add(29, Ordering::SeqCst);
    assert_eq!(
        ask(&recommender, "ranked"),
        (morning.clone(), true, Reuse::Step { number, left: Duration::ZERO })
    );
    seconds.fetch_add(1, Ordering::SeqCst);
    let (later, cached, reuse) = ask(&recommender, "ranked");
    assert!(!cached && later != morning, "{morning:?} at ten is {later:?} at eleven");
    assert_eq!(reuse, Reuse::Step { number: number + 1, left: Duration::from_secs(3599) });
    seconds.fetch_sub(1, Ordering::SeqCst);
    assert_eq!(ask(&recommender, "ranked").0, morning);
}

#[test]
fn a_slate_that_depends_on_the_day_is_kept_for_the_day() {
    let (seconds, now) = clock();
    let recommender =
        Recommender::with(shop("context.day_of_week"), &Stages::default(), Limits::default()).unwrap();
    let recommender = recommender.with_clock(now);
    let (friday, _, reuse) = ask(&recommender, "ranked");
    let until_midnight = 13 * 3600 + 29;
    let left = Duration::from_secs(until_midnight);
    assert_eq!(reuse, Reuse::Step { number: MORNING / 86_400, left });
    seconds.fetch_add(until_midnight, Ordering::SeqCst);
    assert!(ask(&recommender, "ranked").1, "the hour does not matter");
    seconds.fetch_add(1, Ordering::SeqCst);
    let (saturday, cached, _) = ask(&recommender, "ranked");
    assert!(!cached && saturday != friday, "{friday:?}, {saturday:?}");
}

#[test]
fn a_slate_that_does_not_depend_on_the_clock_is_kept_as_long_as_its_view() {
    let (seconds, now) = clock();
    let recommender = Recommender::with(shop("context.hour"), &Stages::default(), Limits::default());
    let recommender = recommender.unwrap().with_clock(now);
    let first = ask(&recommender, "pdp.similar");
    seconds.fetch_add(86_400, Ordering::SeqCst);
    assert_eq!(ask(&recommender, "pdp.similar"), (first.0, true, Reuse::View));
}

/// Takes an item away that something outside of the snapshot says is sold out.
struct NotSoldOut {
    sold_out: Arc<AtomicU64>,
}

impl Stage for NotSoldOut {
    fn label(&self) -> &str {
        "not_sold_out"
    }

    fn needs(&self) -> Needs {
        Needs { live: true, ..Needs::default() }
    }
}

impl Filter for NotSoldOut {
    fn prefilter(&self, _ctx: &Context<'_>, mask: &mut ItemMask) -> Result<(), StageError> {
        mask.exclude(ItemIdx(self.sold_out.load(Ordering::SeqCst) as u32));
        Ok(())
    }
}

#[test]
fn a_filter_can_capture_a_live_handle_and_what_it_decides_is_not_kept() {
    let snapshot = Arc::new(shop("context.hour"));
    let sold_out = Arc::new(AtomicU64::new(u64::from(snapshot.item("chai").unwrap().0)));
    let captured = Arc::clone(&sold_out);
    let stages = Stages::default()
        .filter("not_sold_out", move |_| Ok(Box::new(NotSoldOut { sold_out: Arc::clone(&captured) })));
    let recipe = "[placements.live]\nsources = [ { kind = \"neighbors\", artifact = \"similar\" } ]\npage_size = 3\n\
                  filters = [ { kind = \"not_sold_out\" } ]";
    let registry = Arc::new(Registry::default());
    registry.publish(Arc::new(View::compile(Arc::clone(&snapshot), recipe, &stages).unwrap()), false);
    let recommender = Recommender::new(registry, Limits::default());
    let without_chai = ask(&recommender, "live");
    assert_eq!(
        without_chai,
        (["assam", "sencha", "rooibos"].map(str::to_owned).to_vec(), false, Reuse::Never)
    );
    assert_eq!(ask(&recommender, "live"), without_chai);
    sold_out.store(u64::from(snapshot.item("assam").unwrap().0), Ordering::SeqCst);
    assert_eq!(ask(&recommender, "live").0, ["chai", "sencha", "rooibos"]);
    let counts = recommender.counts()["live"];
    assert_eq!((counts.hits, counts.misses, counts.uncacheable), (0, 0, 3));
}

#[test]
fn an_answer_names_the_versions_of_all_parts_of_its_view() {
    let mut view = View::prepare(shop("context.hour"), &Stages::default()).unwrap();
    (view.rules, view.live) = (Rules::new("r1"), view.live.at(7));
    let registry = Arc::new(Registry::default());
    registry.publish(Arc::new(view), false);
    let recommender = Recommender::new(registry, Limits::default());
    let answer = recommender.recommend(&Request::new("ranked")).unwrap();
    let snapshot = answer.snapshot().version();
    assert_eq!(answer.view.versions(), Versions { snapshot, rules: "r1", live_epoch: 7 });
}

#[test]
fn counts_outlive_the_views_they_were_made_from() {
    let registry = Arc::new(Registry::default());
    let recommender = Recommender::new(Arc::clone(&registry), Limits::default());
    for round in 1..=3 {
        registry.publish(Arc::new(View::prepare(shop("context.hour"), &Stages::default()).unwrap()), false);
        ask(&recommender, "pdp.similar");
        ask(&recommender, "pdp.similar");
        let counts = recommender.counts()["pdp.similar"];
        assert_eq!((counts.hits, counts.misses, counts.plans), (round, round, [round, 0, 0, 0]));
    }
}
