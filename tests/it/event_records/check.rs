//! `larder events`, as a shell sees it.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use larder::connect::Record;
use larder::connect::dead::{DeadLetters, DeadOptions, PersonalPayloads};
use larder::connect::decode::Decoder;
use serde_json::{Value, json};

use super::{GOOD, NOW, decode_record};

pub(super) fn larder(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_larder"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments does not read on.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_file_of_records_is_checked_line_by_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("events.jsonl");
    let view = r#"[{"type":"view","time":1795161600,"item_id":"B"},{"type":"view","itemid":"B"}]"#;
    let large = "x".repeat(3 << 20);
    fs::write(&file, format!("{GOOD}\n\n{view}\nnonsense\n{large}\n{GOOD}")).unwrap();
    let path = file.display().to_string();

    let output = larder(&["events", "check", &path, "--json"], b"");
    assert_eq!(output.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["lines"], &answer["events"], &answer["ignored"]), (&json!(6), &json!(3), &json!(1)));
    assert_eq!(answer["by_type"], json!({"item.changed": 2, "view": 1}));
    assert_eq!(answer["by_reason"], json!({"unknown_field": 1, "bad_json": 1, "too_large": 1}));
    let dead = answer["dead"].as_array().unwrap();
    let places: Vec<_> = dead.iter().map(|dead| (dead["line"].as_u64(), dead["field"].as_str())).collect();
    assert_eq!(places, [(Some(3), Some("/1/itemid")), (Some(4), Some("")), (Some(5), Some(""))]);
    assert!(dead[0]["message"].as_str().unwrap().contains("did you mean \"item_id\"?"));

    let output = larder(&["events", "check", "-"], &fs::read(&file).unwrap());
    let (said, complaint) = (text(&output.stdout), text(&output.stderr));
    assert!(
        said.contains("1: item.changed A\n") && said.contains("3: dead: unknown_field at /1/itemid"),
        "{said}"
    );
    assert!(complaint.contains("3 events in 6 lines cannot be used"), "{complaint}");

    let output = larder(&["events", "check", "-", "--json"], GOOD.as_bytes());
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn mappings_are_those_of_the_chosen_source() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("larder.toml");
    let source = |name: &str, kind: &str| {
        format!(
            "[[events.source]]\nname = \"{name}\"\nkind = \"files\"\n[[events.source.map]]\ntype = \"{kind}\"\n\
             item_id = \"/sku\"\ntime = \"/at\"\n"
        )
    };
    fs::write(&config, format!("store = \"x\"\n{}{}", source("a", "view"), source("b", "item.listed")))
        .unwrap();
    let config = config.display().to_string();
    let record = br#"{"sku":"A","at":1795161600}"#;
    let check = |more: &[&str]| {
        larder(&[&["events", "check", "-", "--json", "--config", &config][..], more].concat(), record)
    };
    let output = check(&["--source", "b"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["by_type"], json!({"item.listed": 1}));
    for more in [&[][..], &["--source", "c"]] {
        let output = check(more);
        assert_eq!(output.status.code(), Some(64));
        assert!(text(&output.stderr).contains("with --source: a, b"), "{}", text(&output.stderr));
    }
    fs::write(&config, "[[events.source]]\n[[events.source.map]]\ntype = \"view\"\nitemid = \"/sku\"\n")
        .unwrap();
    let output = check(&[]);
    assert_eq!(output.status.code(), Some(64));
    assert!(
        text(&output.stderr).contains("larder.toml: line 4: unknown field `itemid`"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn dead_letters_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    let options = DeadOptions { dir: dir.path().to_owned(), max: 0, personal: PersonalPayloads::default() };
    let record = Record::new("shop", br#"{"type":"item.changed"}"#).at("shard-1", "4953");
    let (_, decoded) = decode_record(&Decoder::canonical(), &record);
    DeadLetters::open(options).unwrap().write(&record, &decoded, NOW).unwrap();
    let path = dir.path().display().to_string();
    let output = larder(&["events", "dead", "--dir", &path], b"");
    let said = text(&output.stdout);
    assert!(
        said.starts_with("2026-11-20T08:30:00.000Z shop shard-1 4953: missing_time at /time: "),
        "{said}"
    );
    let output = larder(&["events", "dead", "--dir", &path, "--json"], b"");
    let letter: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&letter["reason"], &letter["payload"]),
        (&json!("missing_time"), &json!("eyJ0eXBlIjoiaXRlbS5jaGFuZ2VkIn0="))
    );
}
