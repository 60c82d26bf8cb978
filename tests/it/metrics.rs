//! What a scrape says: that it holds the rules of `promtool check metrics`, that the documents list it, and what is
//! counted where.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use larder::artifact::{ArtifactStore, Condition, LocalStore};
use larder::snapshot::Source;
use larder_proto::v1;
use larder_proto::v1::recommend_request::TrafficClass;
use serde_json::json;

use crate::support::following::publish_to;
use crate::support::grocer;
use crate::support::process::Process;
use crate::support::scrape::{Family, Scrape};
use crate::support::server::Server;
use crate::support::shop::shop;

/// What a server says that has answered and refused, swapped its snapshot and refused one.
fn busy() -> &'static Scrape {
    static SCRAPE: OnceLock<Scrape> = OnceLock::new();
    SCRAPE.get_or_init(|| Scrape::parse(&scrape_of_a_busy_server()))
}

/// A snapshot with users' features, which the grocer's own have not.
fn publish(store: &dyn ArtifactStore, hour: u32) -> String {
    let dir = grocer::snapshot(hour);
    let habits = vec![("user_id", grocer::texts(["ada", "ben"])), ("thrift", grocer::floats([1.0, 2.0]))];
    grocer::table(dir.path(), "habits", habits);
    grocer::seal(dir.path(), hour);
    publish_to(store, dir.path()).unwrap().snapshot
}

