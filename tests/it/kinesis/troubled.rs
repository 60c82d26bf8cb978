//! A server beside a stream in trouble: asked too often, with iterators that have expired, kept for too short, made
//! anew; and what a server sends to a stream that does not take all of it.

use std::process::Command;

use serde_json::Value;

use super::*;
use crate::support::event_shop::{STOCK, Shop, after, applied, is_ready, scrape, wait_until};
use crate::support::refusing::Refusing;
use crate::support::troubled_stream::TroubledStream;

const TOO_OFTEN: Option<&str> = Some("ProvisionedThroughputExceededException");
const EXPIRED: Option<&str> = Some("ExpiredIteratorException");
const BROKEN: Option<&str> = Some("InternalFailureException");

fn source(endpoint: &str) -> String {
    format!(
        "[[events.source]]\nname = 'shop'\nkind = 'kinesis'\nstream = 'items'\nregion = 'us-east-1'\n\
         endpoint = '{endpoint}'\npoll_interval = '200ms'\n{STOCK}"
    )
}

/// Changes of an item, each later than the one before.
fn stock(minutes: std::ops::Range<i64>) -> impl Iterator<Item = Value> {
    minutes.map(|minute| json!({"sku": "assam", "pieces": minute, "at": after(minute).to_rfc3339()}))
}

fn of_source(server: &Process, metric: &str) -> f64 {
    scrape(server).value(metric, &[("source", "shop")]).unwrap_or_default()
}

/// Events that were read again.
fn stale(server: &Process) -> Option<f64> {
    scrape(server).value("larder_events_total", &[("source", "shop"), ("outcome", "stale")])
}

#[test]
fn a_stream_that_is_asked_too_often_and_whose_iterators_expire_is_read_whole_and_once() {
    let stream = TroubledStream::new(1);
    stream.put(stock(0..40));
    stream.trouble(&[TOO_OFTEN, None, EXPIRED, None, TOO_OFTEN, TOO_OFTEN, None, BROKEN, EXPIRED, EXPIRED]);
    let shop = Shop::new(&source(&stream.endpoint()));
    let server = shop.serve();
    wait_until("ready", || is_ready(&server));
    assert!(stream.is_calm(), "ready after all that was there");
    assert_eq!(applied(&server), 40.0);
    assert_eq!(of_source(&server, "larder_source_throttled_total"), 3.0);
    stream.trouble(&[EXPIRED, TOO_OFTEN]);
    stream.put(stock(40..50));
    wait_until("what came after the start", || applied(&server) == 50.0);
    assert_eq!((stale(&server), of_source(&server, "larder_live_gap_seconds")), (None, 0.0));
    // Another stream of the same name: its records have numbers that this one never had.
    stream.make_anew();
    stream.trouble(&[EXPIRED]);
    stream.put(stock(50..60));
    wait_until("the stream that was made anew", || applied(&server) == 60.0);
    assert!(server.end().contains("the last record that was read is gone"));
}

#[test]
fn a_stream_that_does_not_go_back_as_far_as_the_catalogue_is_read_and_said_to_have_a_gap() {
    let stream = TroubledStream::new(24 * 365);
    stream.put(stock(0..10));
    let shop = Shop::new(&source(&stream.endpoint()));
    let server = shop.serve();
    wait_until("ready", || is_ready(&server));
    assert_eq!(applied(&server), 10.0, "what there is");
    // It keeps a day, and the catalogue ends at 01:00, less five minutes.
    let since_ms = after(0).timestamp_millis() - 300_000;
    let missing = (now_ms() - since_ms) as f64 / 1000.0 - 86_400.0;
    let told = of_source(&server, "larder_live_gap_seconds");
    assert!(missing > 0.0 && (told - missing).abs() < 120.0, "{told} of {missing}");
    assert!(server.end().contains("the stream does not go back as far as the snapshot"));
    let young = TroubledStream::new(1);
    let shop = Shop::new(&source(&young.endpoint()));
    let server = shop.serve();
    wait_until("ready", || is_ready(&server));
    assert_eq!(of_source(&server, "larder_live_gap_seconds"), 0.0, "it never had more");
}

#[test]
fn a_stream_is_tailed_as_files_are() {
    let stream = TroubledStream::new(1);
    stream.put(stock(0..20));
    stream.put([json!("no event")]);
    stream.trouble(&[None, TOO_OFTEN, EXPIRED]);
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("larder.toml");
    std::fs::write(&config, source(&stream.endpoint())).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_larder"))
        .env("AWS_ACCESS_KEY_ID", "larder")
        .env("AWS_SECRET_ACCESS_KEY", "testing")
        .args(["events", "tail", "--source", "shop", "--no-follow", "--json", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 21, "{said}");
    for (line, minute) in lines.iter().zip(0..20) {
        assert_eq!((&line["type"], &line["item_id"]), (&json!("item.changed"), &json!("assam")));
        assert_eq!(line["set"]["in_stock"], minute > 0, "{line}");
    }
    let place = &lines[20]["unmatched"];
    assert_eq!((&place["partition"], &place["position"]), (&json!("shardId-000000000000"), &json!("21")));
}

#[test]
fn what_a_stream_does_not_take_waits_in_the_spool_and_goes_out_once() {
    let stream = Refusing::start(|number| (number * 7) % 10 >= 3);
    let shop = Shop::new(&format!(
        "[spool]\ndir = 'spool'\n[[events.sink]]\nname = 'out'\nkind = 'kinesis'\nstream = 'shown'\n\
         region = 'us-east-1'\nendpoint = '{}'\nwhat = ['exposures', 'events']\n",
        stream.endpoint()
    ));
    let server = shop.serve();
    for n in 0..60 {
        let body = json!({"subject": {"userId": format!("u-{n}")}}).to_string();
        let path = "/v1/placements/home.for_you:recommend";
        assert_eq!(server.send(server.http, "POST", path, &body).status, 200);
        let view = json!({"id": format!("e-{n}"), "type": "view", "item_id": "assam", "session_id": "s"});
        let body = json!({"events": [view]}).to_string();
        assert_eq!(server.send(server.http, "POST", "/v1/events:record", &body).status, 200);
    }
    let sent = || scrape(&server).value("larder_sink_sent_total", &[("sink", "out")]);
    wait_until("all of it is sent", || sent() == Some(120.0));
    assert_eq!(scrape(&server).value("larder_sink_refused_total", &[("sink", "out")]), Some(0.0));
    let failed = scrape(&server).value("larder_sink_failed_total", &[("sink", "out")]).unwrap();
    server.end();
    let requests = stream.requests();
    let entries: Vec<_> = requests.iter().flatten().collect();
    assert_eq!(failed, entries.iter().filter(|(_, is_taken)| !is_taken).count() as f64);
    let taken: Vec<(String, Value)> = entries
        .iter()
        .filter(|(_, is_taken)| *is_taken)
        .map(|((key, bytes), _)| (key.clone(), serde_json::from_slice(bytes).unwrap()))
        .collect();
    let mut keys: Vec<&str> = taken.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!((taken.len(), keys.len()), (120, 120), "each once");
    for (key, record) in &taken {
        let id = if record.get("type").is_some() { &record["id"] } else { &record["recommendation_id"] };
        assert_eq!(id, key, "who joins by it finds it in one place");
    }
}
