//! What was asked can be asked once more, and the same snapshot gives the same slates.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use larder::artifact::Part;
use larder::domain::{Request, SeedRole};
use larder::exposure::{Asked, Exposure, Impression};
use larder::pipeline::Stages;
use larder::recommender::{Limits, Recommender};
use larder::report::{Difference, Reasked, Reasker};
use larder::snapshot::{LoadOptions, open_directory};
use serde_json::{Value, json};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models")
}

/// Requests of many kinds for every placement of the sample shop.
fn requests() -> Vec<Request> {
    let placements = ["home.for_you", "pdp.similar", "cart.complements", "session.next", "category.popular"];
    let mut requests = Vec::new();
    for at in 0..100 {
        let item = |n: usize| format!("P{:05}", (at * 7 + n * 13) % 900);
        let mut request = Request::new(placements[at % placements.len()]);
        if at % 2 == 0 {
            request = request.user(format!("U{:05}", at % 50));
        }
        if at % 3 == 0 {
            request = request.viewing(item(0)).seed(item(1), SeedRole::InCart);
        }
        if at % 4 == 0 {
            request = request.event(item(2)).event(item(3));
        }
        if at % 5 == 0 {
            request = request.page_size(5);
            request.offset = 5;
        }
        if at % 7 == 0 {
            request.filter = Some("price < $most".to_owned());
            request.filter_params.insert("most".to_owned(), larder::domain::FilterValue::Number(60.5));
        }
        if at % 11 == 0 {
            request.exclude_item_ids = vec![item(4), "nothing".to_owned()];
            request.context.country = Some("DE".to_owned());
        }
        requests.push(request);
    }
    requests
}

/// What a server would have written about these answers.
fn exposures() -> Vec<Value> {
    let snapshot = open_directory(&models(), "production", &LoadOptions::default()).unwrap();
    // Without deadlines: on a busy machine stages would be skipped, and slates would rightly not come again.
    let limits = Limits { placement_deadlines: false, ..Limits::default() };
    let recommender = Recommender::with(snapshot, &Stages::default(), limits).unwrap();
    let answer = |(at, request): (usize, Request)| {
        let answer = recommender.recommend(&request).unwrap();
        let impressions = answer.slate.items.iter().enumerate().map(|(place, item)| Impression {
            item_id: answer.id(item.item).to_owned(),
            rank: (request.offset + place + 1) as u32,
            score: item.score,
            source: item.source.to_string(),
        });
        let versions = answer.view.versions();
        let slate = &answer.slate;
        json!(Exposure {
            recommendation_id: format!("r{at}"),
            time_ms: 1_795_163_400_000,
            placement: request.placement.clone(),
            snapshot: versions.snapshot.to_owned(),
            rules_version: versions.rules.to_owned(),
            live_epoch: versions.live_epoch,
            clock_ms: answer.clock.map(|time| time.as_secs() as i64 * 1000),
            user_id: request.subject.user_id.clone(),
            visitor_id: None,
            session_id: None,
            asked: Asked::by(&request),
            level: slate.degradation.level.as_str(),
            causes: slate.degradation.causes.iter().map(|cause| cause.as_str()).collect(),
            skipped_stages: slate.degradation.skipped_stages.iter().map(|label| label.to_string()).collect(),
            impressions: impressions.collect(),
        })
    };
    requests().into_iter().enumerate().map(answer).collect()
}

fn write(dir: &Path, exposures: &[Value]) -> PathBuf {
    let path = dir.join("exposures-20261120T08.jsonl");
    let lines: Vec<String> = exposures.iter().map(Value::to_string).collect();
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    path
}

fn reasked(path: &Path) -> Reasked {
    let snapshot = open_directory(&models(), "production", &LoadOptions::default()).unwrap();
    Reasker::new(snapshot).unwrap().ask_all(&[Part::local(path)], &mut |_, _| {}).unwrap()
}

#[test]
fn exposures_of_epoch_0_come_again_item_by_item() {
    let dir = tempfile::tempdir().unwrap();
    let shown = exposures();
    assert!(shown.iter().filter(|exposure| exposure["impressions"][4]["item_id"].is_string()).count() > 80);
    let twice = [shown.clone(), shown.clone()].concat();
    let path = write(dir.path(), &twice);
    let found = reasked(&path);
    assert_eq!((found.exposures, found.repeated), (100, 100));
    assert_eq!((found.comparable, found.identical), (100, 100), "{found:?}");
    assert!(found.others.is_empty() && found.first.is_none());

    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.args(["replay", "--snapshot"]).arg(models()).arg("--exposures").arg(&path);
    let output = command.env_remove("LARDER_CHANNEL").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.starts_with("100 of 100 comparable slates are identical"), "{output:?}");
}

#[test]
fn what_may_differ_is_told_apart_and_the_first_difference_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut shown = exposures();
    shown.truncate(9);
    shown[1]["snapshot"] = json!("20200101T000000Z-000000");
    shown[2]["live_epoch"] = json!(3);
    shown[3]["causes"] = json!(["deadline_popular"]);
    shown[4]["asked"]["placement"] = json!("nowhere");
    shown[5].as_object_mut().unwrap().remove("asked");
    shown[6]["asked"]["mood"] = json!("good");
    shown[7]["asked"]["filter"] = json!("price <");
    shown[8]["impressions"][2]["item_id"] = json!("P99999");
    let found = reasked(&write(dir.path(), &shown));
    assert_eq!((found.comparable, found.identical), (5, 1), "{found:?}");
    let counts: Vec<(Difference, u64, u64)> =
        found.others.iter().map(|(reason, others)| (*reason, others.count, others.asked)).collect();
    let expected = [
        (Difference::NotRecorded, 2, 0),
        (Difference::OtherSnapshot, 1, 1),
        (Difference::LiveEpoch, 1, 1),
        (Difference::Skipped, 1, 1),
        (Difference::UnknownPlacement, 1, 0),
        (Difference::Refused, 1, 0),
        (Difference::Other, 1, 1),
    ];
    assert_eq!(counts, expected);
    assert!((found.others[&Difference::LiveEpoch].overlap - 1.0).abs() < 1e-12);
    let size = shown[8]["impressions"].as_array().unwrap().len() as f64;
    assert!((found.others[&Difference::Other].overlap - (size - 1.0) / size).abs() < 1e-12);
    let first = found.first.unwrap();
    assert_eq!((first.recommendation_id.as_str(), first.reason), ("r4", Difference::UnknownPlacement));
    let found = reasked(&write(dir.path(), &shown[8..]));
    let first = found.first.unwrap();
    assert_eq!((first.rank, first.shown.as_deref()), (Some(3), Some("P99999")));
    assert!(first.now.is_some());
    serde_json::to_string(&reasked(&write(dir.path(), &shown))).unwrap();
}
