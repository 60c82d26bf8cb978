//! The commands that read reports, from a run to the page.

use std::path::Path;

use serde_json::Value;

use crate::shop::Shop;
use crate::{json, loadtest, text};

/// A short run's report, with a server's figures put in as a scrape would have.
async fn report(dir: &Path, name: &str, cpu_us: f64) -> String {
    let shop = Shop::open().await;
    let path = dir.join(name);
    let line = format!(
        "run --target {} --rps 200 --duration 6s --warmup 0s --placement p --json {} --html {}.html",
        shop.grpc(),
        path.display(),
        path.display(),
    );
    let output = loadtest(&line).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let mut report = json(&path);
    report["summary"]["cpu_us_per_request"] = cpu_us.into();
    report["server"] =
        serde_json::json!({"cpu_s": 1.0, "peak_cores": 0.1, "peak_rss_bytes": 1e8, "samples": []});
    std::fs::write(&path, report.to_string()).unwrap();
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_compared_drawn_and_reckoned() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = tokio::join!(report(dir.path(), "a.json", 100.0), report(dir.path(), "b.json", 150.0));
    let page = std::fs::read_to_string(format!("{a}.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("Latency over time"), "{page}");

    let output = loadtest(&format!("compare {a} {b} --json")).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let compared: Value = serde_json::from_slice(&output.stdout).unwrap();
    let measures = compared["measures"].as_array().unwrap();
    let cpu = measures.iter().find(|measure| measure["name"] == "CPU a request").unwrap();
    assert_eq!(cpu["ratio"], 1.5);

    let drawn = dir.path().join("again.html").display().to_string();
    let output = loadtest(&format!("page {a} --out {drawn}")).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(std::fs::read_to_string(&drawn).unwrap().contains("cores"));

    let output = loadtest(&format!("cost {a} --json")).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let cost: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(cost["offers"][0]["way"], "fargate");
    let output = loadtest(&format!("plan --run {a} --rps 800 --p99 10ms")).await;
    assert!(text(&output).contains("2 replicas of 0.25 vCPU"), "{}", text(&output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_or_reckoned_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty.json").display().to_string();
    std::fs::write(&empty, "{}").unwrap();
    let a = report(dir.path(), "a.json", 0.0).await;
    for (line, code, said) in [
        (format!("page {empty} --out {empty}.html"), 64, "is not the report of a run"),
        (format!("compare {a} {a} {a}"), 64, "3 are not pairs"),
        (format!("cost {a}"), 64, "no CPU per request"),
        (format!("cost {a} --utilisation 60"), 64, "not a share"),
        (format!("cost {a} --prices {empty}"), 64, "not a file of prices"),
        (format!("page {a} --out {}/no/such/page.html", dir.path().display()), 74, "cannot write"),
    ] {
        let output = loadtest(&line).await;
        assert_eq!(output.status.code(), Some(code), "{line}: {}", text(&output));
        assert!(text(&output).contains(said), "{line}: {}", text(&output));
    }
}
