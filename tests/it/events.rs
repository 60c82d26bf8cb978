//! Events into a running server: from files and from callers, into the next slate, over a restart, and forgotten again.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use larder::artifact::LocalStore;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::following::publish_to;
use crate::support::grocer;
use crate::support::process::Process;

mod poisoned;
mod refused;

/// How long a test waits for what a server does in milliseconds when the machine is free.
const PATIENCE: Duration = Duration::from_secs(60);

/// A time after everything in the grocer's snapshot.
const NOW: &str = "2026-11-21T10:00:00Z";

struct Shop {
    dir: TempDir,
    server: Process,
}

impl Shop {
    fn open() -> Self {
        let dir = grocer_store();
        let server = serve(dir.path());
        Self { dir, server }
    }

    fn restart(self) -> Self {
        self.server.end();
        let server = serve(self.dir.path());
        Self { server, ..self }
    }

    /// Appends lines to a file that the server follows.
    fn write(&self, file: &str, lines: &[Value]) {
        let path = self.dir.path().join("events").join(file);
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        for line in lines {
            writeln!(file, "{line}").unwrap();
        }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let reply = self.server.send(self.server.http, "POST", path, &body.to_string());
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }

    fn record(&self, events: &[Value]) -> Vec<Value> {
        let answer = self.post("/v1/events:record", &json!({"events": events}));
        answer["results"].as_array().unwrap().clone()
    }

    fn slate(&self, placement: &str, body: &Value) -> Vec<String> {
        let answer = self.post(&format!("/v1/placements/{placement}:recommend"), body);
        let items = answer["items"].as_array().unwrap();
        items.iter().map(|item| item["itemId"].as_str().unwrap().to_owned()).collect()
    }

    fn status(&self) -> Value {
        self.server.send(self.server.admin, "GET", "/status", "").json()
    }

    fn metrics(&self) -> String {
        self.server.send(self.server.admin, "GET", "/metrics", "").body
    }
}

fn grocer_store() -> TempDir {
    let store = tempfile::tempdir().unwrap();
    let snapshot = grocer::snapshot(3);
    publish_to(&LocalStore::create(store.path()).unwrap(), snapshot.path()).unwrap();
    fs::create_dir(store.path().join("events")).unwrap();
    store
}

fn serve(store: &Path) -> Process {
    let server = Process::serve_with(store, &[("--events", &store.join("events"))]);
    wait_until("the server is ready", || server.send(server.admin, "GET", "/readyz", "").status == 200);
    server
}

