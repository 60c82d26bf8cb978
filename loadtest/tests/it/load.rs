//! Scenarios, deadlines, the server's own figures, searches and servers that leave, through the built program.

use std::time::Duration;

use crate::shop::Shop;
use crate::{json, loadtest, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scenario_says_what_is_sent_and_the_command_line_overrides_it() {
    let shop = Shop::open().await;
    let dir = tempfile::tempdir().unwrap();
    let (file, report) = (dir.path().join("evening.toml"), dir.path().join("report.json"));
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../models");
    let scenario = format!(
        "targets = [\"{}\"]\nsnapshot = \"{models}\"\nprofile = \"ramp:100..300\"\nduration = \"1h\"\nwarmup = \"0s\"\n\
         deadline = \"5s\"\n[placements.\"pdp.similar\"]\nweight = 3\npersonal = false\n\
         [placements.\"home.for_you\"]\nweight = 1\n",
        shop.grpc()
    );
    std::fs::write(&file, scenario).unwrap();
    let line = format!("run --scenario {} --duration 2s --json {}", file.display(), report.display());
    let output = loadtest(&line).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report = json(&report);
    assert_eq!(report["summary"]["offered"], 400, "the area under the ramp");
    assert_eq!((&report["setup"]["scenario"], &report["setup"]["rps"]), (&"evening".into(), &300.0.into()));
    let seconds = &report["seconds"];
    assert!(seconds[1]["offered"].as_u64() > seconds[0]["offered"].as_u64(), "{seconds}");
    let of = |placement: &str| report["placements"][placement]["answered"].as_u64().unwrap();
    assert_eq!(of("pdp.similar") + of("home.for_you"), 400);
    assert!(of("pdp.similar") > 2 * of("home.for_you"));
    let seen = shop.seen();
    assert!(seen.iter().all(|r| r.subject.is_some() == (r.placement == "home.for_you")));
    let attributes =
        |r: &larder_proto::v1::RecommendRequest| r.context.clone().unwrap_or_default().attributes;
    let has_category = |r: &larder_proto::v1::RecommendRequest| attributes(r).contains_key("category");
    assert!(
        seen.iter().all(|r| has_category(r) == (r.placement == "home.for_you")),
        "the snapshot's categories, where the product does not say it all"
    );
    let seeds =
        seen.iter().filter(|r| r.placement == "pdp.similar" && r.seed_items[0].item_id.starts_with('P'));
    assert!(seeds.count() > 200, "the snapshot's items");

    std::fs::write(&file, "profil = \"constant:3\"\n").unwrap();
    let output = loadtest(&line).await;
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output).contains("evening.toml") && text(&output).contains("unknown field `profil`"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_carry_their_deadline_and_what_came_within_it_is_counted() {
    let shop = Shop::open().await;
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report.json");
    for (url, timeout) in [(shop.grpc(), "5000000u"), (shop.http(), "5000")] {
        let output = loadtest(&format!(
            "run --target {url} --rps 100 --duration 500ms --warmup 0s --placement p --deadline 5s --slo in_time=100% --json {}",
            report.display()
        ))
        .await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        assert!(text(&output).contains("in time"), "{}", text(&output));
        let report = json(&report);
        assert_eq!(
            (&report["summary"]["in_time"], &report["setup"]["deadline_ms"]),
            (&50.into(), &5000.0.into())
        );
        assert_eq!(shop.timeouts().last().unwrap(), timeout);
    }
    assert_eq!(shop.timeouts().len(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_own_figures_are_set_beside_the_answers() {
    let shop = Shop::open().await;
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report.json");
    let line = format!(
        "run --target {} --rps 200 --duration 2s --warmup 1s --placement p --metrics {}/metrics --slo cpu_us>100,cpu_us<400 --json {}",
        shop.grpc(),
        shop.http(),
        report.display()
    );
    let output = loadtest(&line).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report = json(&report);
    assert_eq!(report["setup"]["server_version"], "9.8.7");
    assert_eq!(report["server"]["samples"].as_array().unwrap().len(), 3, "{}", report["server"]);
    let cpu = report["placements"]["p"]["cpu_us_per_request"].as_f64().unwrap();
    assert!((200.0..300.0).contains(&cpu), "{cpu}: not of the warm-up");
    assert!(report["server"]["peak_rss_bytes"] == 5e7 && report["curve"].as_array().unwrap().len() > 10);

    let nowhere = line.replace(&format!("{}/metrics", shop.http()), "http://127.0.0.1:1/metrics");
    assert_eq!(loadtest(&nowhere).await.status.code(), Some(69));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_finds_the_rate_beyond_which_the_rules_break() {
    let shop = Shop::open().await;
    shop.limit(300);
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report.json");
    let output = loadtest(&format!(
        "run --target {} --rps 100 --duration 2s --warmup 0s --placement p --search errors=0 --trial 1500ms --pause 1100ms --json {}",
        shop.grpc(),
        report.display()
    ))
    .await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report = json(&report);
    let rate = report["setup"]["rps"].as_f64().unwrap();
    assert!((230.0..=305.0).contains(&rate), "{rate}: {}", text(&output));
    let trials = report["search"].as_array().unwrap();
    assert!(trials.iter().any(|trial| trial["held"] == false) && trials.last().unwrap()["held"] == true);
    assert_eq!((&report["summary"]["errors"], &report["slo"][0]["held"]), (&0.into(), &true.into()));
    let refused = trials.iter().find(|trial| trial["held"] == false).unwrap();
    assert!(refused["summary"]["errors"].as_u64().unwrap() > 0);

    shop.limit(0);
    let line = "--rps 4 --duration 1s --warmup 0s --placement p --search errors=0 --trial 500ms --pause 0s";
    let output = loadtest(&format!("run --target {} {line}", shop.grpc())).await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("no rate was found"), "{}", text(&output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_errors_whose_time_counts_from_their_sending() {
    let shop = Shop::open().await;
    shop.limit(0);
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report.json");
    let output = loadtest(&format!(
        "run --target {} --rps 100 --duration 500ms --warmup 0s --placement p --slo refusal_p99<10s,errors=100% --json {}",
        shop.grpc(),
        report.display()
    ))
    .await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(json(&report)["refusals"]["p99_ms"].as_f64().unwrap() > 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_when_one_of_two_servers_leaves() {
    for urls in [Shop::grpc as fn(&Shop) -> &str, Shop::http] {
        let (leaving, staying) = (Shop::open().await, Shop::open().await);
        let dir = tempfile::tempdir().unwrap();
        let report = dir.path().join("report.json");
        let line = format!(
            "run --target {} --target {} --rps 500 --duration 3s --warmup 0s --placement p --slo errors=0 --json {}",
            urls(&leaving),
            urls(&staying),
            report.display()
        );
        let leave = async {
            leaving.first_request().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            leaving.drain();
        };
        let (output, ()) = tokio::join!(loadtest(&line), leave);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let report = json(&report);
        assert_eq!(report["summary"]["answered"], 1500);
        assert!(report["retries"].as_u64().unwrap() > 0, "{}", text(&output));
        let (left, stayed) = (leaving.seen().len(), staying.seen().len());
        assert!(left < 1000 && left + stayed == 1500, "{left} {stayed}: each was begun with once");
    }
}