fn scrape_of_a_busy_server() -> String {
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::create(dir.path()).unwrap();
    publish(&store, 1);
    let [file, spool] = ["exposures.jsonl", "spool"].map(|name| dir.path().join(name));
    let config = dir.path().join("larder.toml");
    std::fs::write(
        &config,
        "[[events.sink]]\nname = 'told'\nkind = 'jsonl'\ndir = 'told'\nwhat = ['events']\n",
    )
    .unwrap();
    let paths: [(&str, &Path); 3] =
        [("--exposure.file", &file), ("--spool.dir", &spool), ("--config", &config)];
    let server = Process::serve_with(dir.path(), &paths);
    let refresh = || server.send(server.admin, "POST", "/snapshots:refresh", "");
    publish(&store, 2);
    assert_eq!(refresh().status, 200);
    let broken = publish(&store, 3);
    store.write(&Source::key(&broken, "similar.parquet"), b"gone", Condition::Always).unwrap();
    assert_eq!(refresh().status, 502);

    let recommend = |placement: &str, body: &str| {
        server.send(server.http, "POST", &format!("/v1/placements/{placement}:recommend"), body).status
    };
    for _ in 0..3 {
        assert_eq!(recommend("pdp.similar", r#"{"seedItems": [{"itemId": "earl-grey"}]}"#), 200);
        assert_eq!(recommend("pdp.similar", r#"{"trafficClass": "SHADOW"}"#), 200);
        assert_eq!(recommend("home.for_you", r#"{"subject": {"userId": "nobody"}}"#), 200);
    }
    assert_eq!(recommend("made-up", "{}"), 404);
    assert_eq!(recommend("pdp.similar", "no JSON"), 400);
    let page = json!({"slots": [{"slotId": "a", "placement": "pdp.similar"}, {"slotId": "b", "placement": "made-up"}]});
    assert_eq!(server.send(server.http, "POST", "/v1/recommendations:batch", &page.to_string()).status, 200);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let endpoint = tonic::transport::Channel::from_shared(format!("http://{}", server.grpc)).unwrap();
        let channel = endpoint.connect().await.unwrap();
        let mut client = v1::recommendation_service_client::RecommendationServiceClient::new(channel);
        let request = v1::RecommendRequest { placement: "home.for_you".to_owned(), ..Default::default() };
        client.recommend(request).await.unwrap();
    });
    let reply = server.send(server.admin, "GET", "/metrics", "");
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    reply.body
}

/// The rules of Prometheus' promlint, as far as a text can break them that was made by an encoder.
fn faults(name: &str, family: &Family) -> Vec<String> {
    let mut faults = Vec::new();
    let mut require = |holds: bool, rule: &str| {
        if !holds {
            faults.push(format!("{name}: {rule}"));
        }
    };
    let is_counter = family.kind == "counter";
    let snake_case =
        |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    require(!family.help.trim().is_empty(), "has no help text");
    require(["counter", "gauge", "histogram"].contains(&family.kind.as_str()), "has no type");
    require(name.ends_with("_total") == is_counter, "a counter, and nothing else, ends in _total");
    require(snake_case(name), "is not in snake case");
    let words: Vec<&str> = name.split('_').collect();
    for reserved in ["bucket", "sum", "count"] {
        require(words.last() != Some(&reserved), "ends like a part of a histogram");
    }
    for word in ["counter", "gauge", "histogram", "summary", "metric"] {
        require(!words.contains(&word), "has its type in its name");
    }
    const OTHER_UNITS: [&str; 16] = [
        "milliseconds",
        "microseconds",
        "nanoseconds",
        "minutes",
        "hours",
        "days",
        "ms",
        "us",
        "ns",
        "kilobytes",
        "megabytes",
        "gigabytes",
        "kb",
        "mb",
        "percent",
        "bits",
    ];
    for unit in OTHER_UNITS {
        require(!words.contains(&unit), "is not in a base unit");
    }
    let mut seen = BTreeSet::new();
    for sample in &family.samples {
        require(sample.labels.keys().all(|label| snake_case(label)), "has a label that is not in snake case");
        let is_bucket = sample.name.ends_with("_bucket");
        require(sample.labels.contains_key("le") == is_bucket, "has the label of a bucket, and is none");
        require(seen.insert((&sample.name, &sample.labels)), "has a series twice");
        require(!is_counter || sample.value >= 0.0, "counts below zero");
    }
    require(!family.samples.is_empty(), "has no samples");
    faults
}

#[test]
fn a_scrape_of_a_busy_server_holds_the_rules_of_promtool() {
    let scrape = busy();
    let faults: Vec<String> =
        scrape.families.iter().flat_map(|(name, family)| faults(name, family)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    assert_eq!(scrape.value("larder_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), Some(1.0));
}

#[test]
fn a_scrape_of_a_busy_server_says_what_has_happened() {
    let scrape = busy();
    let value = |name: &str, labels: &[(&str, &str)]| scrape.value(name, labels).unwrap_or(0.0);
    assert_eq!(
        scrape.families["larder_snapshot_info"].samples.len(),
        1,
        "versions that are gone do not stay"
    );
    assert_eq!(value("larder_snapshot_swaps_total", &[]), 2.0);
    assert_eq!(value("larder_snapshot_refresh_failing", &[]), 1.0);
    assert_eq!(value("larder_snapshot_failures_total", &[("artifact", "similar")]), 1.0);
    assert_eq!(value("larder_requests_total", &[("placement", "pdp.similar"), ("class", "LIVE")]), 3.0);
    assert_eq!(value("larder_requests_total", &[("placement", "pdp.similar"), ("class", "SHADOW")]), 3.0);
    assert_eq!(value("larder_requests_total", &[("placement", "unknown"), ("code", "NOT_FOUND")]), 1.0);
    assert_eq!(value("larder_requests_total", &[("protocol", "grpc"), ("code", "OK")]), 1.0);
    assert_eq!(value("larder_request_duration_seconds_count", &[("placement", "pdp.similar")]), 6.0);
    let placements = scrape.label_values("larder_requests_total", "placement");
    assert_eq!(placements, BTreeSet::from(["batch", "home.for_you", "pdp.similar", "unknown"]));
    assert!(value("larder_degraded_total", &[("cause", "unknown_user")]) >= 3.0);
    assert!(value("larder_cpu_seconds_total", &[("placement", "pdp.similar")]) > 0.0);
}

#[test]
fn the_slots_of_a_page_are_counted_under_their_own_placements() {
    let server = Server::start(shop());
    let page = json!({"trafficClass": "SYNTHETIC", "slots": [
        {"slotId": "a", "placement": "pdp.similar"},
        {"slotId": "b", "placement": "home.popular"},
        {"slotId": "c", "placement": "home.popular"},
        {"slotId": "d", "placement": "made-up"},
    ]});
    assert_eq!(server.post("/v1/recommendations:batch", page.to_string()).status, 200);
    server.post("/v1/placements/home.popular:recommend", "{}");
    let scrape = server.scrape();
    let slates = |placement, class, code| {
        let labels = [("placement", placement), ("class", class), ("code", code)];
        scrape.value("larder_slates_total", &labels).unwrap_or(0.0)
    };
    assert_eq!(slates("pdp.similar", "SYNTHETIC", "OK"), 1.0);
    assert_eq!(slates("home.popular", "SYNTHETIC", "OK"), 2.0);
    assert_eq!(slates("home.popular", "LIVE", "OK"), 1.0);
    assert_eq!(slates("unknown", "SYNTHETIC", "NOT_FOUND"), 1.0);
    let requests =
        |placement| scrape.value("larder_requests_total", &[("placement", placement)]).unwrap_or(0.0);
    assert_eq!((requests("batch"), requests("home.popular"), requests("pdp.similar")), (1.0, 1.0, 0.0));
}

#[test]
fn empty_and_degraded_slates_are_counted_for_live_traffic_only() {
    let server = Server::start(shop());
    let nothing = |class: TrafficClass| v1::RecommendRequest {
        placement: "pdp.similar".to_owned(),
        candidate_item_ids: vec!["no-such-item".to_owned()],
        traffic_class: class.into(),
        ..Default::default()
    };
    let mut client = server.client();
    let mut is_empty = |class| {
        let answer = server.runtime.block_on(client.recommend(nothing(class))).unwrap().into_inner();
        answer.items.is_empty()
    };
    for class in [TrafficClass::Synthetic, TrafficClass::Shadow] {
        assert!(is_empty(class), "nothing may be shown");
    }
    let scrape = server.scrape();
    assert_eq!(scrape.value("larder_empty_slates_total", &[("placement", "pdp.similar")]), Some(0.0));
    assert_eq!(scrape.value("larder_degraded_total", &[]), None);
    assert!(is_empty(TrafficClass::Live));
    let scrape = server.scrape();
    assert_eq!(scrape.value("larder_empty_slates_total", &[("placement", "pdp.similar")]), Some(1.0));
    assert!(scrape.value("larder_degraded_total", &[("placement", "pdp.similar")]) >= Some(1.0));
}

const TABLE_BEGINS: &str =
    "<!-- metrics: written by `LARDER_REGENERATE=1 cargo test --test it the_table_of_metrics` -->\n";
const TABLE_ENDS: &str = "<!-- end of metrics -->";

#[test]
fn the_table_of_metrics_in_the_documents_is_what_a_server_says() {
    let mut rows: BTreeMap<&str, String> = BTreeMap::new();
    for (name, family) in &busy().families {
        let labels = family.samples.iter().flat_map(|sample| sample.labels.keys()).collect::<BTreeSet<_>>();
        let labels: Vec<String> =
            labels.into_iter().filter(|label| *label != "le").map(|label| format!("`{label}`")).collect();
        let row = format!("| `{name}` | {} | {} | {} |\n", family.kind, labels.join(", "), family.help);
        rows.insert(name, row);
    }
    let head = "| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n";
    let table = format!("{head}{}", rows.into_values().collect::<String>());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(TABLE_BEGINS).expect("the mark before the table");
    let (written, after) = rest.split_once(TABLE_ENDS).expect("the mark behind the table");
    if std::env::var_os("LARDER_REGENERATE").is_some() {
        std::fs::write(&path, format!("{before}{TABLE_BEGINS}{table}{TABLE_ENDS}{after}")).unwrap();
    } else {
        assert_eq!(written, table, "run `LARDER_REGENERATE=1 cargo test --test it the_table_of_metrics`");
    }
}
