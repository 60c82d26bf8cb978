//! What people did before they signed in, and those who were forgotten: over a crash, a replay and a rollback.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use larder::artifact::LocalStore;
use larder::snapshot::{MANIFEST, Manifest};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::following::publish_to;
use crate::support::grocer;
use crate::support::process::Process;

/// How long a test waits for what a server does in milliseconds when the machine is free.
const PATIENCE: Duration = Duration::from_secs(60);

/// What somebody has seen or bought is not shown again.
const PLACEMENT: &str = r#"
[placements.news]
page_size = 16
sources = [ { kind = "popular", artifact = "popularity" } ]
history = "bought"
exclude = ["purchased", "seen"]
"#;

struct Shop {
    dir: TempDir,
    server: Process,
}

impl Shop {
    /// A shop that follows the files in `stream`, and no directory that it writes to.
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        publish(dir.path(), &snapshot(3));
        fs::create_dir(dir.path().join("stream")).unwrap();
        let stream = dir.path().join("stream");
        let source =
            format!("[[events.source]]\nname = 'shop'\nkind = 'files'\ndir = '{}'\n", stream.display());
        fs::write(dir.path().join("larder.toml"), source).unwrap();
        let server = serve(dir.path());
        Self { dir, server }
    }

    /// As after a power failure.
    fn crash(self) -> TempDir {
        self.server.kill();
        drop(self.server);
        self.dir
    }

    fn again(dir: TempDir) -> Self {
        let server = serve(dir.path());
        Self { dir, server }
    }

    fn stream(&self, events: &[Value]) {
        let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
        fs::write(self.dir.path().join("stream/people.jsonl"), lines).unwrap();
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let reply = self.server.send(self.server.http, "POST", path, &body.to_string());
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }

    fn record(&self, event: Value) {
        let answer = self.post("/v1/events:record", &json!({"events": [event]}));
        assert_eq!(answer["results"][0]["outcome"], "ACCEPTED", "{answer}");
    }

    fn slate(&self, placement: &str, subject: Value) -> Vec<String> {
        let answer =
            self.post(&format!("/v1/placements/{placement}:recommend"), &json!({"subject": subject}));
        let items = answer["items"].as_array().unwrap();
        items.iter().map(|item| item["itemId"].as_str().unwrap().to_owned()).collect()
    }

    /// Which of some items are not news to this subject.
    fn knows(&self, subject: Value) -> Vec<&'static str> {
        let slate = self.slate("news", subject);
        ["assam", "chai", "milk"].into_iter().filter(|item| !slate.contains(&(*item).to_owned())).collect()
    }

    fn forgotten_file(&self) -> std::path::PathBuf {
        self.dir.path().join("cache/forgotten.jsonl")
    }
}

fn snapshot(hour: u32) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    grocer::stock(dir.path(), hour);
    let placements = format!("# {hour}\n{}{PLACEMENT}", grocer::PLACEMENTS);
    fs::write(dir.path().join("placements.toml"), placements).unwrap();
    grocer::seal(dir.path(), hour);
    dir
}

fn publish(store: &Path, snapshot: &TempDir) {
    publish_to(&LocalStore::create(store).unwrap(), snapshot.path()).unwrap();
}

