//! Reports on a shop whose visitors click by a known model, written by the server's own sinks.

use std::fs;
use std::path::Path;
use std::time::Duration;

use fastrand::Rng;
use larder::artifact::{OpenOptions, Part, PartOptions, find_parts};
use larder::connect::encode;
use larder::domain::{Event, EventKind};
use larder::exposure::{Config, Exposure, Impression, Outgoing, spool, start};
use larder::report::{Dimension, Report, ReportOptions, report};
use larder::train::EventTypes;

const BEGIN_MS: i64 = 1_768_435_200_000; // 2026-01-15T00:00:00Z
const MINUTE_MS: i64 = 60_000;
const RANKS: usize = 10;
const EXPOSURES: usize = 6000;

/// What was drawn.
#[derive(Default)]
struct Shop {
    exposures: Vec<Exposure>,
    events: Vec<Event>,
    /// Impressions that were clicked, by rank.
    clicked: [u64; RANKS],
    bought: u64,
}

/// A day of a shop. An item at rank r is clicked with probability 0.4 / r^0.7, and a tenth of what is clicked is
/// bought an hour later.
fn shop() -> Shop {
    let mut random = Rng::with_seed(7);
    let mut shop = Shop::default();
    for at in 0..EXPOSURES {
        let time_ms = BEGIN_MS + at as i64 * MINUTE_MS * 24 * 60 / EXPOSURES as i64;
        let user = format!("u{}", random.usize(..3000));
        let first = random.usize(..2000);
        let item = |rank: usize| format!("i{}", (first + rank * 37) % 2000);
        let recommendation_id = format!("r{at}");
        for rank in 0..RANKS {
            if random.f64() >= 0.4 / (rank as f64 + 1.0).powf(0.7) {
                continue;
            }
            shop.clicked[rank] += 1;
            let answer = random.bool().then(|| recommendation_id.clone());
            let mut act = |name: &str, after_ms: i64, answer: &Option<String>| {
                let id = format!("e{}", shop.events.len());
                shop.events.push(Event {
                    id,
                    item_id: Some(item(rank)),
                    user_id: Some(user.clone()),
                    session_id: Some(format!("s{at}")),
                    recommendation_id: answer.clone(),
                    ..Event::new(EventKind::Interaction(name.into()), time_ms + after_ms)
                });
            };
            act("view", 20_000, &answer);
            if random.f64() < 0.2 {
                act("click", 30_000, &answer); // once more: one impression, one click
            }
            if random.f64() < 0.1 {
                shop.bought += 1;
                act("purchase", 60 * MINUTE_MS, &None);
            }
        }
        // What nobody was shown.
        let noise = EventKind::Interaction("view".into());
        shop.events.push(Event {
            id: format!("n{at}"),
            item_id: Some("i9999".to_owned()),
            user_id: Some(user.clone()),
            session_id: Some(format!("s{at}")),
            ..Event::new(noise, time_ms + MINUTE_MS)
        });
        let impressions = (0..RANKS).map(|rank| Impression {
            item_id: item(rank),
            rank: rank as u32 + 1,
            score: 1.0 / (rank as f32 + 1.0),
            source: ["similar", "popular"][rank % 2].to_owned(),
        });
        shop.exposures.push(Exposure {
            recommendation_id,
            time_ms,
            placement: ["home", "pdp"][at % 2].to_owned(),
            snapshot: "s1".to_owned(),
            rules_version: String::new(),
            live_epoch: 0,
            clock_ms: None,
            user_id: Some(user.clone()),
            visitor_id: None,
            session_id: Some(format!("s{at}")),
            asked: None,
            level: if at % 50 == 0 { "fallback" } else { "none" },
            causes: Vec::new(),
            skipped_stages: Vec::new(),
            impressions: impressions.collect(),
        });
    }
    shop
}

/// Has the server's sinks write what was shown: lines by the hour, and the lake.
fn write(shop: &Shop, dir: &Path) {
    let lake = dir.join("lake").display().to_string();
    let config = Config {
        dir: Some(dir.join("lines")),
        lake: Some(lake),
        max_queued: EXPOSURES + 1,
        ..Config::default()
    };
    let spool = spool::Config { dir: Some(dir.join("spool")), ..spool::Config::default() };
    let outgoing = Outgoing { exposure: &config, spool: &spool, forgotten: None };
    let (queue, writer) = start(&outgoing, &OpenOptions::default(), Vec::new()).unwrap().unwrap();
    for exposure in &shop.exposures {
        queue.offer(exposure.clone());
    }
    let counters = queue.counters().clone();
    drop(queue);
    writer.finish();
    assert_eq!(counters.counts().lost, 0);
    let lines = shop.events.iter().flat_map(|event| [encode(event), b"\n".to_vec()].concat());
    fs::write(dir.join("events.jsonl"), lines.collect::<Vec<u8>>()).unwrap();
}

