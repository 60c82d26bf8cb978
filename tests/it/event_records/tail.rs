//! `larder events tail` and `replay-dead`, as a shell sees them.

use std::fs;
use std::path::Path;

use larder::connect::Record;
use larder::connect::dead::{DeadLetters, DeadOptions, PersonalPayloads};
use larder::connect::decode::Decoder;
use serde_json::{Value, json};

use super::check::{larder, text};
use super::{GOOD, NOW, mappings};

/// Events of a shop that calls things by other names.
const OTHER: &str = r#"{"what":"stock","sku":"B","at":"2026-11-20T08:10:00Z","left":0}"#;

fn source(dir: &Path, map: &str) -> String {
    format!(
        "[[events.source]]\nname = 'shop'\nkind = 'files'\ndir = '{}'\n[[events.source.map]]\n{map}",
        dir.display()
    )
}

const MAP: &str = "match = '{\"what\":[\"stock\"]}'\ntype = 'item.changed'\nitem_id = '/sku'\ntime = '/at'\n\
                   set.in_stock = { at = '/left', gt = 0 }\n";

#[test]
fn what_comes_is_printed_and_what_is_of_no_use_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.jsonl"), format!("{GOOD}\nnonsense\n{OTHER}\n")).unwrap();
    let config = dir.path().join("larder.toml");
    fs::write(&config, source(dir.path(), MAP)).unwrap();
    let (path, file) = (dir.path().display().to_string(), config.display().to_string());

    let output = larder(&["events", "tail", &path, "--no-follow"], b"");
    let said = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(said.contains(": item.changed A\n") && said.contains(": dead: bad_json"), "{said}");
    assert!(said.contains("files a.jsonl"), "where it was: {said}");
    assert_eq!(said.lines().count(), 3, "without mappings the last is no event: {said}");

    let output =
        larder(&["events", "tail", "--config", &file, "--source", "shop", "--no-follow", "--json"], b"");
    let lines: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[1]["dead"]["reason"], "bad_json");
    assert_eq!((&lines[2]["item_id"], &lines[2]["set"]), (&json!("B"), &json!({"in_stock": false})));
    // An event as it is printed is one that can be sent.
    let again = larder(&["events", "check", "-", "--json"], lines[2].to_string().as_bytes());
    assert!(again.status.success(), "{}", text(&again.stdout));

    let output = larder(&["events", "tail", "--config", &file, "--source", "till", "--no-follow"], b"");
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("choose one of its sources with --source: shop"));
    let output = larder(&["events", "tail", "/no/such/folder", "--no-follow"], b"");
    assert_eq!(output.status.code(), Some(1));
}

/// A folder of dead letters: what a decoder without the right mapping made of these records.
fn dead_letters(dir: &Path, records: &[&str]) {
    let options = DeadOptions { dir: dir.to_owned(), max: 16 << 20, personal: PersonalPayloads::Keep };
    let mut letters = DeadLetters::open(options).unwrap();
    let wrong = Decoder::new(&mappings(&format!("[[map]]\n{}", MAP.replace("/left", "/rest")))).unwrap();
    for (record, at) in records.iter().zip(0i64..) {
        let record = Record::new("shop", record.as_bytes()).at("0", at);
        let decoded = wrong.decode(&record, NOW, &mut Vec::new());
        assert!(!decoded.poison.is_empty(), "it was to be dead");
        letters.write(&record, &decoded, NOW).unwrap();
    }
}

#[test]
fn dead_letters_that_can_be_used_by_now_become_events_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (dead, to, config) = (path("dead"), path("events"), path("larder.toml"));
    fs::create_dir(&to).unwrap();
    dead_letters(Path::new(&dead), &[OTHER, "nonsense"]);
    let before = fs::read(Path::new(&dead).join("dead-0000000001.jsonl")).unwrap();
    fs::write(&config, source(Path::new(&to), MAP)).unwrap();
    let run = |more: &[&str]| -> Value {
        let arguments = ["events", "replay-dead", &dead, "--to", &to, "--json"];
        let output = larder(&[&arguments[..], more].concat(), b"");
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let written = || {
        let mut files: Vec<_> = fs::read_dir(&to).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| fs::read_to_string(file).unwrap()).collect::<Vec<_>>()
    };
    // Not by other reasons, nor of other sources.
    assert_eq!(run(&["--config", &config, "--reason", "bad_json"])["events"], 0);
    assert_eq!(run(&["--config", &config, "--source", "till"])["records"], 0);
    assert_eq!(written(), [""; 0]);

    let answer = run(&["--config", &config]);
    assert_eq!((&answer["records"], &answer["events"]), (&json!(2), &json!(1)));
    assert_eq!(answer["still_dead"], json!({"bad_json": 1}));
    let file = answer["file"].as_str().unwrap();
    assert!(file.contains("replayed-"), "{file}");
    let event: Value = serde_json::from_str(&written()[0]).unwrap();
    assert_eq!((&event["item_id"], &event["set"]["in_stock"]), (&json!("B"), &json!(false)));

    // A second run does nothing new, and another mapping is something new.
    let answer = run(&["--config", &config]);
    assert_eq!((&answer["events"], &answer["known"], written().len()), (&json!(0), &json!(1), 1));
    fs::write(&config, source(Path::new(&to), &MAP.replace("in_stock", "available"))).unwrap();
    assert_eq!((&run(&["--config", &config])["events"], written().len()), (&json!(1), 2));
    // The letters are the server's, and stay.
    assert_eq!(fs::read(Path::new(&dead).join("dead-0000000001.jsonl")).unwrap(), before);

    let output = larder(&["events", "replay-dead", &dead, "--to", "/no/such/folder"], b"");
    assert_eq!(output.status.code(), Some(1));
    let output = larder(&["events", "replay-dead", "--to", &to], b"");
    assert_eq!(output.status.code(), Some(64), "{}", text(&output.stderr));
}
