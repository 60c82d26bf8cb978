//! SQS, by moto: events out of a queue, and what S3 and SNS say of new objects.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use larder::artifact::LocalStore;
use serde_json::{Value, json};

use crate::support::amazon::Amazon;
use crate::support::following::publish_to;
use crate::support::grocer;
use crate::support::process::Process;
use crate::support::s3_server::S3Server;
use crate::support::scrape::Scrape;

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn status(server: &Process) -> Value {
    server.send(server.admin, "GET", "/status", "").json()
}

fn scrape(server: &Process) -> Scrape {
    Scrape::parse(&server.send(server.admin, "GET", "/metrics", "").body)
}

fn delisted(item: &str) -> String {
    json!({"type": "item.delisted", "item_id": item, "time": "2026-11-20T02:00:00Z"}).to_string()
}

#[test]
fn messages_become_events_and_are_deleted_and_a_new_object_refreshes_the_snapshot() {
    let test = "messages_become_events_and_are_deleted_and_a_new_object_refreshes_the_snapshot";
    let Some(moto) = S3Server::start(test) else { return };
    let amazon = Amazon::new(&moto);
    let queue = amazon.make_queue("shop");
    let in_sns = json!({
        "Type": "Notification", "MessageId": "m-1", "TopicArn": "arn:aws:sns:us-east-1:123456789012:shop",
        "Message": delisted("milk"), "Timestamp": "2026-11-20T02:00:00.000Z",
    });
    amazon.send(&queue, &[delisted("assam"), in_sns.to_string(), "no JSON".to_owned()]);

    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::create(dir.path()).unwrap();
    publish_to(&store, grocer::snapshot(1).path()).unwrap();
    let config: PathBuf = dir.path().join("larder.toml");
    // So rarely looked at that nobody but the event makes it look.
    let text = format!(
        "[snapshot]\npoll_interval = '1h'\n[[events.source]]\nname = 'shop'\nkind = 'sqs'\nqueue_url = '{queue}'\n\
         region = 'us-east-1'\nendpoint = '{}'\n",
        moto.endpoint()
    );
    std::fs::write(&config, text).unwrap();
    let server = Process::serve_with(dir.path(), &[("--config", &config)]);
    wait_until("ready", || server.send(server.admin, "GET", "/readyz", "").status == 200);
    let applied = || {
        let labels = [("source", "shop"), ("outcome", "applied"), ("type", "item.delisted")];
        scrape(&server).value("larder_events_total", &labels).unwrap_or_default()
    };
    assert_eq!(applied(), 2.0);
    assert_eq!(scrape(&server).value("larder_dead_total", &[("source", "shop")]), Some(1.0));
    wait_until("an empty queue", || amazon.queued(&queue) == 0);

    let version = || status(&server)["snapshot"]["version"].clone();
    let first = version();
    publish_to(&store, grocer::snapshot(2).path()).unwrap();
    amazon.make_bucket("models");
    amazon.notify("models", &queue);
    amazon.put("models", "some/channels/production.json", b"{}");
    wait_until("the new snapshot", || version() != first);
    amazon.send(&queue, &[delisted("chai")]);
    wait_until("what came after the start", || applied() == 3.0);
    wait_until("an empty queue", || amazon.queued(&queue) == 0);
    // The test event of S3 is neither an event nor a dead letter.
    assert_eq!(scrape(&server).value("larder_dead_total", &[("source", "shop")]), Some(1.0));
    server.end();
}
