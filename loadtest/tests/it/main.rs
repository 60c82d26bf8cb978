//! The built program against a small server that speaks the real contract.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod bare;
mod load;
mod proofs;
mod readings;
mod scripts;
mod shop;

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::shop::Shop;

async fn loadtest(line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder-loadtest"));
    command.args(line.split_whitespace()).kill_on_drop(true).output().await.unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Records a mix and says where it is.
async fn recorded(dir: &Path, seed: u64) -> String {
    let items = dir.join("items.txt");
    std::fs::write(&items, (0..50).map(|n| format!("item-{n}\n")).collect::<String>()).unwrap();
    let mix = dir.join(format!("mix-{seed}.jsonl")).display().to_string();
    let output = loadtest(&format!(
        "record --out {mix} --placement pdp.similar=3 --placement home.for_you --items {} --count 200 --seed {seed}",
        items.display()
    ))
    .await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    mix
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_reports_what_was_offered_and_answered_over_both_protocols() {
    let shop = Shop::open().await;
    let dir = tempfile::tempdir().unwrap();
    let mix = recorded(dir.path(), 1).await;
    for url in [shop.grpc(), shop.http()] {
        let report = dir.path().join("report.json");
        let output = loadtest(&format!(
            "run --target {url} --rps 200 --duration 1s --warmup 200ms --requests {mix} --json {} --slo errors=0,p99<10s",
            report.display()
        ))
        .await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let report = json(&report);
        assert_eq!(report["summary"]["offered"], 200, "{url}");
        assert_eq!(report["summary"]["answered"], 200, "{url}");
        assert_eq!(report["summary"]["degraded"], 0, "{url}");
        assert!(report["summary"]["p99_ms"].as_f64().unwrap() > 0.0, "{url}");
        assert_eq!(report["slo"][0]["held"], true, "{url}");
        assert!(text(&output).contains("p99.9"), "{}", text(&output));
    }
    let seen = shop.seen();
    assert_eq!(seen.len(), 2 * 240, "warm-up included");
    assert!(seen.iter().all(
        |request| request.traffic_class() == larder_proto::v1::recommend_request::TrafficClass::Synthetic
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_and_degraded_answers_are_counted_and_break_the_objective() {
    let shop = Shop::open().await;
    for url in [shop.grpc(), shop.http()] {
        let dir = tempfile::tempdir().unwrap();
        let report = dir.path().join("report.json");
        let output = loadtest(&format!(
            "run --target {url} --rps 200 --duration 1s --warmup 0s --placement no.such --placement degraded.one --json {} --slo errors=0",
            report.display()
        ))
        .await;
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        let report = json(&report);
        let count = |name: &str| report["summary"][name].as_u64().unwrap();
        assert!(count("errors") > 50 && count("degraded") > 50, "{report}");
        assert_eq!(count("offered"), count("answered") + count("errors"));
        assert_eq!(report["errors"]["NOT_FOUND"]["count"], count("errors"));
        assert_eq!(report["degraded"]["FALLBACK"], count("degraded"));
        let example = report["errors"]["NOT_FOUND"]["example"].as_str().unwrap();
        assert!(example.contains("no placement"), "{example}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_of_the_snapshot_is_noticed_in_the_answers() {
    let shop = Shop::open().await;
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report.json");
    let line = format!(
        "run --target {} --rps 200 --duration 4s --warmup 0s --placement p --swap-window 0 --json {}",
        shop.grpc(),
        report.display()
    );
    let swap = async {
        shop.first_request().await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        shop.swap("v2");
    };
    let (output, ()) = tokio::join!(loadtest(&line), swap);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report = json(&report);
    assert_eq!(report["swaps"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!((&report["swaps"][0]["from"], &report["swaps"][0]["to"]), (&"v1".into(), &"v2".into()));
    assert!(report["swaps"][0]["p99_during_ms"].is_number(), "{report}");
    assert!(report["swap_windows"]["p99_outside_ms"].is_number(), "{report}");
    assert!(text(&output).contains("v1 -> v2"), "{}", text(&output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slates_are_compared_across_servers_and_protocols() {
    let (shop, twin) = (Shop::open().await, Shop::open().await);
    let dir = tempfile::tempdir().unwrap();
    let mix = recorded(dir.path(), 1).await;
    for (a, b) in [(shop.grpc(), twin.grpc()), (shop.grpc(), twin.http()), (shop.http(), twin.http())] {
        let output = loadtest(&format!("compare-slates --a {a} --b {b} --requests {mix} --count 500")).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        assert!(text(&output).contains("500 of 500 slates are the same"), "{}", text(&output));
    }

    twin.swap("v2"); // whose scores are another snapshot's
    let line = format!("compare-slates --a {} --b {} --requests {mix} --count 500", shop.grpc(), twin.http());
    let output = loadtest(&line).await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("first difference: request 0"), "{}", text(&output));
    assert!(text(&output).contains(r#"A answers from snapshot "v1", B from "v2""#), "{}", text(&output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_is_the_same_for_the_same_seed() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = std::fs::read(recorded(dir.path(), 1).await).unwrap();
    assert_eq!(first, std::fs::read(recorded(other.path(), 1).await).unwrap());
    assert_ne!(first, std::fs::read(recorded(other.path(), 2).await).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_arguments_bad_input_and_no_server_have_codes_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let bad = dir.path().join("bad.jsonl");
    std::fs::write(&bad, "{\"placement\": 7}\n").unwrap();
    for (line, code, said) in [
        ("run --rps 800 --target grpc://127.0.0.1:1".to_owned(), 64, "--placement"),
        ("run --rps 1 --target grpc://127.0.0.1:1 --placement p --slo p99".to_owned(), 64, "no comparison"),
        (format!("run --rps 1 --target grpc://127.0.0.1:1 --requests {}", bad.display()), 64, "bad.jsonl:1:"),
        ("run --rps 1 --target grpc://127.0.0.1:1 --placement p".to_owned(), 69, "cannot connect"),
        ("run --rps 1 --target http://127.0.0.1:1 --placement p".to_owned(), 69, "cannot connect"),
        ("--help".to_owned(), 0, "compare-slates"),
    ] {
        let output = loadtest(&line).await;
        assert_eq!(output.status.code(), Some(code), "{line}: {}", text(&output));
        assert!(text(&output).contains(said), "{line}: {}", text(&output));
    }
}
