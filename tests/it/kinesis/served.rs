//! A server that follows a stream.

use larder::artifact::LocalStore;
use md5::{Digest as _, Md5};
use serde_json::Value;

use super::*;
use crate::support::following::publish_to;
use crate::support::grocer;

/// An image of DynamoDB, as Kinesis gets it.
fn image(item: &str, pieces: u32, second: u32) -> Vec<u8> {
    let time = format!("2026-11-20T02:00:{second:02}Z");
    json!({
        "eventName": "MODIFY", "eventID": format!("{item}-{second}"), "tableName": "items",
        "dynamodb": {
            "Keys": {"sku": {"S": item}},
            "NewImage": {"sku": {"S": item}, "pieces": {"N": pieces.to_string()}, "at": {"S": time}},
        },
    })
    .to_string()
    .into_bytes()
}

/// Records in one, as the producer library packs them.
fn packed(key: &str, bodies: &[Vec<u8>]) -> Vec<u8> {
    let varint = |mut n: usize| {
        let mut bytes = Vec::new();
        while n >= 0x80 {
            bytes.push(n as u8 | 0x80);
            n >>= 7;
        }
        bytes.push(n as u8);
        bytes
    };
    let field = |tag: u8, bytes: &[u8]| [&[tag][..], &varint(bytes.len()), bytes].concat();
    let mut message = field(0x0a, key.as_bytes());
    for body in bodies {
        message.extend(field(0x1a, &[&[0x08, 0][..], &field(0x1a, body)].concat()));
    }
    [&[0xf3, 0x89, 0x9a, 0xc2][..], &message, &Md5::digest(&message)[..]].concat()
}

fn scrape(server: &Process) -> Scrape {
    Scrape::parse(&server.send(server.admin, "GET", "/metrics", "").body)
}

fn applied(server: &Process) -> f64 {
    let labels = [("source", "shop"), ("outcome", "applied")];
    scrape(server).value("larder_events_total", &labels).unwrap_or_default()
}

fn status(server: &Process) -> Value {
    server.send(server.admin, "GET", "/status", "").json()
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn images_of_a_table_are_in_the_state_before_a_server_is_ready_and_after() {
    let test = "images_of_a_table_are_in_the_state_before_a_server_is_ready_and_after";
    let Some(moto) = S3Server::start(test) else { return };
    let stream = Stream::create(&moto.endpoint(), "items", 3);
    let record = |item: &str, pieces, second| (item.to_owned(), image(item, pieces, second));
    stream.put(&(0..40).map(|n| record("assam", 40 - n, n)).collect::<Vec<_>>());
    stream.put(&[("x".to_owned(), b"no JSON".to_vec())]);
    let in_one = packed("sencha", &[image("sencha", 3, 1), image("sencha", 0, 2)]);
    stream.put(&[("sencha".to_owned(), in_one)]);

    let dir = tempfile::tempdir().unwrap();
    publish_to(&LocalStore::create(dir.path()).unwrap(), grocer::snapshot(1).path()).unwrap();
    let config = dir.path().join("larder.toml");
    let text = format!(
        "[[events.source]]\nname = 'shop'\nkind = 'kinesis'\nstream = 'items'\nregion = 'us-east-1'\n\
         endpoint = '{}'\npoll_interval = '200ms'\n\
         [[events.source.map]]\ntype = 'item.changed'\nitem_id = '/dynamodb/Keys/sku/S'\n\
         time = '/dynamodb/NewImage/at/S'\nset.in_stock = {{ at = '/dynamodb/NewImage/pieces', gt = 0 }}\n",
        moto.endpoint()
    );
    std::fs::write(&config, text).unwrap();
    let serve = || Process::serve_with(dir.path(), &[("--config", &config)]);
    let server = serve();
    wait_until("ready", || server.send(server.admin, "GET", "/readyz", "").status == 200);
    // Caught up, and not only waited for: all that was there is in the state.
    assert_eq!(status(&server)["ready"], true);
    assert_eq!(applied(&server), 42.0);
    assert_eq!(scrape(&server).value("larder_dead_total", &[("source", "shop")]), Some(1.0));
    stream.put(&[record("milk", 0, 50), record("chai", 0, 51)]);
    wait_until("what came after the start", || applied(&server) == 44.0);
    assert_eq!(scrape(&server).value("larder_event_lag_seconds", &[("source", "shop")]), Some(0.0));
    assert_eq!(scrape(&server).value("larder_event_lag_records", &[]), None, "Kinesis does not tell");

    let dir_of_other = tempfile::tempdir().unwrap();
    publish_to(&LocalStore::create(dir_of_other.path()).unwrap(), grocer::snapshot(1).path()).unwrap();
    let later = Process::serve_with(dir_of_other.path(), &[("--config", &config)]);
    wait_until("ready", || later.send(later.admin, "GET", "/readyz", "").status == 200);
    assert_eq!(status(&later)["live_digest"], status(&server)["live_digest"]);
    drop(moto);
    let log = server.end();
    assert!(log.contains("a stream is read") && !log.contains("SecretAccessKey"));
    later.end();
}
