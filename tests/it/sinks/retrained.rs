//! What the sinks wrote is what training reads.

use larder::artifact::{OpenOptions, PartOptions, find_parts};
use larder::train::{Catalog, EventLog, EventOptions, TrainPlan, train_all};

use super::*;

/// Sessions of people who look at some items and buy one of them, oldest first.
fn events() -> Vec<Value> {
    let mut random = fastrand::Rng::with_seed(3);
    let items: Vec<&str> = grocer::items().collect();
    let mut events = Vec::new();
    let begin = 1_735_700_000_000_i64; // 2025-01-01
    for session in 0..200_i64 {
        let user = (random.u8(..3) > 0).then(|| format!("u{}", random.u8(..30)));
        let near = random.usize(..items.len());
        for step in 0..random.i64(2..6) {
            let item = items[(near + random.usize(..4)) % items.len()];
            let kind = ["view", "view", "add_to_cart", "purchase"][random.usize(..4)];
            let time =
                chrono::DateTime::from_timestamp_millis(begin + session * 9_000_000 + step * 20_000).unwrap();
            let mut event = json!({
                "id": format!("{session}-{step}"), "type": kind, "item_id": item,
                "session_id": format!("s{session}"), "time": time.to_rfc3339(),
            });
            if let Some(user) = &user {
                event["user_id"] = json!(user);
            }
            if kind == "purchase" {
                event["value"] = json!(random.u32(1..1000) as f64 / 8.0);
            }
            events.push(event);
        }
    }
    events
}

/// The names and bytes of all that is trained on these files.
fn trained(values: &[String]) -> Vec<(String, Vec<u8>)> {
    let catalog = Catalog::from_ids(grocer::items());
    let cache = tempfile::tempdir().unwrap();
    let options = PartOptions { store: &OpenOptions::default(), cache_dir: cache.path() };
    let parts = find_parts(values, options, &mut |_, _| {}).unwrap();
    let log = EventLog::read_parts(&parts, &EventOptions::default(), &catalog, &mut |_, _| {}).unwrap();
    let mut plan = TrainPlan::default();
    plan.als.rounds = 2;
    let out = tempfile::tempdir().unwrap();
    let built = train_all(&log, &catalog, &plan, out.path(), &|_| true, &mut |_, _| {}).unwrap();
    built.into_iter().map(|found| (found.name, fs::read(out.path().join(found.file)).unwrap())).collect()
}

#[test]
fn what_the_sinks_wrote_trains_the_artifacts_of_the_events_that_were_recorded() {
    let shop = Shop::new(
        "[[events.sink]]\nname = 'lines'\nkind = 'jsonl'\ndir = 'out'\nwhat = ['events']\n\
         [[events.sink]]\nname = 'lake'\nkind = 'parquet'\nto = 'lake'\nwhat = ['events']\n",
    );
    let events = events();
    let original = shop.path("original.jsonl");
    fs::write(&original, events.iter().map(|event| format!("{event}\n")).collect::<String>()).unwrap();
    let server = shop.serve();
    let mut rejected = 0;
    for some in events.chunks(100) {
        rejected += record(&server, some).iter().filter(|outcome| *outcome == "REJECTED").count();
        // As a caller does whose connection broke before the answer.
        record(&server, &some[..10]);
    }
    assert_eq!(rejected, 0);
    server.end();
    assert_eq!(shop.lines("out", "events-").len(), events.len());

    let path = |name: &str| shop.path(name).display().to_string();
    let expected = trained(&[path("original.jsonl")]);
    assert!(expected.len() > 5, "{}", expected.len());
    for values in [
        vec![path("out")],
        vec![path("lake/events")],
        vec![path("lake/events"), path("out"), path("original.jsonl")],
    ] {
        assert!(trained(&values) == expected, "{values:?}");
    }
}