fn serve(store: &Path) -> Process {
    let server = Process::serve_with(store, &[("--config", &store.join("larder.toml"))]);
    wait_until("the server is ready", || server.send(server.admin, "GET", "/readyz", "").status == 200);
    server
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "not within a minute: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A time some minutes ago.
fn ago(minutes: i64) -> String {
    (Utc::now() - TimeDelta::minutes(minutes)).to_rfc3339()
}

#[test]
fn who_signs_in_is_known_from_before() {
    let shop = Shop::open();
    let view = |item: &str, ids: Value| {
        let mut event = json!({"type": "view", "item_id": item});
        event.as_object_mut().unwrap().extend(ids.as_object().unwrap().clone());
        event
    };
    shop.record(view("assam", json!({"visitor_id": "phone"})));
    shop.record(json!({"type": "purchase", "item_id": "milk", "visitor_id": "phone"}));
    assert_eq!(shop.knows(json!({"visitorId": "phone"})), ["assam", "milk"]);
    assert_eq!(shop.knows(json!({"userId": "eva"})), [""; 0]);
    // A request that names both comes before any event that does; it is no reason to remember.
    assert_eq!(shop.knows(json!({"userId": "eva", "visitorId": "phone"})), ["assam", "milk"]);
    let denied = json!({"userId": "eva", "visitorId": "phone", "consent": "DENIED"});
    assert_eq!(shop.knows(denied), [""; 0]);
    assert_eq!(shop.knows(json!({"userId": "eva"})), [""; 0]);
    // An event without consent links nobody.
    let unwanted = view("chai", json!({"visitor_id": "phone", "user_id": "eva", "consent": "DENIED"}));
    let answer = shop.post("/v1/events:record", &json!({"events": [unwanted]}));
    assert_eq!(answer["results"][0]["reason"], "consent");
    assert_eq!(shop.knows(json!({"userId": "eva"})), [""; 0]);
    // One with it does: on every device.
    shop.record(view("chai", json!({"visitor_id": "phone", "user_id": "eva"})));
    assert_eq!(shop.knows(json!({"userId": "eva"})), ["assam", "chai", "milk"]);
    assert_eq!(shop.knows(json!({"userId": "eva", "visitorId": "laptop"})), ["assam", "chai", "milk"]);
    // Somebody else on the same phone gets nothing of that.
    assert_eq!(shop.knows(json!({"userId": "kim", "visitorId": "phone"})), [""; 0]);
}

#[test]
fn forgetting_survives_a_crash_and_what_is_read_again() {
    let shop = Shop::open();
    let events = [
        json!({"type": "view", "item_id": "assam", "visitor_id": "phone", "time": ago(9)}),
        json!({"type": "view", "item_id": "chai", "visitor_id": "phone", "user_id": "eva", "time": ago(8)}),
        json!({"type": "purchase", "item_id": "milk", "user_id": "eva", "time": ago(7)}),
        json!({"type": "view", "item_id": "chai", "user_id": "kim", "time": ago(7)}),
    ];
    shop.stream(&events);
    let (eva, phone) = (json!({"userId": "eva"}), json!({"visitorId": "phone"}));
    wait_until("the stream is read", || shop.knows(eva.clone()) == ["assam", "chai", "milk"]);
    shop.post("/v1/users/eva:forget", &json!({}));
    let forgotten = |shop: &Shop| {
        assert_eq!(shop.knows(eva.clone()), [""; 0]);
        assert_eq!(shop.knows(phone.clone()), [""; 0]);
        assert_eq!(shop.knows(json!({"userId": "kim"})), ["chai"]);
    };
    forgotten(&shop);
    let file = fs::read_to_string(shop.forgotten_file()).unwrap();
    assert!(!file.contains("eva") && !file.contains("phone"), "{file}");
    // A crash may leave half a line.
    let dir = shop.crash();
    fs::write(dir.path().join("cache/forgotten.jsonl"), format!("{file}{{\"subj")).unwrap();
    let shop = Shop::again(dir);
    forgotten(&shop);
    shop.record(json!({"type": "view", "item_id": "milk", "user_id": "eva"}));
    assert_eq!(shop.knows(eva.clone()), ["milk"], "from now on it is remembered again");
    // It is the file that knows it.
    let dir = shop.crash();
    fs::remove_file(dir.path().join("cache/forgotten.jsonl")).unwrap();
    let shop = Shop::again(dir);
    assert_eq!(shop.knows(eva), ["assam", "chai", "milk"]);
}

#[test]
fn a_wish_that_the_disk_does_not_take_is_not_said_to_be_done() {
    let shop = Shop::open();
    let eva = json!({"userId": "eva"});
    shop.record(json!({"type": "view", "item_id": "assam", "user_id": "eva"}));
    let (cache, away) = (shop.dir.path().join("cache"), shop.dir.path().join("away"));
    // A file in the place of the folder: nothing can be made in it.
    fs::rename(&cache, &away).unwrap();
    fs::write(&cache, "").unwrap();
    let forget = || shop.server.send(shop.server.http, "POST", "/v1/users/eva:forget", "{}");
    let refused = forget();
    assert_eq!(refused.status, 503, "{}", refused.body);
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("forgotten until the next restart") && detail.contains("cache_dir"), "{detail}");
    let event = json!({"events": [{"type": "user.forgotten", "user_id": "eva"}]});
    let told = shop.post("/v1/events:record", &event)["results"][0].clone();
    assert_eq!((&told["outcome"], &told["reason"]), (&json!("REJECTED"), &json!("not_kept")));
    assert_eq!(shop.knows(eva.clone()), [""; 0], "until then it is obeyed all the same");
    fs::remove_file(&cache).unwrap();
    fs::rename(&away, &cache).unwrap();
    shop.post("/v1/users/eva:forget", &json!({}));
    let old = json!({"type": "view", "item_id": "assam", "user_id": "eva", "time": ago(1)});
    let shop = Shop::again(shop.crash());
    shop.post("/v1/events:record", &json!({"events": [old]}));
    assert_eq!(shop.knows(eva), [""; 0], "what the disk took, a restart knows");
}

