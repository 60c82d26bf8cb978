//! A server that takes batches of entries as Kinesis and EventBridge do, and refuses some of each, or whole batches.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::json_service;

/// A record as it was sent: its key and its bytes.
pub(crate) type Sent = (String, Vec<u8>);

/// What became of a request's records: what was sent, and whether it was taken.
pub(crate) type Request = Vec<(Sent, bool)>;

/// What is said of an entry.
#[derive(Clone, Copy)]
pub(crate) enum Verdict {
    Taken,
    /// It is refused, and the others of its request are not.
    Refused(&'static str),
    /// Its whole request is refused.
    RefusesRequest(&'static str),
}

/// The server; its threads end with the process.
pub(crate) struct Refusing {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Refusing {
    /// Starts it. `takes` says of each record, by its number since the start, whether it is taken.
    pub(crate) fn start(takes: fn(usize) -> bool) -> Self {
        Self::judging(move |number, _| match takes(number) {
            true => Verdict::Taken,
            false => Verdict::Refused("ProvisionedThroughputExceededException"),
        })
    }

    /// Starts one that says of each entry, by its number since the start and its bytes, what becomes of it.
    pub(crate) fn judging(judge: impl Fn(usize, &[u8]) -> Verdict + Send + 'static) -> Self {
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let seen = Arc::clone(&requests);
        let mut count = 0;
        let address = json_service::start(move |_, input| {
            let entries = entries(input);
            let verdicts: Vec<Verdict> =
                entries.iter().zip(count..).map(|((_, bytes), number)| judge(number, bytes)).collect();
            count += entries.len();
            let whole = verdicts.iter().find_map(|verdict| match verdict {
                Verdict::RefusesRequest(code) => Some(*code),
                _ => None,
            });
            let is_taken = |verdict: &Verdict| whole.is_none() && matches!(verdict, Verdict::Taken);
            seen.lock().unwrap().push(entries.into_iter().zip(verdicts.iter().map(is_taken)).collect());
            whole.map_or_else(|| Ok(output(&verdicts)), Err)
        });
        Self { address, requests }
    }

    /// Where it listens, as an endpoint URL.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests until now.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// The entries of a request to a stream, or to a bus.
fn entries(input: &Value) -> Vec<Sent> {
    let of_stream = |record: &Value| {
        let data = BASE64_STANDARD.decode(record["Data"].as_str().unwrap()).unwrap();
        (record["PartitionKey"].as_str().unwrap_or_default().to_owned(), data)
    };
    let of_bus = |entry: &Value| (String::new(), entry["Detail"].as_str().unwrap().as_bytes().to_vec());
    match input["Records"].as_array() {
        Some(records) => records.iter().map(of_stream).collect(),
        None => input["Entries"].as_array().unwrap().iter().map(of_bus).collect(),
    }
}

/// What either service says of the entries of a request that it takes.
fn output(verdicts: &[Verdict]) -> Value {
    let one = |verdict: &Verdict| match verdict {
        Verdict::Taken => json!({"SequenceNumber": "1", "ShardId": "shardId-000000000000", "EventId": "1"}),
        Verdict::Refused(code) | Verdict::RefusesRequest(code) => {
            json!({"ErrorCode": code, "ErrorMessage": "not this one"})
        }
    };
    let failed = verdicts.iter().filter(|verdict| !matches!(verdict, Verdict::Taken)).count();
    let all: Vec<Value> = verdicts.iter().map(one).collect();
    json!({"FailedRecordCount": failed, "Records": all, "FailedEntryCount": failed, "Entries": all})
}
