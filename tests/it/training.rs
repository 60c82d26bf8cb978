//! Training and evaluation as their users see them: files in, artifacts and figures out.

use std::fs;
use std::path::Path;

use larder::evaluate::{ReplayOptions, Replayer, split, trial, tune};
use larder::recommender::Recommender;
use larder::train::EventsError;
use larder::train::{BadRows, Catalog, EventKind, EventLog, RowFault, TrainPlan, train_all};
use larder_sample::{SampleSpec, generate};

const CATALOG: &str = "item_id,title,price,in_stock\ncup,Cup,3.5,true\npot,Pot,20,true\ntea,Tea,5,false\n";

fn write(dir: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path
}

/// A small generated shop as CSV files, read back as a user's would be.
fn small_shop(dir: &Path) -> (Catalog, EventLog) {
    let spec = SampleSpec { products: 150, users: 60, sessions: 1500, days: 200, ..SampleSpec::default() };
    let shop = generate(&spec);
    let mut catalog = "item_id,title,category,price,in_stock\n".to_owned();
    for product in &shop.products {
        catalog += &format!(
            "{},\"{}\",{},{},{}\n",
            product.item_id, product.title, product.category, product.price, product.in_stock
        );
    }
    let mut events = "user_id,session_id,item_id,event_type,timestamp\n".to_owned();
    for event in &shop.events {
        let user = event.user.map_or("", |user| shop.users[user as usize].user_id.as_str());
        let (item, kind) = (&shop.products[event.item as usize].item_id, event.event_type.as_str());
        events += &format!("{user},{},{item},{kind},{}\n", event.session_id(), event.timestamp_ms);
    }
    let catalog = Catalog::read(&write(dir, "catalog.csv", &catalog)).unwrap();
    let log = EventLog::read(&write(dir, "events.csv", &events), &catalog).unwrap();
    (catalog, log)
}

#[test]
fn the_same_input_and_seed_give_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (catalog, log) = small_shop(dir.path());
    let mut plan = TrainPlan::default();
    plan.als.rounds = 3;
    let train = |plan: &TrainPlan| {
        let out = tempfile::tempdir().unwrap();
        let built = train_all(&log, &catalog, plan, out.path(), &|_| true, &mut |_, _| {}).unwrap();
        let bytes = |file: &str| fs::read(out.path().join(file)).unwrap();
        built.iter().map(|artifact| (artifact.name.clone(), bytes(&artifact.file))).collect::<Vec<_>>()
    };
    let (first, second) = (train(&plan), train(&plan));
    assert_eq!(first.len(), 11, "{:?}", first.iter().map(|(name, _)| name).collect::<Vec<_>>());
    assert!(first == second);
    plan.als.seed += 1;
    let other = train(&plan);
    let changed: Vec<&str> =
        first.iter().zip(&other).filter(|(a, b)| a != b).map(|(a, _)| a.0.as_str()).collect();
    assert_eq!(changed, ["item_vectors", "user_vectors"]);
}

#[test]
fn an_artifact_is_trained_where_the_data_has_what_it_needs() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = Catalog::read(&write(dir.path(), "catalog.csv", CATALOG)).unwrap();
    let trained = |events: &str, ease_max_items: usize| -> Vec<String> {
        let header = "user_id,session_id,item_id,event_type,timestamp\n";
        let file = write(dir.path(), "events.csv", &format!("{header}{events}"));
        let log = EventLog::read(&file, &catalog).unwrap();
        let plan = TrainPlan { ease_max_items, ..TrainPlan::default() };
        let built = train_all(&log, &catalog, &plan, dir.path(), &|_| true, &mut |_, _| {}).unwrap();
        built.into_iter().map(|artifact| artifact.name).collect()
    };
    let always = ["catalog", "popularity", "similar", "followed_by", "sessions", "item_vectors"];
    let orders = ",s1,cup,purchase,2026-01-01\n,s1,pot,purchase,2026-01-01\n";
    assert_eq!(trained(orders, 2), always, "no users, no views, and more than two items");
    let views = ",s2,cup,view,2026-01-02\n,s2,tea,view,2026-01-02\n";
    let with = |names: &[&str]| {
        let names: std::collections::BTreeSet<&str> = always.iter().chain(names).copied().collect();
        names.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(sorted(trained(&format!("{orders}{views}"), 3)), with(&["bought_together", "ease"]));
    let undone = "u1,s3,cup,return,2026-01-03\n";
    assert_eq!(trained(&format!("{orders}{undone}"), 2), always, "a user who took nothing has no taste");
    let users = "u1,s4,cup,view,2026-01-04\n";
    let found = sorted(trained(&format!("{orders}{users}"), 2));
    assert_eq!(found, with(&["bought_together", "user_vectors", "user_history", "buy_again"]));
}

#[test]
fn recipes_are_chosen_among_real_trials_and_serve() {
    let dir = tempfile::tempdir().unwrap();
    let (catalog, log) = small_shop(dir.path());
    let (early, held) = split(&log, log.period_ms().1 - 20 * 86_400_000);
    let plan = TrainPlan { ease_max_items: 0, ..TrainPlan::default() };
    let tuned = tune(&early, &catalog, &plan, 60, dir.path(), &mut |_, _| {}).unwrap();
    let names: Vec<&str> = tuned.recipes.placements.keys().map(String::as_str).collect();
    for placement in ["home.for_you", "pdp.similar", "cart.complements", "session.next", "category.popular"] {
        assert!(names.contains(&placement), "{names:?}");
    }
    for found in &tuned.evidence {
        let best = found.tried.iter().map(|trial| trial.hr + 2.0 * trial.mrr).fold(0.0, f64::max);
        if found.protocol.starts_with("next") {
            let own = found.metrics.hr + 2.0 * found.metrics.mrr;
            assert!(own >= best * 0.98, "{}: {own} against {best}", found.decision);
        }
    }
    let work = tempfile::tempdir().unwrap();
    let trial = trial(&early, &catalog, &tuned.plan, work.path(), &|_| true, &mut |_, _| {}).unwrap();
    let recommender = trial.recommender(&tuned.recipes.to_toml().unwrap()).unwrap();
    let replayer = Replayer::new(&held, &catalog.ids);
    let report = replayer.replay(&recommender, "session.next", &ReplayOptions::default()).unwrap();
    assert!(report.predictions > 50 && report.metrics.empty_rate == 0.0, "{report:?}");
    assert!(report.metrics.hr > 0.1, "better than 20 of 150 at random: {report:?}");
}