fn find(values: &[String]) -> Vec<Part> {
    let options = PartOptions { store: &OpenOptions::default(), cache_dir: Path::new("unused") };
    find_parts(values, options, &mut |_, _| {}).unwrap()
}

fn made(exposures: &[String], events: &[String], by: &[Dimension], hours: u64) -> Report {
    let window = Duration::from_secs(hours * 3600);
    let options = ReportOptions { by: by.to_vec(), window, types: EventTypes::default() };
    report(&find(exposures), &find(events), &options, &mut |_, _| {}).unwrap()
}

#[test]
fn a_report_finds_the_click_model_whatever_the_format_and_however_often() {
    let dir = tempfile::tempdir().unwrap();
    let shop = shop();
    write(&shop, dir.path());
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (lines, lake, events) = (vec![path("lines")], vec![path("lake")], vec![path("events.jsonl")]);

    let found = made(&lake, &events, &[Dimension::Rank], 24);
    assert_eq!(found.total.impressions, (EXPOSURES * RANKS) as u64);
    assert_eq!(found.rows.len(), RANKS);
    for (row, clicked) in found.rows.iter().zip(shop.clicked) {
        let truth = clicked as f64 / EXPOSURES as f64;
        assert!(
            (row.ctr.rate / truth - 1.0).abs() < 0.02,
            "rank {:?}: {} against {truth}",
            row.key,
            row.ctr.rate
        );
        assert!(row.ctr.low < truth && truth < row.ctr.high);
    }
    let bought = found.total.purchases as f64 / shop.bought as f64;
    assert!((bought - 1.0).abs() < 0.02, "{bought}");

    let by = Dimension::ALL;
    let whole = made(&lake, &events, &by, 24);
    assert_eq!(whole.rows.len(), 3 * RANKS, "two placements, and what degraded in one of them");
    assert_eq!(made(&lines, &events, &by, 24), whole);
    assert_eq!(whole.rows.iter().map(|row| row.clicks).sum::<u64>(), found.total.clicks);

    // Everything a second time, in the other format.
    fs::copy(path("events.jsonl"), path("again.jsonl")).unwrap();
    let twice = made(&[lake, lines].concat(), &[events, vec![path("again.jsonl")]].concat(), &by, 24);
    assert_eq!((&twice.rows, &twice.total), (&whole.rows, &whole.total));
    assert_eq!(twice.repeated_impressions, whole.total.impressions);
    assert_eq!(twice.events.repeated, twice.events.events);
}

#[test]
fn the_last_touch_within_the_window_gets_what_names_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let shown = |id: &str, minute: i64, placement: &str, who: &str| {
        let time_ms = BEGIN_MS + minute * MINUTE_MS;
        format!(
            "{{\"recommendation_id\":\"{id}\",\"time_ms\":{time_ms},\"placement\":\"{placement}\",{who},\
             \"variant\":\"B\",\"impressions\":[{{\"item_id\":\"cup\",\"rank\":1}}]}}\n"
        )
    };
    let exposures = [
        shown("r1", 0, "a", "\"user_id\":\"u\",\"visitor_id\":\"v\""),
        shown("r2", 10, "b", "\"user_id\":\"u\""),
        shown("r3", 30, "c", "\"user_id\":\"other\",\"session_id\":\"u\""),
        "{\"recommendation_id\":\"r4".to_owned(),
    ];
    fs::write(path("exposures.jsonl"), exposures.concat()).unwrap();
    let event = |kind: &str, minute: i64, who: &str| {
        let time = BEGIN_MS + minute * MINUTE_MS;
        format!("{{\"type\":\"{kind}\",\"time\":{time},\"item_id\":\"cup\",{who}}}\n")
    };
    let clicks = |lines: &[String], hours: u64| -> Vec<(String, u64, u64)> {
        fs::write(path("events.jsonl"), lines.concat()).unwrap();
        let by = [Dimension::Placement, Dimension::Variant];
        let found = made(&[path("exposures.jsonl")], &[path("events.jsonl")], &by, hours);
        found.rows.iter().map(|row| (row.key.join(" "), row.clicks, row.purchases)).collect()
    };
    let rows = |a: (u64, u64), b: (u64, u64), c: (u64, u64)| {
        vec![("a B".to_owned(), a.0, a.1), ("b B".to_owned(), b.0, b.1), ("c B".to_owned(), c.0, c.1)]
    };
    let user = "\"user_id\":\"u\"";
    assert_eq!(clicks(&[event("view", 20, user)], 1), rows((0, 0), (1, 0), (0, 0)), "the later one");
    assert_eq!(
        clicks(&[event("view", 5, user)], 1),
        rows((1, 0), (0, 0), (0, 0)),
        "not one that comes after"
    );
    assert_eq!(clicks(&[event("view", 71, user)], 1), rows((0, 0), (0, 0), (0, 0)), "not after the window");
    assert_eq!(clicks(&[event("purchase", 20, "\"visitor_id\":\"v\"")], 1), rows((0, 1), (0, 0), (0, 0)));
    let named = "\"user_id\":\"u\",\"recommendation_id\":\"r1\"";
    assert_eq!(clicks(&[event("view", 900, named)], 1), rows((1, 0), (0, 0), (0, 0)), "the answer is named");
    let elsewhere = "\"user_id\":\"u\",\"recommendation_id\":\"r0\"";
    assert_eq!(
        clicks(&[event("view", 20, elsewhere)], 1),
        rows((0, 0), (0, 0), (0, 0)),
        "led by another answer"
    );
    let denied = "\"user_id\":\"u\",\"consent\":\"DENIED\"";
    assert_eq!(clicks(&[event("view", 20, denied)], 1), rows((0, 0), (0, 0), (0, 0)));
    assert_eq!(
        clicks(&[event("impression", 20, user), event("hover", 20, user)], 1),
        rows((0, 0), (0, 0), (0, 0))
    );
}

