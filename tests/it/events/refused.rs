//! What callers send and cannot be used: they are told, it is counted, and kept where a place is meant for it.

use super::*;

/// Sends one event of each kind that is refused, and one that is not; returns what is said of them.
fn send(server: &Process) -> Vec<(String, String)> {
    let events = json!([
        {"type": "item.changed", "item_id": "chai", "set": {"price": "cheap"}},
        {"typ": "view"},
        {"type": "view", "item_id": "nothing", "session_id": "s"},
        {"type": "item.changed", "item_id": "chai", "set": {"price": {"net": 1}}},
        {"type": "item.changed", "item_id": "chai", "set": {"price": 7}},
    ]);
    let body = json!({"events": events}).to_string();
    let answer = server.send(server.http, "POST", "/v1/events:record", &body).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let results = answer["results"].as_array().unwrap();
    results.iter().map(|result| (text(&result["outcome"]), text(&result["reason"]))).collect()
}

fn said(reasons: [&str; 5]) -> Vec<(String, String)> {
    let outcome = |reason: &str| if reason.is_empty() { "ACCEPTED" } else { "REJECTED" };
    reasons.iter().map(|reason| (outcome(reason).to_owned(), (*reason).to_owned())).collect()
}

const REASONS: [&str; 5] = ["wrong_type", "unknown_field", "unknown_item", "nested_value", ""];

fn counted(server: &Process) {
    let metrics = server.send(server.admin, "GET", "/metrics", "").body;
    for reason in &REASONS[..4] {
        let line = format!("larder_dead_total{{source=\"http\",reason=\"{reason}\"}} 1");
        assert!(metrics.contains(&line), "{line}");
    }
}

#[test]
fn callers_are_told_what_cannot_be_used_and_nothing_is_kept_where_no_place_is_meant_for_it() {
    let store = grocer_store();
    let server = Process::serve_with(store.path(), &[]);
    assert_eq!(send(&server), said(REASONS));
    counted(&server);
    assert!(!store.path().join("cache/dead-letters").exists(), "nothing would ever be in it");
    server.end();
    // With a source there is a folder, for what the source brings.
    let server = serve(store.path());
    assert_eq!(send(&server), said(REASONS));
    counted(&server);
    assert_eq!(letters(&store.path().join("cache/dead-letters")), [] as [Value; 0]);
}

#[test]
fn what_callers_send_and_cannot_be_used_is_a_dead_letter_where_a_place_is_meant_for_it() {
    let store = grocer_store();
    let (dead, out) = (store.path().join("dead"), store.path().join("out"));
    let config = store.path().join("larder.toml");
    let sink = format!(
        "[[events.sink]]\nname = 'lines'\nkind = 'jsonl'\ndir = '{}'\nwhat = ['dead']\n",
        out.display()
    );
    for text in [format!("[events]\ndead_dir = '{}'\n", dead.display()), sink] {
        fs::write(&config, text).unwrap();
        let server = Process::serve_with(store.path(), &[("--config", &config)]);
        assert_eq!(send(&server), said(REASONS));
        counted(&server);
        server.end();
    }
    for folder in [dead, store.path().join("cache/dead-letters"), out] {
        let letters = letters(&folder);
        let mut reasons: Vec<&str> =
            letters.iter().map(|letter| letter["reason"].as_str().unwrap()).collect();
        reasons.sort_unstable();
        assert_eq!(
            reasons,
            ["nested_value", "unknown_field", "unknown_item", "wrong_type"],
            "{}",
            folder.display()
        );
        for letter in &letters {
            assert_eq!(letter["source"], "http");
            // A session is somebody's: what it sent is not kept, only that it was of no use.
            assert_eq!(letter.get("payload").is_none(), letter["reason"] == "unknown_item", "{letter}");
        }
    }
}