/// The dead letters in a folder.
fn letters(folder: &Path) -> Vec<Value> {
    let files = fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let lines: Vec<String> =
        files.flat_map(|file| file.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "not within a minute: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

#[test]
fn a_line_in_a_file_takes_an_item_out_of_the_slate_and_a_restart_knows_it() {
    let shop = Shop::open();
    let similar = || shop.slate("pdp.similar", &json!({"seedItems": [{"itemId": "earl-grey"}]}));
    let before = similar();
    assert!(before.contains(&"assam".to_owned()));
    shop.write("stock.jsonl", &[json!({"type": "item.delisted", "item_id": "assam", "time": NOW})]);
    wait_until("the item is gone", || !similar().contains(&"assam".to_owned()));
    let lines = [
        json!({"type": "item.changed", "item_id": "chai", "time": NOW, "set": {"price": 77.5}}),
        json!({"type": "item.listed", "item_id": "lapsang", "time": NOW, "set": {"in_stock": true, "price": 3}}),
    ];
    shop.write("other.jsonl", &lines);
    wait_until("the new item is known", || shop.status()["live"]["new_items"] == 1);
    let body = json!({"candidateItemIds": ["lapsang", "chai"], "itemFields": ["price"]});
    let answer = shop.post("/v1/placements/pdp.similar:recommend", &body);
    let prices: Vec<&Value> =
        answer["items"].as_array().unwrap().iter().map(|item| &item["properties"]["price"]).collect();
    assert!(prices.contains(&&json!(77.5)) && prices.contains(&&json!(3)), "{answer}");
    assert_eq!(answer["serving"]["liveEpoch"], shop.status()["live_epoch"].to_string());
    let digest = shop.status()["live_digest"].clone();
    assert_ne!(digest, "0000000000000000");
    let shop = shop.restart();
    assert_eq!(shop.status()["live_digest"], digest);
    let after = shop.slate("pdp.similar", &json!({"seedItems": [{"itemId": "earl-grey"}]}));
    assert!(!after.contains(&"assam".to_owned()));
}

#[test]
fn what_cannot_be_used_is_kept_with_its_reason_and_the_rest_goes_on() {
    let shop = Shop::open();
    let path = shop.dir.path().join("events/mixed.jsonl");
    let good = json!({"type": "item.delisted", "item_id": "assam", "time": NOW});
    let wrong = json!({"type": "item.changed", "item_id": "chai", "time": NOW, "set": {"price": "cheap"}});
    let long = "x".repeat(3 << 20);
    fs::write(&path, format!("no json\n{long}\n{{\"type\":\"item.delisted\"}}\n{wrong}\n{good}\n")).unwrap();
    wait_until("the good one is applied", || shop.status()["live"]["items"] == 1);
    let dead = shop.dir.path().join("cache/dead-letters");
    wait_until("all letters are there", || letters(&dead).len() == 4);
    let mut reasons: Vec<String> =
        letters(&dead).iter().map(|letter| letter["reason"].as_str().unwrap().to_owned()).collect();
    reasons.sort();
    assert_eq!(reasons, ["bad_json", "missing_time", "too_large", "wrong_type"]);
    let metrics = shop.metrics();
    for reason in reasons {
        let line = format!("larder_dead_total{{source=\"files\",reason=\"{reason}\"}} 1");
        assert!(metrics.contains(&line), "{line}");
    }
}

#[test]
fn a_session_that_is_recorded_gets_the_slates_of_one_that_is_sent() {
    let shop = Shop::open();
    let mut random = fastrand::Rng::with_seed(7);
    let items: Vec<&str> = grocer::items().collect();
    let status = shop.status();
    let placements: Vec<String> =
        status["snapshot"]["placements"].as_object().unwrap().keys().cloned().collect();
    let mut differ = Vec::new();
    for session in 0..40 {
        let path: Vec<&str> = (0..random.usize(1..6)).map(|_| items[random.usize(0..items.len())]).collect();
        let id = format!("s-{session}");
        let view = |item| json!({"type": "view", "item_id": item, "session_id": id});
        let events: Vec<Value> = path.iter().map(view).collect();
        for result in shop.record(&events) {
            assert_ne!(result["outcome"], "REJECTED", "{result}");
        }
        let sent: Vec<Value> = path.iter().map(|item| json!({"itemId": item})).collect();
        for placement in &placements {
            let recorded = shop.slate(placement, &json!({"subject": {"sessionId": id}}));
            let stateless = shop.slate(placement, &json!({"sessionEvents": sent}));
            if recorded != stateless {
                differ.push((placement.clone(), path.clone(), recorded, stateless));
            }
        }
    }
    assert!(differ.is_empty(), "{differ:#?}");
}

#[test]
fn outcomes_are_told_for_each_event() {
    let shop = Shop::open();
    let now = chrono::Utc::now();
    let view = json!({"type": "view", "itemId": "assam", "sessionId": "s", "time": now.to_rfc3339()});
    let future = (now + chrono::TimeDelta::hours(1)).to_rfc3339();
    let results = shop.record(&[
        view.clone(),
        view,
        json!({"type": "view", "item_id": "assam"}),
        json!({"type": "view", "item_id": "nothing", "session_id": "s"}),
        json!({"type": "view", "item_id": "assam", "session_id": "s", "consent": "DENIED"}),
        json!({"type": "item.delisted", "item_id": "assam", "time": future}),
        json!({"type": "item.changed", "item_id": "assam", "set": {"price": {"net": 1}}}),
        json!({"typ": "view"}),
        json!(7),
    ]);
    let told: Vec<(&str, &str)> = results
        .iter()
        .map(|result| (result["outcome"].as_str().unwrap(), result["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("ACCEPTED", ""),
            ("DUPLICATE", ""),
            ("REJECTED", "no_subject"),
            ("REJECTED", "unknown_item"),
            ("REJECTED", "consent"),
            ("REJECTED", "future_time"),
            ("REJECTED", "nested_value"),
            ("REJECTED", "unknown_field"),
            ("REJECTED", "not_canonical"),
        ]
    );
    let refused = |body: &str| shop.server.send(shop.server.http, "POST", "/v1/events:record", body).status;
    assert_eq!((refused("{}"), refused("{\"events\": 3}"), refused("{\"event\": []}")), (400, 400, 400));
    let many = json!({"events": vec![json!({"type": "view"}); 501]});
    assert_eq!(refused(&many.to_string()), 400);
}

#[test]
fn a_user_who_is_forgotten_is_nobody_from_then_on_and_after_a_restart() {
    let shop = Shop::open();
    let ask = |shop: &Shop, user: &str| {
        let body = json!({"subject": {"userId": user}});
        shop.post("/v1/placements/home.for_you:recommend", &body)
    };
    let degraded = |answer: &Value| answer["degradation"]["causes"].to_string().contains("unknown_user");
    assert!(!degraded(&ask(&shop, "ada")) && degraded(&ask(&shop, "nobody")));
    let receipt = shop.post("/v1/users/ada:forget", &json!({}));
    assert!(!receipt["receipt"].as_str().unwrap().is_empty() && receipt["forgottenUntil"].is_string());
    let ids = |answer: &Value| -> Vec<String> {
        answer["items"].as_array().unwrap().iter().map(|item| item["itemId"].to_string()).collect()
    };
    assert_eq!(ids(&ask(&shop, "ada")), ids(&ask(&shop, "nobody")), "the artifacts are not looked at either");
    let shop = shop.restart();
    wait_until("it is known again", || ids(&ask(&shop, "ada")) == ids(&ask(&shop, "nobody")));
}