#[test]
fn artifacts_know_a_forgotten_user_only_if_their_data_ends_later_also_after_a_rollback() {
    let shop = Shop::open();
    let ada = || shop.slate("home.for_you", json!({"userId": "ada"}));
    let nobody = || shop.slate("home.for_you", json!({"userId": "nobody"}));
    assert_ne!(ada(), nobody());
    shop.post("/v1/users/ada:forget", &json!({}));
    assert_eq!(ada(), nobody());
    let serves = |version: &str| {
        let status = shop.server.send(shop.server.admin, "GET", "/status", "").json();
        status["snapshot"]["version"] == version
    };
    // Trained after the wish: what it knows of ada is new.
    let next = snapshot(4);
    let path = next.path().join(MANIFEST);
    let mut manifest = Manifest::parse(&fs::read(&path).unwrap(), "manifest").unwrap();
    manifest.data_until = Some((Utc::now() + TimeDelta::minutes(1)).to_rfc3339());
    fs::write(&path, manifest.to_json()).unwrap();
    publish(shop.dir.path(), &next);
    let refresh = || shop.server.send(shop.server.admin, "POST", "/snapshots:refresh", "");
    refresh();
    wait_until("the next snapshot is served", || serves(&manifest.snapshot));
    assert_ne!(ada(), nobody());
    let before = snapshot(3);
    publish(shop.dir.path(), &before);
    refresh();
    wait_until("the snapshot of before is served", || !serves(&manifest.snapshot));
    assert_eq!(ada(), nobody());
}

#[test]
fn memory_is_set_aside_for_live_state_where_events_are_read() {
    let shop = Shop::open();
    let status = |server: &Process| server.send(server.admin, "GET", "/status", "").json();
    // 256 MiB of items, 128 of sessions, 128 of users and visitors, and the rows of new items.
    let reserved = status(&shop.server)["memory_reserved"].as_u64().unwrap();
    assert!((512 << 20..520 << 20).contains(&reserved), "{reserved}");
    let dir = shop.crash();
    fs::write(dir.path().join("larder.toml"), "[snapshot]\nmemory_budget = '256MiB'\n").unwrap();
    let shop = Shop::again(dir);
    assert_eq!(status(&shop.server)["memory_reserved"], 0, "nobody sends any");
}

#[test]
fn a_file_that_does_not_say_who_is_forgotten_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    publish(dir.path(), &snapshot(3));
    fs::create_dir_all(dir.path().join("cache")).unwrap();
    fs::write(dir.path().join("cache/forgotten.jsonl"), "{\"secret\": \"none\"}\n").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_larder"))
        .args(["serve", "--server.grpc-addr", "127.0.0.1:0", "--server.http-addr", "127.0.0.1:0"])
        .args(["--server.admin-addr", "127.0.0.1:0", "--store"])
        .arg(dir.path())
        .arg("--cache-dir")
        .arg(dir.path().join("cache"))
        .current_dir(dir.path())
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && message.contains("forgotten.jsonl line 1 "), "{message}");
}