#[test]
fn a_session_is_never_torn_by_a_split() {
    let dir = tempfile::tempdir().unwrap();
    let (_, log) = small_shop(dir.path());
    let (first, last) = log.period_ms();
    let (early, late) = split(&log, first + (last - first) / 2);
    assert!(late.events.iter().all(|event| event.time_ms >= first + (last - first) / 2));
    assert!(early.events.iter().all(|event| event.time_ms < first + (last - first) / 2));
    assert!(early.events.len() + late.events.len() > log.events.len() * 99 / 100);
    let sessions =
        |log: &EventLog| log.events.iter().map(|e| e.session).collect::<std::collections::BTreeSet<_>>();
    assert!(sessions(&early).is_disjoint(&sessions(&late)));
}

#[test]
fn bad_rows_are_counted_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = format!("{CATALOG}cup,Another cup,1,true\n,Nothing,1,true\n");
    let catalog = Catalog::read(&write(dir.path(), "catalog.csv", &catalog)).unwrap();
    let rows = |bad: &BadRows| -> Vec<(RowFault, usize, Vec<usize>)> {
        bad.faults().map(|(fault, found)| (fault, found.count, found.first_rows.clone())).collect()
    };
    assert_eq!(rows(&catalog.bad), [(RowFault::NoItem, 1, vec![5]), (RowFault::RepeatedItem, 1, vec![4])]);
    let events = "user_id,session_id,item_id,event_type,timestamp,device\n\
                  u1,s1,cup,view,2026-01-01T10:00:00Z,phone\n\
                  ,s1,pot,add_to_cart,2026-01-01 10:01:00,phone\n\
                  u1,,pot,view,2026-01-01,phone\n\
                  u1,s1,kettle,view,2026-01-01,phone\n\
                  u1,s1,,view,2026-01-01,phone\n\
                  u1,s1,tea,purchase,yesterday,phone\n\
                  u1,s1,tea,return,2026-01-01,phone\n";
    let log = EventLog::read(&write(dir.path(), "events.csv", events), &catalog).unwrap();
    assert_eq!(log.events.len(), 3);
    assert_eq!((log.events[1].user, log.events[1].kind), (None, EventKind::Cart));
    assert_eq!(log.events[1].time_ms - log.events[0].time_ms, 60_000);
    assert_eq!(log.events[2].kind, EventKind::Undone);
    assert_eq!(log.extra.len(), 1, "the column `device` is kept");
    assert_eq!(
        rows(&log.bad),
        [
            (RowFault::NoItem, 1, vec![5]),
            (RowFault::UnknownItem, 1, vec![4]),
            (RowFault::NoSession, 1, vec![3]),
            (RowFault::BadTime, 1, vec![6]),
        ]
    );
    assert_eq!(RowFault::UnknownItem.to_string(), "item_id is not in the catalogue");
}

#[test]
fn bad_files_are_refused_with_column_and_reason() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = Catalog::read(&write(dir.path(), "catalog.csv", CATALOG)).unwrap();
    let refused = |name: &str, text: &str| -> EventsError {
        EventLog::read(&write(dir.path(), name, text), &catalog).unwrap_err()
    };
    let error =
        refused("a.csv", "user_id,session_id,item,event_type,timestamp\nu,s,cup,view,1\n").to_string();
    assert!(
        error.contains("a.csv") && error.contains("\"item_id\"") && error.contains("session_id"),
        "{error}"
    );
    let error =
        refused("b.csv", "user_id,session_id,item_id,event_type,timestamp\nu,s,cup,view,1.5\n").to_string();
    assert!(error.contains("\"timestamp\"") && error.contains("float"), "{error}");
    let error =
        refused("c.csv", "user_id,session_id,item_id,event_type,timestamp\nu,s,kettle,view,1\n").to_string();
    assert!(error.contains("not in the catalogue"), "{error}");
    let error = refused("d.parquet", "this is no parquet").to_string();
    assert!(error.contains("d.parquet"), "{error}");
    let error = Catalog::read(&write(dir.path(), "e.csv", "sku,title\n1,Cup\n")).unwrap_err().to_string();
    assert!(error.contains("\"item_id\"") && error.contains("sku"), "{error}");
    assert!(Catalog::read(&dir.path().join("nothing.csv")).is_err());
}

#[test]
fn the_sample_shops_snapshot_answers_with_named_products() {
    let recommender = Recommender::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("models")).unwrap();
    for placement in ["home.for_you", "pdp.similar", "cart.complements", "session.next", "category.popular"] {
        let answer =
            recommender.recommend(&larder::domain::Request::new(placement).viewing("P00042")).unwrap();
        assert_eq!(answer.slate.items.len(), 12, "{placement}");
        for item in &answer.slate.items {
            let title = answer.snapshot().catalog().value("title", item.item.row());
            assert!(matches!(title, larder::feature::Value::Text(title) if title.len() > 5), "{title:?}");
        }
    }
}
