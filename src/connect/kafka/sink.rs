//! A topic as a place where records go.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::DateTime;
use rskafka::client::error::ProtocolError;
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::record::Record as Sent;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::cluster::{Cluster, KafkaError, answered, partitions};
use super::partitioner::partition_of;
use crate::connect::access::KafkaAccess;
use crate::connect::record_key::key_of;
use crate::exposure::sink::{RecordSink, Refusal, SendError, TOO_LARGE};
use crate::exposure::{Record, What};

/// How long connections are kept before the topic's partitions are looked up again.
const KEPT: Duration = Duration::from_secs(300);

/// Sends records to a topic, each to the partition of its key, and takes them for written when all replicas in sync
/// have them. The key is the record's own id, by which one that was sent twice is known.
pub struct KafkaSink {
    cluster: Cluster,
    topic: String,
    what: What,
    runtime: Runtime,
    connected: Option<Connected>,
}

struct Connected {
    partitions: Vec<Arc<PartitionClient>>,
    since: Instant,
}

impl fmt::Debug for KafkaSink {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("KafkaSink").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// What went wrong with the records at some places.
type Failure = (Vec<usize>, KafkaError);

impl KafkaSink {
    /// Gets ready to write records of this kind; nothing is connected to before the first record.
    ///
    /// # Errors
    /// Certificates that cannot be read, or no runtime.
    pub fn open(access: &KafkaAccess, topic: &str, what: What) -> Result<Self, KafkaSinkError> {
        Ok(Self {
            cluster: Cluster::new(access)?,
            topic: topic.to_owned(),
            what,
            runtime: Builder::new_current_thread().enable_all().build()?,
            connected: None,
        })
    }

    fn connect(&mut self) -> Result<&Connected, KafkaError> {
        if self.connected.as_ref().is_some_and(|connected| connected.since.elapsed() > KEPT) {
            self.connected = None;
        }
        match &mut self.connected {
            Some(connected) => Ok(connected),
            none => {
                let connected = self.runtime.block_on(connect(&self.cluster, &self.topic))?;
                Ok(none.insert(connected))
            }
        }
    }

    /// Sends records; says which of them were not taken, and why.
    fn write(&mut self, records: &[Record<'_>]) -> Result<Vec<Failure>, KafkaError> {
        let clients = self.connect()?.partitions.clone();
        let partitions = clients.len();
        let mut batches: BTreeMap<usize, Vec<(usize, Sent)>> = BTreeMap::new();
        for (place, record) in records.iter().enumerate() {
            let key = key_of(self.what, record.bytes);
            // What has no id is spread by what it is.
            let by = if key.is_empty() { record.bytes } else { key.as_bytes() };
            let partition = partition_of(by, partitions);
            batches.entry(partition).or_default().push((place, sent(&key, record)));
        }
        Ok(self.runtime.block_on(async move {
            let mut tasks = JoinSet::new();
            let mut places_of = BTreeMap::new();
            for (partition, batch) in batches {
                if let Some(client) = clients.get(partition) {
                    let places: Vec<usize> = batch.iter().map(|(place, _)| *place).collect();
                    let task = tasks.spawn(produce(Arc::clone(client), batch));
                    places_of.insert(task.id(), places);
                }
            }
            let mut failures = Vec::new();
            while let Some(done) = tasks.join_next().await {
                match done {
                    Ok(some) => failures.extend(some),
                    // The client gave up on what a broker sent: nobody knows what was written.
                    Err(error) => {
                        let places = places_of.remove(&error.id()).unwrap_or_default();
                        failures.push((places, KafkaError::NoAnswer));
                    }
                }
            }
            failures
        }))
    }
}

impl RecordSink for KafkaSink {
    fn send(&mut self, records: &[Record<'_>]) -> Result<Vec<Refusal>, SendError> {
        let failures = self.write(records).map_err(SendError::all)?;
        let (mut failed, mut refused) = (Vec::new(), Vec::new());
        let mut cause = None;
        for (places, error) in failures {
            match (reason(&error), places.as_slice()) {
                (Some(reason), [place]) => {
                    let (reason, said) = (reason.to_owned(), error.to_string());
                    refused.push(Refusal { place: *place, reason, said });
                }
                _ => {
                    failed.extend(places);
                    cause = Some(error);
                }
            }
        }
        match cause {
            None => Ok(refused),
            Some(error) => {
                self.connected = None;
                failed.sort_unstable();
                Err(SendError::these(failed, error).refusing(refused))
            }
        }
    }
}

async fn connect(cluster: &Cluster, topic: &str) -> Result<Connected, KafkaError> {
    let client = cluster.connect().await?;
    let mut clients = Vec::new();
    for partition in partitions(&client, topic).await? {
        let client = answered(client.partition_client(topic, partition, UnknownTopicHandling::Error)).await?;
        clients.push(Arc::new(client));
    }
    Ok(Connected { partitions: clients, since: Instant::now() })
}

/// Writes the records of a partition at once, or one by one if a broker does not take them for what they are.
async fn produce(client: Arc<PartitionClient>, batch: Vec<(usize, Sent)>) -> Vec<Failure> {
    let (places, records): (Vec<usize>, Vec<Sent>) = batch.into_iter().unzip();
    let written = answered(client.produce(records.clone(), Compression::Lz4)).await;
    match written {
        Ok(_) => Vec::new(),
        Err(error) if reason(&error).is_some() && places.len() > 1 => {
            let mut failures = Vec::new();
            for (place, record) in places.into_iter().zip(records) {
                if let Err(error) = answered(client.produce(vec![record], Compression::Lz4)).await {
                    failures.push((vec![place], error));
                }
            }
            failures
        }
        Err(error) => vec![(places, error)],
    }
}

/// Why records can never be taken, if that is what a broker says of them.
fn reason(error: &KafkaError) -> Option<&'static str> {
    match error.protocol()? {
        ProtocolError::MessageTooLarge | ProtocolError::RecordListTooLarge => Some(TOO_LARGE),
        // Such as one that is older than the topic takes.
        ProtocolError::InvalidTimestamp => Some("INVALID_TIMESTAMP"),
        _ => None,
    }
}

fn sent(key: &str, record: &Record<'_>) -> Sent {
    Sent {
        key: (!key.is_empty()).then(|| key.as_bytes().to_vec()),
        value: Some(record.bytes.to_vec()),
        headers: BTreeMap::new(),
        timestamp: DateTime::from_timestamp_millis(record.time_ms).unwrap_or_default(),
    }
}

/// Why a topic cannot be written to, from the start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KafkaSinkError {
    /// The cluster's settings.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// No runtime.
    #[error("cannot start: {0}")]
    Runtime(#[from] std::io::Error),
}
