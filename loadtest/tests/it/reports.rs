//! The commands that read reports: from a run of this version, and from those that were recorded with older ones.

use std::path::Path;

use crate::fake_server::FakeServer;
use crate::{loadtest, said};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_drawn_compared_and_priced() {
    let FakeServer { grpc, http, .. } = &FakeServer::start().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("run.json").display().to_string();
    let rate = "--rps 200 --duration 6s --warmup 0s --placement p";
    said(&loadtest(&format!("run --target {grpc} {rate} --metrics {http}/metrics --json {file}")).await, 0);
    said(&loadtest(&format!("page {file} --out {file}.html")).await, 0);
    let page = std::fs::read_to_string(format!("{file}.html")).unwrap();
    assert!(page.contains("\"cpu_us_per_request\":"), "the report is in the page");

    let compared = said(&loadtest(&format!("compare {file} {file}")).await, 0);
    assert!(compared.contains("1.000 to 1.000, no more than noise"), "{compared}");
    let cost = said(&loadtest(&format!("cost {file}")).await, 0);
    assert!(cost.contains("Fargate, 2 x 0.25 vCPU, 0.5 GB"), "{cost}");
    let plan = said(&loadtest(&format!("plan --run {file} --rps 800 --p99 10ms")).await, 0);
    assert!(
        plan.contains("2 replicas of 0.25 vCPU") && plan.contains("warning: the run shows p99"),
        "{plan}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_of_older_versions_can_be_read() {
    let runs = Path::new(env!("CARGO_MANIFEST_DIR")).join("runs/2026-11-22-epyc-2c");
    let [day, search, soak] =
        ["reference-day", "search-mix-grpc", "soak"].map(|name| runs.join(name).with_extension("json"));
    let dir = tempfile::tempdir().unwrap();
    let html = dir.path().join("soak.html");
    said(&loadtest(&format!("page {} --out {}", soak.display(), html.display())).await, 0);
    assert!(html.metadata().unwrap().len() > 100_000);
    let plan = said(&loadtest(&format!("plan --run {} --rps 20000 --p99 10ms", search.display())).await, 0);
    assert!(plan.contains("the search held that p99 at 11314 requests/s"), "{plan}");
    let cost = said(&loadtest(&format!("cost {}", day.display())).await, 0);
    assert!(cost.contains("500 requests/s in the mean, 800 at the peak, 1,314 million a month"), "{cost}");
    let compared = said(&loadtest(&format!("compare {} {}", day.display(), soak.display())).await, 0);
    assert!(compared.contains("warning: the profile differs"), "{compared}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn input_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty.json").display().to_string();
    std::fs::write(&empty, "{}").unwrap();
    let runs = concat!(env!("CARGO_MANIFEST_DIR"), "/runs/2026-11-22-epyc-2c");
    let (day, drain) = (format!("{runs}/reference-day.json"), format!("{runs}/drain-grpc.json"));
    for (line, code, expected) in [
        (format!("page {empty} --out {empty}.html"), 64, "is not the report of a run"),
        (format!("page {day} --out {}/no/such.html", dir.path().display()), 74, "cannot write"),
        (format!("compare {day} {day} {day}"), 64, "3 reports are not pairs"),
        (format!("cost {drain}"), 64, "no CPU and memory"),
        (format!("cost {day} --prices {empty}"), 64, "not a file of prices"),
        (format!("plan --run {day} --rps 0 --p99 10ms"), 64, "not a number above 0"),
    ] {
        let said = said(&loadtest(&line).await, code);
        assert!(said.contains(expected), "{line}: {said}");
    }
}
