//! Runs: what is sent, counted and judged, over both protocols.

use std::time::Duration;

use larder_proto::v1::recommend_request::TrafficClass;

use crate::fake_server::FakeServer;
use crate::{loadtest, recorded, reported, said};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_reports_what_was_offered_and_answered_and_carries_its_deadline() {
    let server = FakeServer::start().await;
    let dir = tempfile::tempdir().unwrap();
    let mix = recorded(dir.path(), 1, "--placement pdp.similar=3 --placement home.for_you").await;
    for (url, timeout) in [(&server.grpc, "5000000u"), (&server.http, "5000")] {
        let line = format!(
            "--target {url} --rps 200 --duration 1s --warmup 200ms --requests {mix} --deadline 5s \
             --slo errors=0,p99<10s,in_time=100%"
        );
        let (report, said) = reported(&line, 0).await;
        let summary = &report["summary"];
        assert_eq!(
            [&summary["offered"], &summary["answered"], &summary["in_time"]],
            [200, 200, 200],
            "{url}"
        );
        assert!(summary["degraded"] == 0 && summary["p99_ms"].as_f64().unwrap() > 0.0, "{url}");
        assert!(
            report["slo"][0]["held"] == true && said.contains("p99.9") && said.contains("in time"),
            "{said}"
        );
        assert_eq!(server.timeouts().last().unwrap(), timeout);
    }
    assert_eq!((server.seen().len(), server.timeouts().len()), (2 * 240, 2 * 240), "warm-up included");
    assert!(server.seen().iter().all(|request| request.traffic_class() == TrafficClass::Synthetic));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_and_degraded_answers_are_counted_and_break_the_objective() {
    let server = FakeServer::start().await;
    for url in [&server.grpc, &server.http] {
        let placements = "--placement no.such --placement degraded.one";
        let line = format!("--target {url} --rps 200 --duration 1s {placements} --slo errors=0");
        let (report, _) = reported(&line, 1).await;
        let count = |name: &str| report["summary"][name].as_u64().unwrap();
        assert!(count("errors") > 50 && count("degraded") > 50, "{report}");
        assert_eq!(count("offered"), count("answered") + count("errors"));
        assert_eq!(report["errors"]["NOT_FOUND"]["count"], count("errors"));
        assert_eq!(report["degraded"]["FALLBACK"], count("degraded"));
        assert!(report["errors"]["NOT_FOUND"]["example"].as_str().unwrap().contains("no placement"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_of_the_snapshot_is_noticed_in_the_answers() {
    let server = FakeServer::start().await;
    server.swap("v1");
    let swap = async {
        server.serving_for(Duration::from_millis(3500)).await;
        server.swap("v2");
    };
    let line = format!("--target {} --rps 200 --duration 8s --placement p", server.grpc);
    let ((report, said), ()) = tokio::join!(reported(&line, 0), swap);
    let swaps = report["swaps"].as_array().unwrap();
    assert_eq!((swaps.len(), &swaps[0]["from"], &swaps[0]["to"]), (1, &"v1".into(), &"v2".into()));
    assert!(swaps[0]["ratio"].is_number() && report["swap_windows"]["ratio"].is_number(), "{report}");
    assert!(said.contains("1, v1 -> v2"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scenario_says_what_is_sent_and_the_command_line_overrides_it() {
    let server = FakeServer::start().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("evening.toml");
    let scenario = format!(
        "snapshot = \"{}/../models\"\nprofile = \"ramp:100..300\"\nduration = \"1h\"\n\
         [placements]\n\"pdp.similar\" = {{ weight = 3, personal = false }}\n\"home.for_you\" = {{ weight = 1 }}\n",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::write(&file, scenario).unwrap();
    let line = format!("--scenario {} --target {} --duration 2s", file.display(), server.grpc);
    let (report, _) = reported(&line, 0).await;
    assert_eq!(report["summary"]["offered"], 400, "the area under the ramp");
    assert_eq!((&report["setup"]["scenario"], &report["setup"]["rps"]), (&"evening".into(), &300.0.into()));
    assert!(report["seconds"][1]["offered"].as_u64() > report["seconds"][0]["offered"].as_u64());
    let of = |placement: &str| report["placements"][placement]["answered"].as_u64().unwrap();
    assert!(of("pdp.similar") + of("home.for_you") == 400 && of("pdp.similar") > 2 * of("home.for_you"));
    let seen = server.seen();
    assert!(seen.iter().all(|r| r.subject.is_some() == (r.placement == "home.for_you")));
    let has_category = |r: &larder_proto::v1::RecommendRequest| {
        r.context.as_ref().is_some_and(|context| context.attributes.contains_key("category"))
    };
    let (personal, product): (Vec<_>, Vec<_>) = seen.iter().partition(|r| r.placement == "home.for_you");
    assert!(personal.into_iter().all(has_category), "the snapshot's categories");
    assert!(!product.iter().any(|r| has_category(r)), "the product is context enough");
    let known = product.iter().filter(|r| r.seed_items[0].item_id.starts_with('P'));
    assert!(known.count() > 200, "the snapshot's items");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_own_figures_are_put_beside_the_answers() {
    let FakeServer { grpc, http, .. } = &FakeServer::start().await;
    let rules = "cpu_us>100,cpu_us<400";
    let line =
        format!("--target {grpc} --rps 200 --duration 2s --warmup 1s --placement p --slo {rules} --metrics");
    let (report, _) = reported(&format!("{line} {http}/metrics"), 0).await;
    assert_eq!(report["setup"]["server_version"], "9.8.7");
    assert_eq!(report["server"]["samples"].as_array().unwrap().len(), 3, "{}", report["server"]);
    let cpu = report["placements"]["p"]["cpu_us_per_request"].as_f64().unwrap();
    assert!((200.0..300.0).contains(&cpu), "{cpu}: not of the warm-up");
    assert!(report["server"]["peak_rss_bytes"] == 5e7 && report["curve"].as_array().unwrap().len() > 10);
    said(&loadtest(&format!("run {line} http://127.0.0.1:1/metrics")).await, 69);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_finds_the_rate_beyond_which_the_rules_break() {
    let server = FakeServer::start().await;
    server.limit(300);
    let line = format!("--target {} --placement p --search errors=0", server.grpc);
    let flags = "--rps 100 --duration 2s --trial 1500ms --pause 1100ms";
    let (report, said) = reported(&format!("{line} {flags}"), 0).await;
    let rate = report["setup"]["rps"].as_f64().unwrap();
    assert!((230.0..=305.0).contains(&rate), "{rate}: {said}");
    let trials = report["search"].as_array().unwrap();
    let refused = trials.iter().find(|trial| trial["held"] == false).unwrap();
    assert!(refused["summary"]["errors"].as_u64().unwrap() > 0 && trials.last().unwrap()["held"] == true);
    assert_eq!((&report["summary"]["errors"], &report["slo"][0]["held"]), (&0.into(), &true.into()));

    server.limit(0);
    let output =
        loadtest(&format!("run --warmup 0s {line} --rps 4 --duration 1s --trial 500ms --pause 0s")).await;
    assert!(crate::said(&output, 1).contains("no rate was found"));
    let flags = "--rps 100 --duration 500ms --slo refusal_p99<10s,errors=100%";
    let (report, _) = reported(&format!("--target {} --placement p {flags}", server.grpc), 0).await;
    assert!(report["refusals"]["p99_ms"].as_f64().unwrap() > 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_when_one_of_two_servers_shuts_down() {
    for url in [|server: &FakeServer| server.grpc.clone(), |server: &FakeServer| server.http.clone()] {
        let (leaving, staying) = (FakeServer::start().await, FakeServer::start().await);
        let leave = async {
            leaving.serving_for(Duration::from_secs(1)).await;
            leaving.drain();
        };
        let targets = format!("{},{}", url(&leaving), url(&staying));
        let line = format!("--target {targets} --rps 500 --duration 3s --placement p --slo errors=0");
        let ((report, said), ()) = tokio::join!(reported(&line, 0), leave);
        assert_eq!(report["summary"]["answered"], 1500);
        assert!(report["retries"].as_u64().unwrap() > 0, "{said}");
        let (left, stayed) = (leaving.seen().len(), staying.seen().len());
        assert!(left < 1000 && left + stayed == 1500, "{left} {stayed}: each was begun with once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_arguments_bad_input_and_no_server_have_codes_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let bad = dir.path().join("bad.jsonl");
    std::fs::write(&bad, "{\"placement\": 7}\n").unwrap();
    let run = "run --rps 1 --target grpc://127.0.0.1:1";
    for (line, code, expected) in [
        (run.to_owned(), 64, "--placement"),
        (format!("{run} --placement p --slo p99"), 64, "no comparison"),
        (format!("{run} --requests {}", bad.display()), 64, "bad.jsonl:1:"),
        (format!("{run} --scenario no/such.toml"), 64, "no/such.toml"),
        ("run --target grpc://127.0.0.1:1 --placement p".to_owned(), 64, "--rps"),
        (format!("{run} --placement p"), 69, "cannot connect"),
        ("run --rps 1 --target http://127.0.0.1:1 --placement p".to_owned(), 69, "cannot connect"),
        ("--help".to_owned(), 0, "compare-slates"),
    ] {
        let said = said(&loadtest(&line).await, code);
        assert!(said.contains(expected), "{line}: {said}");
    }
}
