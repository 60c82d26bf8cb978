//! A stream that is read as one of Kinesis is, of one shard, and that says on demand what Kinesis says in trouble.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::Utc;
use serde_json::{Value, json};

use super::json_service;

/// Records of an answer, so few that there are several answers.
const RECORDS: usize = 7;

/// The stream; its server's threads end with the process.
pub(crate) struct TroubledStream {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// When each came, in milliseconds since 1970, and its body.
    records: Vec<(i64, String)>,
    /// The number of the first record; those of a stream that was made anew are others.
    first: usize,
    /// What the next requests for records are answered with; `None`: with records.
    troubles: VecDeque<Option<&'static str>>,
    /// Since how many hours the stream is there; it keeps records for 24.
    age_hours: i64,
}

impl TroubledStream {
    /// A stream that was made so many hours ago.
    pub(crate) fn new(age_hours: i64) -> Self {
        let state = Arc::new(Mutex::new(State { age_hours, first: 1, ..State::default() }));
        let answering = Arc::clone(&state);
        let address =
            json_service::start(move |operation, input| answering.lock().unwrap().answer(operation, input));
        Self { address, state }
    }

    /// Where it listens, as an endpoint URL.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds records.
    pub(crate) fn put(&self, bodies: impl IntoIterator<Item = Value>) {
        let now = Utc::now().timestamp_millis();
        self.state().records.extend(bodies.into_iter().map(|body| (now, body.to_string())));
    }

    /// The next requests for records are answered with these errors, where there is one.
    pub(crate) fn trouble(&self, troubles: &[Option<&'static str>]) {
        self.state().troubles.extend(troubles);
    }

    /// Whether all troubles are told.
    pub(crate) fn is_calm(&self) -> bool {
        self.state().troubles.is_empty()
    }

    /// Makes the stream anew: what it had is gone, and nobody knows its numbers.
    pub(crate) fn make_anew(&self) {
        let mut state = self.state();
        state.records.clear();
        state.first += 1_000_000;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn answer(&mut self, operation: &str, input: &Value) -> Result<Value, &'static str> {
        match operation {
            "DescribeStreamSummary" => {
                let created = Utc::now().timestamp() - self.age_hours * 3600;
                Ok(json!({"StreamDescriptionSummary": {
                    "StreamName": "items", "StreamARN": "arn:aws:kinesis:us-east-1:1:stream/items",
                    "StreamStatus": "ACTIVE", "RetentionPeriodHours": 24, "StreamCreationTimestamp": created,
                    "EnhancedMonitoring": [], "OpenShardCount": 1,
                }}))
            }
            "ListShards" => Ok(json!({"Shards": [{
                "ShardId": "shardId-000000000000",
                "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": u128::MAX.to_string()},
                "SequenceNumberRange": {"StartingSequenceNumber": "1"},
            }]})),
            "GetShardIterator" => {
                let next = self.iterator(input)?;
                Ok(json!({"ShardIterator": next.to_string()}))
            }
            "GetRecords" => self.troubles.pop_front().flatten().map_or_else(|| Ok(self.records(input)), Err),
            other => panic!("{other} is not needed to read a stream"),
        }
    }

    /// The number that is read next.
    fn iterator(&self, input: &Value) -> Result<usize, &'static str> {
        let end = self.first + self.records.len();
        match input["ShardIteratorType"].as_str().unwrap() {
            "TRIM_HORIZON" => Ok(self.first),
            "LATEST" => Ok(end),
            "AT_TIMESTAMP" => {
                let ms = (input["Timestamp"].as_f64().unwrap() * 1000.0) as i64;
                Ok(self.first + self.records.iter().filter(|(came, _)| *came < ms).count())
            }
            "AFTER_SEQUENCE_NUMBER" => {
                let last: usize = input["StartingSequenceNumber"].as_str().unwrap().parse().unwrap();
                if (self.first..end).contains(&last) { Ok(last + 1) } else { Err("InvalidArgumentException") }
            }
            other => panic!("{other}"),
        }
    }

    fn records(&self, input: &Value) -> Value {
        let from: usize = input["ShardIterator"].as_str().unwrap().parse().unwrap();
        let numbered = self.records.iter().zip(self.first..);
        let some = numbered.filter(|(_, number)| *number >= from).take(RECORDS);
        let records: Vec<Value> = some
            .map(|((came, body), number)| {
                json!({
                    "SequenceNumber": number.to_string(), "PartitionKey": "k", "Data": BASE64_STANDARD.encode(body),
                    "ApproximateArrivalTimestamp": *came as f64 / 1000.0,
                })
            })
            .collect();
        let next = from + records.len();
        let left = (self.first + self.records.len()).saturating_sub(next);
        json!({"Records": records, "NextShardIterator": next.to_string(), "MillisBehindLatest": left * 1000})
    }
}
