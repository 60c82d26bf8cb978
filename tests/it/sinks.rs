//! What goes out of a running server: exposures, events and dead letters, to sinks that the file lists, also through
//! kills, and without those who were forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use larder::artifact::LocalStore;
use larder::artifact::table::{Cell, Table, TableLimits};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::following::publish_to;
use crate::support::grocer;
use crate::support::process::Process;
use crate::support::scrape::Scrape;

mod killed;
mod retrained;

/// A time after everything in the grocer's snapshot.
const NOW: &str = "2026-11-21T10:00:00Z";

/// A store with a snapshot, and a configuration with a spool.
struct Shop {
    dir: TempDir,
    config: PathBuf,
}

impl Shop {
    fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        publish_to(&LocalStore::create(dir.path()).unwrap(), grocer::snapshot(1).path()).unwrap();
        let path = dir.path().join("larder.toml");
        fs::write(&path, format!("[spool]\ndir = 'spool'\n{config}")).unwrap();
        Self { dir, config: path }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn serve(&self) -> Process {
        Process::serve_with(self.dir.path(), &[("--config", &self.config)])
    }

    /// The lines of the files in a directory whose names begin like this.
    fn lines(&self, dir: &str, begin: &str) -> Vec<Value> {
        let mut lines = Vec::new();
        for entry in fs::read_dir(self.path(dir)).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with(begin) {
                let text = fs::read_to_string(path).unwrap();
                lines.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
            }
        }
        lines
    }
}

