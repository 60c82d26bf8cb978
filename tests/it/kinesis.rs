//! Kinesis, by real servers in processes of their own: events out of a stream, through splits and merges of its shards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use larder::connect::aws::KinesisSource;
use larder::connect::source::{EventSource, KinesisOptions, Start};
use larder::live::EventCounts;
use serde_json::json;

use crate::support::kinesalite::Kinesalite;
use crate::support::process::Process;
use crate::support::s3_server::S3Server;
use crate::support::stream::{Stream, access};

mod served;
mod troubled;

/// Keys of records, so many that every shard has some.
const KEYS: usize = 12;

/// Writes numbered records for each key.
struct Writer<'s> {
    stream: &'s Stream,
    next: usize,
}

impl Writer<'_> {
    /// Writes this many records for each key, numbers ascending.
    fn write(&mut self, each: usize) {
        let numbers = self.next..self.next + each;
        self.next += each;
        let of_key = |n: usize| (0..KEYS).map(move |key| (format!("k{key}"), n.to_string().into_bytes()));
        self.stream.put(&numbers.flat_map(of_key).collect::<Vec<_>>());
    }
}

/// Reads a stream as a server does, and remembers what it was handed.
struct Follower {
    source: KinesisSource,
    counts: Arc<EventCounts>,
    seen: BTreeMap<String, Vec<usize>>,
    caught_up: bool,
}

impl Follower {
    fn new(endpoint: &str, stream: &str, start: Start) -> Self {
        let counts: Arc<EventCounts> = Arc::default();
        let options = KinesisOptions {
            access: access(endpoint),
            stream: stream.to_owned(),
            start,
            poll_interval: Duration::from_millis(200),
        };
        let source = KinesisSource::open("shop", &options, Arc::clone(&counts)).unwrap();
        Self { source, counts, seen: BTreeMap::new(), caught_up: false }
    }

    fn poll(&mut self) {
        let seen = &mut self.seen;
        let polled = self.source.poll(Duration::from_millis(50), &mut |record| {
            let key = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
            let number = std::str::from_utf8(record.body).unwrap().parse().unwrap();
            assert!(record.partition.starts_with("shardId-") && !record.position.to_string().is_empty());
            seen.entry(key).or_default().push(number);
        });
        self.caught_up = polled.unwrap().caught_up;
    }

    fn poll_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "not within a minute: {what}: {:?}",
                self.seen
            );
            self.poll();
        }
    }

    fn count(&self) -> usize {
        self.seen.values().map(Vec::len).sum()
    }

    /// That each key has these numbers, once and in this order.
    fn assert_has(&self, numbers: std::ops::Range<usize>) {
        let expected: Vec<usize> = numbers.collect();
        assert_eq!(self.seen.len(), KEYS);
        for (key, found) in &self.seen {
            assert_eq!(*found, expected, "{key}");
        }
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

#[test]
fn splits_and_merges_lose_nothing_invent_nothing_and_keep_the_order_of_each_key() {
    let test = "splits_and_merges_lose_nothing_invent_nothing_and_keep_the_order_of_each_key";
    let Some(server) = Kinesalite::start(test) else { return };
    let stream = Stream::create(&server.endpoint(), "items", 2);
    let mut writer = Writer { stream: &stream, next: 0 };
    writer.write(20);
    let mut follower = Follower::new(&server.endpoint(), "items", Start::Earliest);
    follower.poll_until("caught up", |follower| follower.caught_up);
    follower.assert_has(0..20);

    stream.split(0);
    writer.write(20);
    stream.split(2);
    writer.write(20);
    follower.poll_until("the children", |follower| follower.count() >= 60 * KEYS);
    stream.merge(1);
    writer.write(20);
    stream.merge(0);
    stream.merge(0);
    writer.write(20);
    assert_eq!(stream.open_shards().len(), 1);
    follower.poll_until("the merged", |follower| follower.count() >= 100 * KEYS);
    (0..5).for_each(|_| follower.poll());
    follower.assert_has(0..100);
    assert_eq!(follower.counts.gaps().len(), 0);
    assert_eq!(follower.counts.reads().len(), 1, "shards that are over have no lag");

    // Who comes later reads parents before their children, and has not caught up before it has read them all.
    let mut later = Follower::new(&server.endpoint(), "items", Start::Earliest);
    later.poll_until("caught up", |later| later.caught_up);
    later.assert_has(0..100);
    let mut latest = Follower::new(&server.endpoint(), "items", Start::Latest);
    latest.poll_until("caught up", |latest| latest.caught_up);
    writer.write(1);
    latest.poll_until("what came next", |latest| latest.count() >= KEYS);
    latest.assert_has(100..101);
}

#[test]
fn a_stream_is_read_from_a_time_on() {
    let Some(server) = Kinesalite::start("a_stream_is_read_from_a_time_on") else { return };
    let stream = Stream::create(&server.endpoint(), "items", 2);
    let mut writer = Writer { stream: &stream, next: 0 };
    writer.write(10);
    std::thread::park_timeout(Duration::from_millis(50));
    let begin = now_ms();
    std::thread::park_timeout(Duration::from_millis(50));
    // kinesalite does not answer where a shard has no record after the time.
    writer.write(10);
    stream.split(0);
    stream.split(2);
    writer.write(10);
    // By the watermark, which the server gives.
    let mut follower = Follower::new(&server.endpoint(), "items", Start::Watermark);
    follower.source.seek(Some(begin));
    follower.poll_until("caught up", |follower| follower.caught_up);
    follower.assert_has(10..30);
    let mut other = Follower::new(&server.endpoint(), "items", Start::At(begin));
    other.poll_until("caught up", |other| other.caught_up);
    other.assert_has(10..30);
    // Long before the stream was made: that is no gap.
    let mut all = Follower::new(&server.endpoint(), "items", Start::At(1_795_000_000_000));
    all.poll_until("caught up", |all| all.caught_up);
    all.assert_has(0..30);
    assert_eq!(all.counts.gaps().len(), 0);
}

#[test]
fn a_time_after_all_records_is_caught_up_with_and_what_comes_next_is_read() {
    // By moto, as kinesalite does not answer there; moto has no splits that are like Kinesis'.
    let test = "a_time_after_all_records_is_caught_up_with_and_what_comes_next_is_read";
    let Some(server) = S3Server::start(test) else { return };
    let stream = Stream::create(&server.endpoint(), "items", 3);
    let mut writer = Writer { stream: &stream, next: 0 };
    writer.write(20);
    let mut all = Follower::new(&server.endpoint(), "items", Start::Earliest);
    all.poll_until("caught up", |all| all.caught_up);
    all.assert_has(0..20);
    std::thread::park_timeout(Duration::from_millis(50));
    // A time that is still to come is as good as now.
    let mut later = Follower::new(&server.endpoint(), "items", Start::At(now_ms() + 3_600_000));
    later.poll_until("caught up", |later| later.caught_up);
    assert_eq!(later.count(), 0);
    writer.write(1);
    later.poll_until("what came next", |later| later.count() >= KEYS);
    later.assert_has(20..21);
    all.poll_until("what came next", |all| all.count() >= 21 * KEYS);
    all.assert_has(0..21);
}