#[test]
fn events_for_exposures_and_the_reverse_are_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    fs::write(path("events.jsonl"), "{\"type\":\"view\",\"time\":1768435200,\"item_id\":\"cup\"}\n").unwrap();
    let shown = "{\"recommendation_id\":\"r\",\"time_ms\":0,\"placement\":\"a\",\"impressions\":[]}\n";
    fs::write(path("exposures.jsonl"), shown).unwrap();
    let options = ReportOptions { by: Vec::new(), window: Duration::ZERO, types: EventTypes::default() };
    let (events, exposures) = (find(&[path("events.jsonl")]), find(&[path("exposures.jsonl")]));
    let refused = |exposures: &[Part], events: &[Part]| {
        report(exposures, events, &options, &mut |_, _| {}).unwrap_err().to_string()
    };
    let error = refused(&events, &events);
    assert!(
        error.contains("--exposures") && error.contains("line 1") && error.contains("--events"),
        "{error}"
    );
    assert!(refused(&exposures, &exposures).contains("--exposures"));
    report(&exposures, &events, &options, &mut |_, _| {}).unwrap();
}

#[test]
fn what_is_deployed_beside_the_lake_fits_it() {
    use larder::artifact::table::{CellKind, Table, TableLimits};
    let dir = tempfile::tempdir().unwrap();
    let mut shop = shop();
    shop.exposures.truncate(3);
    write(&shop, dir.path());
    let lake = find(&[dir.path().join("lake").display().to_string()]).remove(0);
    assert!(lake.partition("dt") == Some("2026-01-15") && lake.partition("hour") == Some("00"), "{lake:?}");
    let columns = Table::open_part(&lake, &TableLimits::default()).unwrap().columns().to_vec();

    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/lake");
    let ddl = fs::read_to_string(deploy.join("exposures.sql")).unwrap();
    let declared =
        ddl.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with('\''));
    let declared = declared.map(|line| line.trim_end_matches(',').replace('`', ""));
    let kind = |kind: &CellKind| match kind {
        CellKind::Int => ["bigint", "int"].as_slice(),
        CellKind::Float => &["float"],
        CellKind::Texts => &["array<string>"],
        CellKind::Time => &["timestamp"],
        _ => &["string"],
    };
    let mut count = 0;
    for (line, (name, held)) in declared.zip(&columns) {
        let (own, of) = line.split_once(' ').unwrap();
        assert!(own == name && kind(held).contains(&of), "{line} is not {name}, {held:?}");
        count += 1;
    }
    assert_eq!(count, columns.len());
    for folder in [deploy.clone(), deploy.join("iam"), deploy.join("eventbridge")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "json") {
                let text = fs::read_to_string(&path).unwrap();
                let json: serde_json::Value =
                    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
                if let Some(pattern) = json["EventPattern"].as_str() {
                    serde_json::from_str::<serde_json::Value>(pattern).unwrap();
                }
            }
        }
    }
    let lifecycle = fs::read_to_string(deploy.join("lifecycle.json")).unwrap();
    assert!(!lifecycle.contains("channels"), "what a fleet follows is never archived");
}