fn post(server: &Process, path: &str, body: &Value) -> Value {
    let reply = server.send(server.http, "POST", path, &body.to_string());
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

/// The outcomes of events that are recorded.
fn record(server: &Process, events: &[Value]) -> Vec<String> {
    let answer = post(server, "/v1/events:record", &json!({"events": events}));
    let results = answer["results"].as_array().unwrap();
    results.iter().map(|result| result["outcome"].as_str().unwrap().to_owned()).collect()
}

fn ask(server: &Process, user: &str) {
    let body = json!({"subject": {"userId": user, "sessionId": format!("s-{user}")}});
    post(server, "/v1/placements/home.for_you:recommend", &body);
}

fn metric(server: &Process, name: &str, labels: &[(&str, &str)]) -> f64 {
    let text = server.send(server.admin, "GET", "/metrics", "").body;
    Scrape::parse(&text).value(name, labels).unwrap_or_default()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// All files below a directory, with their paths in it.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

/// The cells of a column of all Parquet files below a directory, as text; `-` for none.
fn column(dir: &Path, name: &str) -> Vec<String> {
    let mut cells = Vec::new();
    for (file, bytes) in files(dir) {
        let table = Table::from_parquet(bytes.into(), &file, &TableLimits::default()).unwrap();
        let mut visit = |_: usize, cell: Cell<'_>| {
            cells.push(match cell {
                Cell::Text(text) => text.to_owned(),
                Cell::Null => "-".to_owned(),
                other => format!("{other:?}"),
            });
            Ok(())
        };
        table.each(name, &mut visit).unwrap();
    }
    cells
}

/// The columns of a table of `deploy/lake/exposures.sql`.
fn declared(table: &str) -> Vec<String> {
    let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/lake/exposures.sql");
    let sql = fs::read_to_string(sql).unwrap();
    let columns = sql.split(&format!("CREATE EXTERNAL TABLE {table} (\n")).nth(1).unwrap();
    let columns = columns.split("\n)").next().unwrap().lines();
    columns.map(|line| line.trim().split(' ').next().unwrap().replace('`', "")).collect()
}

#[test]
fn exposures_events_and_dead_letters_go_to_each_sink_that_takes_them_and_once() {
    let shop = Shop::new(
        "[[events.source]]\nname = 'shop'\nkind = 'files'\ndir = 'in'\n\
         [[events.sink]]\nname = 'all'\nkind = 'jsonl'\ndir = 'out'\nwhat = ['exposures', 'events', 'dead']\n\
         [[events.sink]]\nname = 'more'\nkind = 'jsonl'\ndir = 'more'\nwhat = ['events']\n\
         [[events.sink]]\nname = 'lake'\nkind = 'parquet'\nto = 'lake'\nwhat = ['exposures', 'events', 'dead']\n",
    );
    fs::create_dir(shop.path("in")).unwrap();
    fs::write(shop.path("in/bad.jsonl"), "no JSON\n{\"type\":\"view\"}\n").unwrap();
    let server = shop.serve();
    ask(&server, "ada");
    let view = |id: &str| json!({"id": id, "type": "view", "item_id": "chai", "user_id": "ada", "time": NOW});
    let sold = json!({"type": "item.changed", "item_id": "chai", "time": NOW, "set": {"price": 3.5}});
    let unknown = json!({"type": "view", "item_id": "no such", "user_id": "ada", "time": NOW});
    let accepted = "ACCEPTED";
    assert_eq!(record(&server, &[view("e1"), sold, unknown]), [accepted, accepted, "REJECTED"]);
    assert_eq!(record(&server, &[view("e1")]), ["DUPLICATE"], "a call that is repeated");
    let counted =
        |outcome| metric(&server, "larder_events_total", &[("source", "http"), ("outcome", outcome)]);
    assert_eq!(counted("duplicate"), 1.0);
    post(&server, "/v1/users/ben:forget", &json!({}));
    wait_until("the dead letters", || shop.lines("out", "dead-").len() == 3);
    server.end();

    let types = |lines: &[Value]| -> Vec<String> {
        lines.iter().map(|line| line["type"].as_str().unwrap().to_owned()).collect()
    };
    let events = shop.lines("out", "events-");
    assert_eq!(types(&events), ["view", "item.changed", "user.forgotten"]);
    assert!(events.iter().all(|event| event["id"].is_string()), "by which repetitions are known: {events:?}");
    assert_eq!(shop.lines("more", ""), events);
    assert_eq!(shop.lines("out", "exposures-").len(), 1);
    assert_eq!(column(&shop.path("lake/events"), "event_type"), ["view", "item.changed"]);
    assert_eq!(column(&shop.path("lake/events"), "set"), ["-", r#"{"price":3.5}"#]);
    assert_eq!(column(&shop.path("lake/events"), "event_id")[0], "e1");
    assert_eq!(column(&shop.path("lake/forgotten"), "user_id"), ["ben"]);
    let mut dead: Vec<[String; 2]> = column(&shop.path("lake/dead"), "source")
        .into_iter()
        .zip(column(&shop.path("lake/dead"), "reason"))
        .map(<[String; 2]>::from)
        .collect();
    dead.sort();
    assert_eq!(dead, [["http", "unknown_item"], ["shop", "bad_json"], ["shop", "missing_time"]]);
    assert!(!column(&shop.path("lake/exposures"), "item_id").is_empty());
    let allowed = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/lake/iam/lake-writer.json");
    let allowed = fs::read_to_string(allowed).unwrap();
    let lake = files(&shop.path("lake"));
    let folders: BTreeSet<&str> = lake.keys().filter_map(|path| Some(path.split_once('/')?.0)).collect();
    assert_eq!(folders, BTreeSet::from(["dead", "events", "exposures", "forgotten"]));
    for folder in folders {
        assert!(allowed.contains(&format!("PREFIX/{folder}/*")), "a lake-writer may not write {folder}/");
    }
    for table in ["events", "forgotten"] {
        let (file, bytes) = files(&shop.path(&format!("lake/{table}"))).pop_first().unwrap();
        let found = Table::from_parquet(bytes.into(), &file, &TableLimits::default()).unwrap();
        let found: Vec<String> = found.columns().iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(found, declared(table));
    }
    let left: Vec<String> =
        files(&shop.path("spool")).into_keys().filter(|name| name.ends_with(".seg")).collect();
    assert!(left.is_empty(), "delivered: {left:?}");
}

/// A server whose sink is away: a file is where its directory should be. It has shown a slate to each of these users,
/// and recorded an event of each.
fn backlog(shop: &Shop, users: &[&str]) -> Process {
    let server = shop.serve();
    fs::remove_dir_all(shop.path("out")).unwrap();
    fs::write(shop.path("out"), "").unwrap();
    for user in users {
        ask(&server, user);
        let view =
            json!({"type": "view", "item_id": "chai", "user_id": user, "session_id": format!("s-{user}")});
        assert_eq!(record(&server, &[view]), ["ACCEPTED"]);
    }
    for what in ["exposures", "events"] {
        let failed = || metric(&server, "larder_sink_failed_total", &[("sink", "out"), ("what", what)]);
        wait_until("the sink is missed", || failed() > 0.0);
    }
    server
}

const ONE_SINK: &str =
    "[[events.sink]]\nname = 'out'\nkind = 'jsonl'\ndir = 'out'\nwhat = ['exposures', 'events']\n";

#[test]
fn who_is_forgotten_is_taken_out_of_what_still_waits() {
    let shop = Shop::new(ONE_SINK);
    let server = backlog(&shop, &["ada", "ben"]);
    post(&server, "/v1/users/ada:forget", &json!({}));
    ask(&server, "cy");
    fs::remove_file(shop.path("out")).unwrap();
    wait_until("the exposures", || shop.lines("out", "exposures-").len() == 3);
    wait_until("the events", || shop.lines("out", "events-").len() == 2);
    server.end();

    let users: Vec<Value> =
        shop.lines("out", "exposures-").iter().map(|shown| shown["user_id"].clone()).collect();
    assert_eq!(users, [Value::Null, json!("ben"), json!("cy")], "what was shown still counts");
    let events = shop.lines("out", "events-");
    let of = |event: &Value| (event["type"].clone(), event["user_id"].clone());
    assert_eq!(of(&events[0]), (json!("view"), json!("ben")));
    assert_eq!(of(&events[1]), (json!("user.forgotten"), json!("ada")), "others have to hear of it");
    let text = shop.lines("out", "exposures-").iter().map(Value::to_string).collect::<String>();
    assert!(!text.contains("ada"), "{text}");
}

#[test]
fn a_configuration_that_cannot_be_used_leaves_the_backlog_and_the_next_one_delivers_it() {
    let shop = Shop::new(ONE_SINK);
    backlog(&shop, &["ada", "ben"]).end();
    let segments = || {
        let mut kept = files(&shop.path("spool"));
        kept.retain(|name, _| name.ends_with(".seg") || name.ends_with(".cursor"));
        kept
    };
    let before = segments();
    assert_eq!(before.keys().filter(|name| name.ends_with(".seg")).count(), 2, "{:?}", before.keys());
    let good = fs::read_to_string(&shop.config).unwrap();
    // A name that is no kind, a directory that cannot be one, and a port that is taken.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let bad = [
        good.replace("'jsonl'", "'json'"),
        good.clone(),
        format!(
            "{}[server]\ngrpc_addr = '{}'\n",
            good.replace("'out'\nwhat", "'spool/lock/x'\nwhat"),
            taken.local_addr().unwrap()
        ),
    ];
    for config in bad {
        fs::write(&shop.config, &config).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_larder"));
        command.args(["serve", "--store", ".", "--config", "larder.toml", "--cache-dir", "cache"]);
        let done = command.current_dir(shop.dir.path()).output().unwrap();
        assert!(!done.status.success(), "{config}");
        assert!(segments() == before, "{config}\n{}", String::from_utf8_lossy(&done.stderr));
    }
    fs::write(&shop.config, good).unwrap();
    fs::remove_file(shop.path("out")).unwrap();
    shop.serve().end();
    assert_eq!(shop.lines("out", "exposures-").len(), 2);
    assert_eq!(shop.lines("out", "events-").len(), 2);
}
