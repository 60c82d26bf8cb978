//! Keeps a reader running for each shard of a stream that may be read, also for those that come later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::Shard;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, Id, JoinSet};

use super::message::Message;
use super::retention::Retention;
use super::shard::ShardReader;
use super::shards::{Listed, Shards};
use crate::connect::AwsAccess;
use crate::connect::aws::client::{AwsError, connect};
use crate::connect::retry::pause;
use crate::connect::source::Begin;
use crate::domain::now_ms;
use crate::live::EventCounts;

/// Time between two looks for new shards; at the end of a shard they are looked for at once.
const LOOK: Duration = Duration::from_secs(30);

/// How long an answer is waited for: longer than ten megabytes take on a poor connection.
const ANSWER: Duration = Duration::from_secs(20);

/// Answers with records that are in memory at a time, of at most 10 MiB each. Raising it reads streams of many shards
/// faster and takes memory.
const ANSWERS: usize = 8;

/// Shards that are taken note of; a stream that lists more is refused. Amazon's quota is 20,000 in its largest regions.
const MOST_SHARDS: usize = 50_000;

/// A stream that is read.
#[derive(Debug)]
pub(super) struct Following {
    /// The source's name.
    pub(super) name: Arc<str>,
    pub(super) stream: Arc<str>,
    pub(super) access: AwsAccess,
    /// Where shards that are there at the beginning are read from.
    pub(super) begin: Begin,
    pub(super) interval: Duration,
    pub(super) counts: Arc<EventCounts>,
    pub(super) out: mpsc::Sender<Message>,
}

/// What is known of a stream once it answered.
#[derive(Debug)]
struct Stream {
    client: Client,
    retention: Retention,
    room: Arc<Semaphore>,
}

/// The tasks that read shards.
#[derive(Debug, Default)]
struct Readers {
    tasks: JoinSet<()>,
    of: BTreeMap<Id, Arc<str>>,
    handles: BTreeMap<Arc<str>, AbortHandle>,
}

impl Following {
    /// Follows the stream for ever.
    pub(super) async fn run(self) {
        let mut readers = Readers::default();
        let mut shards = Shards::new(self.begin);
        let mut stream: Option<Stream> = None;
        let mut failures = 0;
        loop {
            let wait = match self.look(&mut stream, &mut shards, &mut readers).await {
                Ok(()) => {
                    failures = 0;
                    LOOK
                }
                Err(error) => {
                    failures += 1;
                    if error.is_throttled() {
                        self.counts.add_throttled(&self.name);
                    } else if u32::is_power_of_two(failures) {
                        let (source, stream) = (&*self.name, &*self.stream);
                        tracing::warn!(
                            source, stream, %error, failures, "Kinesis cannot be asked for shards"
                        );
                    }
                    pause(failures)
                }
            };
            match readers.wait(wait).await {
                Some((shard, true)) => {
                    shards.end(&shard);
                    let _ = self.out.send(Message::Ended(shard)).await;
                }
                Some((shard, false)) => {
                    let (source, stream) = (&*self.name, &*self.stream);
                    tracing::error!(
                        source,
                        stream,
                        shard = &*shard,
                        "the reader of a shard failed; it starts again"
                    );
                    shards.lose(&shard);
                }
                None => {}
            }
        }
    }

    /// Lists the shards, and reads those that may be read now.
    async fn look(
        &self,
        known: &mut Option<Stream>,
        shards: &mut Shards,
        readers: &mut Readers,
    ) -> Result<(), AwsError> {
        let stream = match known {
            Some(stream) => stream,
            none => none.insert(self.open().await?),
        };
        let found = list(&stream.client, &self.stream).await?;
        let is_first = shards.is_first();
        for gone in shards.update(&found) {
            // All of its records are as old as the stream keeps them.
            readers.abort(&gone);
            let _ = self.out.send(Message::Ended(gone)).await;
        }
        if is_first {
            let _ = self.out.send(Message::Shards(shards.open())).await;
            if let Begin::At(wanted_ms) = self.begin {
                self.tell_gap(stream.retention, wanted_ms).await;
            }
        }
        for (shard, begin) in shards.due() {
            if !is_first {
                tracing::info!(
                    source = &*self.name,
                    stream = &*self.stream,
                    shard = &*shard,
                    "a new shard is read"
                );
            }
            readers.spawn(ShardReader {
                source: Arc::clone(&self.name),
                stream: Arc::clone(&self.stream),
                shard,
                begin,
                interval: self.interval,
                retention: stream.retention,
                client: stream.client.clone(),
                room: Arc::clone(&stream.room),
                counts: Arc::clone(&self.counts),
                out: self.out.clone(),
            });
        }
        Ok(())
    }

