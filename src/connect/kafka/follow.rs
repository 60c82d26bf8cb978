//! Keeps a reader running for each partition of a topic, also for those that come later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rskafka::client::Client;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{Id, JoinSet};

use super::clients::Clients;
use super::cluster::{Cluster, KafkaError, partitions};
use super::message::Message;
use super::partition::PartitionReader;
use crate::connect::retry::pause;
use crate::connect::source::Begin;

/// Time between two looks for new partitions.
const LOOK: Duration = Duration::from_secs(30);

/// How soon after a partition could not be read the cluster is asked again: its leader may have moved, or the cluster
/// may be away.
const SOON: Duration = Duration::from_secs(1);

/// Bytes that may be on their way from all partitions together, and the least and the most of each. Raising them reads
/// a backlog in larger pieces and takes memory.
const ALL: usize = 16 << 20;
const LEAST: usize = 64 << 10;
const MOST: usize = 1 << 20;

/// A topic that is read.
#[derive(Debug)]
pub(super) struct Following {
    /// The source's name.
    pub(super) name: Arc<str>,
    pub(super) topic: Arc<str>,
    pub(super) cluster: Cluster,
    /// Where partitions that are there at the beginning are read from.
    pub(super) begin: Begin,
    pub(super) out: mpsc::Sender<Message>,
}

impl Following {
    /// Follows the topic for ever.
    pub(super) async fn run(self) {
        let (clients, client) = watch::channel(None);
        let mut readers = Readers {
            client,
            tasks: JoinSet::new(),
            of: BTreeMap::new(),
            failed: Arc::default(),
            bytes: MOST,
        };
        let mut known: Option<BTreeSet<i32>> = None;
        let mut failures = 0;
        loop {
            let wait = match self.look(&clients).await {
                Ok(found) => {
                    failures = 0;
                    self.start_readers(&mut readers, &mut known, &found).await;
                    LOOK
                }
                Err(error) => {
                    failures += 1;
                    if u32::is_power_of_two(failures) {
                        let (source, topic, brokers) = (&*self.name, &*self.topic, self.cluster.brokers());
                        tracing::warn!(
                            source, topic, brokers, %error, failures, "Kafka cannot be asked for partitions"
                        );
                    }
                    clients.send_replace(None);
                    pause(failures)
                }
            };
            if let Some(lost) = readers.wait(wait).await {
                // It begins anew with the next look.
                let (source, topic) = (&*self.name, &*self.topic);
                tracing::error!(
                    source,
                    topic,
                    partition = lost,
                    "the reader of a partition failed; it starts again"
                );
                known.get_or_insert_default().remove(&lost);
            }
        }
    }

    /// The topic's partitions; connects first where nothing is connected.
    async fn look(&self, clients: &watch::Sender<Option<Arc<Client>>>) -> Result<Vec<i32>, KafkaError> {
        let connected = clients.borrow().clone();
        let client = match connected {
            Some(client) => client,
            None => Arc::new(self.cluster.connect().await?),
        };
        let found = partitions(&client, &self.topic).await?;
        clients.send_if_modified(|current| current.is_none() && current.replace(client).is_none());
        Ok(found)
    }

    async fn start_readers(&self, readers: &mut Readers, known: &mut Option<BTreeSet<i32>>, found: &[i32]) {
        let is_first = known.is_none();
        let known = known.get_or_insert_default();
        if is_first {
            readers.bytes = (ALL / found.len().max(1)).clamp(LEAST, MOST);
            let _ = self.out.send(Message::Partitions(found.to_vec())).await;
        }
        for &partition in found {
            if !known.insert(partition) {
                continue;
            }
            if !is_first {
                tracing::info!(
                    source = &*self.name,
                    topic = &*self.topic,
                    partition,
                    "a new partition is read"
                );
            }
            readers.spawn(PartitionReader {
                source: Arc::clone(&self.name),
                topic: Arc::clone(&self.topic),
                partition,
                // A new one is new: all of it came after the beginning.
                begin: if is_first { self.begin } else { Begin::Earliest },
                bytes: i32::try_from(readers.bytes).unwrap_or(i32::MAX),
                failed: Arc::clone(&readers.failed),
                out: self.out.clone(),
            });
        }
    }
}

/// The tasks that read partitions.
struct Readers {
    client: watch::Receiver<Option<Arc<Client>>>,
    tasks: JoinSet<()>,
    of: BTreeMap<Id, i32>,
    /// Told by a reader that cannot read.
    failed: Arc<Notify>,
    bytes: usize,
}

impl Readers {
    fn spawn(&mut self, reader: PartitionReader) {
        let partition = reader.partition;
        let task = self.tasks.spawn(reader.run(Clients(self.client.clone())));
        self.of.insert(task.id(), partition);
    }

    /// Waits for that long, or until a reader needs the cluster to be asked again. Says whose reader is gone, which
    /// none should ever be.
    async fn wait(&mut self, time: Duration) -> Option<i32> {
        let gone = async {
            match self.tasks.join_next_with_id().await {
                Some(Ok((id, ()))) => id,
                Some(Err(error)) => error.id(),
                None => std::future::pending().await,
            }
        };
        let soon = async {
            self.failed.notified().await;
            tokio::time::sleep(SOON).await;
        };
        tokio::select! {
            id = gone => self.of.remove(&id),
            () = soon => None,
            () = tokio::time::sleep(time) => None,
        }
    }
}
