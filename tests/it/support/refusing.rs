//! A server that takes batches of records as Kinesis does, and refuses some of each.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// A record as it was sent: its key and its bytes.
pub(crate) type Sent = (String, Vec<u8>);

/// What became of a request's records: what was sent, and whether it was taken.
pub(crate) type Request = Vec<(Sent, bool)>;

/// The server; its thread ends with the process.
pub(crate) struct Refusing {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Refusing {
    /// Starts it. `takes` says of each record, by its number since the start, whether it is taken.
    pub(crate) fn start(takes: fn(usize) -> bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            let mut count = 0;
            for connection in listener.incoming() {
                let Ok(connection) = connection else { return };
                serve(connection, takes, &mut count, &seen);
            }
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

/// Answers the requests of a connection until it is closed.
fn serve(connection: TcpStream, takes: fn(usize) -> bool, count: &mut usize, seen: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(connection);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = bytes.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let mut request = Request::new();
        let mut answers = Vec::new();
        for record in body["Records"].as_array().unwrap() {
            let is_taken = takes(*count);
            *count += 1;
            answers.push(if is_taken {
                json!({"SequenceNumber": count.to_string(), "ShardId": "shardId-000000000000"})
            } else {
                json!({"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "too much"})
            });
            let data = BASE64_STANDARD.decode(record["Data"].as_str().unwrap()).unwrap();
            let key = record["PartitionKey"].as_str().unwrap().to_owned();
            request.push(((key, data), is_taken));
        }
        let failed = request.iter().filter(|(_, is_taken)| !is_taken).count();
        seen.lock().unwrap().push(request);
        let answer = json!({"FailedRecordCount": failed, "Records": answers}).to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: ";
        write!(reader.get_mut(), "{head}{}\r\n\r\n{answer}", answer.len()).unwrap();
    }
}