    async fn open(&self) -> Result<Stream, AwsError> {
        let client = Client::new(&connect(&self.access, ANSWER).await?);
        let described = client.describe_stream_summary().stream_name(&*self.stream).send().await;
        let described = described.map_err(AwsError::of)?;
        let about = described.stream_description_summary();
        let hours = about.map_or(24, |about| i64::from(about.retention_period_hours));
        let created = about.and_then(|about| about.stream_creation_timestamp.to_millis().ok());
        let retention = Retention { created_ms: created.unwrap_or(i64::MIN), kept_ms: hours * 3_600_000 };
        Ok(Stream { client, retention, room: Arc::new(Semaphore::new(ANSWERS)) })
    }

    async fn tell_gap(&self, retention: Retention, wanted_ms: i64) {
        let Some((from_ms, until_ms)) = retention.gap(wanted_ms, now_ms()) else { return };
        let (source, stream) = (&*self.name, &*self.stream);
        let seconds = (until_ms - from_ms) as f64 / 1000.0;
        tracing::warn!(
            source,
            stream,
            seconds,
            "the stream does not go back as far as the snapshot: what changed in between may be missing until a newer \
             snapshot is served; raise the stream's retention"
        );
        let _ = self.out.send(Message::Gap { shard: Arc::from(""), from_ms, until_ms }).await;
    }
}

impl Readers {
    fn spawn(&mut self, reader: ShardReader) {
        let shard = Arc::clone(&reader.shard);
        let handle = self.tasks.spawn(reader.run());
        self.of.insert(handle.id(), Arc::clone(&shard));
        self.handles.insert(shard, handle);
    }

    fn abort(&mut self, shard: &str) {
        if let Some(handle) = self.handles.remove(shard) {
            self.of.remove(&handle.id());
            handle.abort();
        }
    }

    /// Waits for that long, or until a reader is over: which one, and whether its shard was read to the end.
    async fn wait(&mut self, time: Duration) -> Option<(Arc<str>, bool)> {
        let over = async {
            loop {
                let (id, is_ended) = match self.tasks.join_next_with_id().await {
                    Some(Ok((id, ()))) => (id, true),
                    Some(Err(error)) => (error.id(), false),
                    None => std::future::pending().await,
                };
                if let Some(shard) = self.of.remove(&id) {
                    self.handles.remove(&shard);
                    return (shard, is_ended);
                }
            }
        };
        tokio::time::timeout(time, over).await.ok()
    }
}

async fn list(client: &Client, stream: &str) -> Result<Vec<Listed>, AwsError> {
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    loop {
        // A token stands for the stream, and may not be given beside it.
        let name = token.is_none().then(|| stream.to_owned());
        let request = client.list_shards().set_stream_name(name).set_next_token(token);
        let page = request.send().await.map_err(AwsError::of)?;
        found.extend(page.shards.unwrap_or_default().into_iter().map(listed));
        if found.len() > MOST_SHARDS {
            let said = format!("the stream has more than {MOST_SHARDS} shards");
            return Err(AwsError::NoAnswer { said });
        }
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(found);
        }
    }
}

fn listed(shard: Shard) -> Listed {
    let parents = [shard.parent_shard_id, shard.adjacent_parent_shard_id];
    let range = shard.sequence_number_range;
    Listed {
        id: shard.shard_id.into(),
        parents: parents.into_iter().flatten().map(Arc::from).collect(),
        is_closed: range.is_some_and(|range| range.ending_sequence_number.is_some()),
    }
}
