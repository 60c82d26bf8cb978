//! Kafka, by a real broker in a process of its own: events out of a topic, exposures into one.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::Utc;
use rskafka::record::Record;
use serde_json::{Value, json};

use crate::support::broker::{Broker, record};
use crate::support::event_shop::{STOCK, Shop, after, applied, digest, is_ready, scrape, status, wait_until};
use crate::support::process::Process;

mod replicas;

/// An event in the words of a shop that has a mapping for them.
fn stock(sku: &str, pieces: u32, minutes: i64) -> Record {
    let body = json!({"sku": sku, "pieces": pieces, "at": after(minutes).to_rfc3339()});
    record(&[], &body.to_string())
}

/// A CloudEvent in headers.
fn delisted(item: &str, minutes: i64) -> Record {
    let time = after(minutes).to_rfc3339();
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", "1"),
        ("ce_source", "shop"),
        ("ce_type", "item.delisted"),
        ("ce_subject", item),
        ("ce_time", &time),
    ];
    record(&headers, "")
}

/// A shop that follows a topic.
fn following(broker: &Broker, topic: &str, start: &str) -> Shop {
    let address = broker.address();
    Shop::new(&format!(
        "[[events.source]]\nname = 'shop'\nkind = 'kafka'\n\
         brokers = '{address}'\ntopic = '{topic}'\nstart = '{start}'\n{STOCK}"
    ))
}

#[test]
fn a_topic_is_read_from_where_the_catalogue_ends_and_through_the_end_of_its_broker() {
    let test = "a_topic_is_read_from_where_the_catalogue_ends_and_through_the_end_of_its_broker";
    let Some(mut broker) = Broker::start(test) else { return };
    broker.create("items", 2);
    // Written before the beginning, and older than the catalogue.
    broker.produce("items", 0, vec![delisted("honey", -60), delisted("jam", -30)]);
    std::thread::park_timeout(Duration::from_millis(5));
    let begin = Utc::now();
    broker.produce("items", 0, (0..50).map(|n| stock("assam", 50 - n, n.into())).collect());
    broker.produce("items", 0, vec![stock("assam", 0, 60), delisted("milk", 61)]);
    broker.produce("items", 1, vec![stock("sencha", 0, 62), record(&[], "no JSON")]);

    let shop = following(&broker, "items", &begin.to_rfc3339());
    let server = shop.serve();
    wait_until("ready", || is_ready(&server));
    // Caught up, and not only waited for: all that was there is in the state.
    assert_eq!(status(&server)["ready"], true);
    assert_eq!(applied(&server), 53.0);
    let dead = scrape(&server).value("larder_dead_total", &[("source", "shop")]);
    assert_eq!(dead, Some(1.0));

    broker.produce("items", 1, vec![delisted("chai", 70), stock("sencha", 3, 71)]);
    wait_until("what came after the start", || applied(&server) == 55.0);
    // By the time of the catalogue, which tansu takes for a time of writing: all of it then.
    let other = following(&broker, "items", "watermark");
    let later = other.serve();
    wait_until("ready", || is_ready(&later));
    let all = applied(&later);
    assert!(all == 55.0 || all == 57.0, "{all}");
    assert_eq!(digest(&later), digest(&server), "who starts later knows the same");
    wait_until("no lag", || scrape(&server).value("larder_event_lag_records", &[]) == Some(0.0));
    assert_eq!(scrape(&server).value("larder_event_lag_seconds", &[("source", "shop")]), Some(0.0));

    broker.stop();
    broker.start_again();
    // The same topic with less in it than was read, and one partition more.
    broker.create("items", 3);
    broker.produce("items", 0, vec![stock("espresso", 0, 80)]);
    broker.produce("items", 2, vec![delisted("teapot", 81), stock("kettle", 0, 82)]);
    wait_until("the new partition", || applied(&server) >= 57.0 && applied(&later) >= all + 2.0);
    wait_until("the topic that is shorter now", || applied(&server) == 58.0 && applied(&later) == all + 3.0);
    assert_eq!(digest(&later), digest(&server));
    let log = server.end();
    for word in ["a wanted record is gone", "a new partition is read"] {
        assert!(log.contains(word), "{word}");
    }
    later.end();
}

#[test]
fn a_source_without_a_broker_keeps_nobody_from_being_served_for_ever() {
    let shop = Shop::new(
        "[events]\nready_wait = '5s'\n[[events.source]]\nname = 'shop'\nkind = 'kafka'\n\
         brokers = '127.0.0.1:1'\ntopic = 'items'\n",
    );
    let server = shop.serve();
    assert!(!is_ready(&server));
    wait_until("ready without the source", || is_ready(&server));
    let began = Instant::now();
    let log = server.end();
    assert!(began.elapsed() < Duration::from_secs(5), "the source is not waited for");
    assert!(log.contains("Kafka cannot be asked for partitions") && log.contains("127.0.0.1:1"));
}

/// Asks for slates; the ids of the answers.
fn ask(server: &Process, count: usize) -> BTreeSet<String> {
    let path = "/v1/placements/pdp.similar:recommend";
    let body = json!({"subject": {"userId": "ada"}, "seedItems": [{"itemId": "earl-grey"}]}).to_string();
    let ask = |_| {
        let answer = server.send(server.http, "POST", path, &body).json();
        answer["recommendationId"].as_str().unwrap().to_owned()
    };
    (0..count).map(ask).collect()
}

/// The keys of a topic's records, each of which must be the id that its record has.
fn shown(broker: &Broker, partitions: i32) -> BTreeSet<String> {
    let records = (0..partitions).flat_map(|partition| broker.read("shown", partition));
    let key = |record: Record| {
        let exposure: Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
        let key = String::from_utf8(record.key.unwrap()).unwrap();
        assert_eq!(exposure["recommendation_id"], *key);
        key
    };
    records.map(key).collect()
}

#[test]
fn exposures_reach_their_topic_also_when_its_broker_was_away() {
    let test = "exposures_reach_their_topic_also_when_its_broker_was_away";
    let Some(mut broker) = Broker::start(test) else { return };
    broker.create("shown", 3);
    let spool = tempfile::tempdir().unwrap();
    let spool_dir: &Path = spool.path();
    let shop = Shop::new(&format!(
        "[spool]\ndir = '{}'\n[[events.sink]]\nname = 'shown'\nkind = 'kafka'\nbrokers = '{}'\ntopic = 'shown'\n",
        spool_dir.display(),
        broker.address()
    ));
    let server = shop.serve();
    let first = ask(&server, 40);
    wait_until("the first", || shown(&broker, 3) == first);
    assert!((0..3).all(|partition| !broker.read("shown", partition).is_empty()), "keys are spread");
    broker.stop();
    let second = ask(&server, 20);
    let failed = || scrape(&server).value("larder_sink_failed_total", &[("sink", "shown")]);
    wait_until("a failure", || failed().is_some_and(|failed| failed > 0.0));
    broker.start_again();
    broker.create("shown", 3);
    wait_until("the second", || shown(&broker, 3) == second);
    server.end();
}
