//! `larder evaluate` as its users see it: a table or JSON, also where one placement cannot be evaluated.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Two visits by nobody in particular, after the sample snapshot's last event: good for protocols of sessions, for no
/// others.
const EVENTS: &str = "user_id,session_id,item_id,event_type,timestamp\n\
                      ,s1,P00042,view,2026-11-05T10:00:00Z\n\
                      ,s1,P00043,view,2026-11-05T10:01:00Z\n\
                      ,s1,P00007,view,2026-11-05T10:02:00Z\n\
                      ,s2,P00100,view,2026-11-06T10:00:00Z\n\
                      ,s2,P00101,view,2026-11-06T10:01:00Z\n";

fn evaluate(events: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["evaluate", "--snapshot", "models", "--events"]);
    command.env_remove("LARDER_CHANNEL").arg(events).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_placement_with_nothing_to_replay_gets_a_row_of_dashes_and_the_others_their_figures() {
    let dir = tempfile::tempdir().unwrap();
    let events = dir.path().join("events.csv");
    fs::write(&events, EVENTS).unwrap();
    let output = evaluate(&events, &[]);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let row = |placement: &str| -> Vec<&str> {
        let line = said.lines().find(|line| line.starts_with(placement)).unwrap();
        line[placement.len()..].split_whitespace().collect()
    };
    let dashes = vec!["–"; 10];
    assert_eq!(row("home.buy_again"), dashes, "{said}");
    assert_eq!(row("cart.complements"), dashes, "{said}");
    assert_eq!(row("session.next")[0], "3", "{said}");
    assert!(row("session.next").iter().all(|cell| cell.parse::<f64>().is_ok()), "{said}");
    for reason in
        ["home.buy_again: nothing to replay: no user", "cart.complements: nothing to replay: no session"]
    {
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn json_has_null_figures_and_the_reason_for_a_placement_with_nothing_to_replay() {
    let dir = tempfile::tempdir().unwrap();
    let events = dir.path().join("events.csv");
    fs::write(&events, EVENTS).unwrap();
    let json = |arguments: &[&str]| -> Value {
        let output = evaluate(&events, &[&["--json"][..], arguments].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let one = json(&["--placement", "home.for_you"]);
    assert_eq!(
        (&one["predictions"], &one["metrics"], &one["latency_us"]),
        (&0.into(), &Value::Null, &Value::Null)
    );
    assert!(one["reason"].as_str().is_some_and(|reason| reason.contains("user")), "{one}");
    assert!(one["protocol"].as_str().is_some_and(|protocol| protocol.starts_with("items per known user")));
    let two = json(&["--placement", "home.for_you", "--placement", "pdp.similar"]);
    assert_eq!((&two[0]["metrics"], &two[1]["predictions"]), (&Value::Null, &3.into()));
    assert!(two[1]["metrics"]["hr@20"].is_f64() && two[1].get("reason").is_none(), "{two}");
    let other = json(&["--placement", "home.for_you", "--protocol", "next-item"]);
    assert_eq!(
        other["predictions"], 3,
        "by another protocol the same placement has something to replay: {other}"
    );
}

#[test]
fn exclusions_of_the_command_line_replace_those_of_every_recipe() {
    let dir = tempfile::tempdir().unwrap();
    let events = dir.path().join("events.csv");
    fs::write(&events, EVENTS).unwrap();
    let protocol = |exclude: &str| -> String {
        let output = evaluate(&events, &["--json", "--placement", "session.next", "--exclude", exclude]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        report["protocol"].as_str().unwrap().to_owned()
    };
    assert!(protocol("none").contains("current item allowed, other session items allowed"));
    assert!(
        protocol("session,purchased").contains("other session items excluded, earlier purchases excluded")
    );
    let refused = evaluate(&events, &["--exclude", "sesion"]);
    assert_eq!(refused.status.code(), Some(64));
    assert!(text(&refused.stderr).contains("`sesion`") && text(&refused.stderr).contains("`session`"));
    assert_eq!(evaluate(&events, &["--most", "0"]).status.code(), Some(64));
}
