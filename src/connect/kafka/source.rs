//! A topic as a source of events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rskafka::record::RecordAndOffset;

use super::cluster::Cluster;
use super::follow::Following;
use super::message::{Fetched, Message};
use crate::connect::Record;
use crate::connect::source::{Begin, EventSource, Inbox, KafkaOptions, Polled, SourceError};
use crate::domain::now_ms;
use crate::live::EventCounts;

/// Fetches that wait to be taken, besides one for each partition.
const FETCHES: usize = 4;

/// A topic, all partitions of which are read.
#[derive(Debug)]
pub struct KafkaSource {
    options: KafkaOptions,
    cluster: Cluster,
    since_ms: Option<i64>,
    inbox: Inbox<Message>,
    topic: Topic,
}

/// How far a topic is handed on.
#[derive(Debug)]
struct Topic {
    /// The source's name.
    name: Arc<str>,
    counts: Arc<EventCounts>,
    partitions: BTreeMap<i32, Partition>,
    /// Whether the partitions that there are at the beginning are known.
    is_listed: bool,
}

/// How far a partition is handed on.
#[derive(Debug)]
struct Partition {
    label: Arc<str>,
    /// Where the partition ended when it was fetched first. From the fetch and not from a question for the latest
    /// offset, which not every broker answers rightly.
    end: Option<i64>,
    /// Whether it has to be read to that end before the source has caught up, and is not.
    is_behind: bool,
}

impl Partition {
    fn new(partition: i32, is_behind: bool) -> Self {
        Self { label: partition.to_string().into(), end: None, is_behind }
    }
}

impl KafkaSource {
    /// Gets ready to read a topic; nothing is connected to before the first poll.
    ///
    /// # Errors
    /// Certificates that cannot be read.
    pub fn open(name: &str, options: &KafkaOptions, counts: Arc<EventCounts>) -> Result<Self, SourceError> {
        let cluster = Cluster::new(&options.access).map_err(|error| SourceError::client(name, &error))?;
        let topic = Topic { name: name.into(), counts, partitions: BTreeMap::new(), is_listed: false };
        let inbox = Inbox::new(name, FETCHES)?;
        Ok(Self { options: options.clone(), cluster, since_ms: None, inbox, topic })
    }

    fn begin(&mut self) {
        let Self { options, cluster, topic: Topic { name, .. }, .. } = self;
        let begin = Begin::new(options.start, self.since_ms);
        self.inbox.fill(|out| {
            tracing::info!(source = &**name, topic = options.topic, ?begin, "a topic is read");
            let (name, topic) = (Arc::clone(name), options.topic.as_str().into());
            Following { name, topic, cluster: cluster.clone(), begin, out }.run()
        });
    }
}

impl EventSource for KafkaSource {
    fn seek(&mut self, since_ms: Option<i64>) {
        self.since_ms = since_ms;
    }

    fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(&Record<'_>)) -> Result<Polled, SourceError> {
        self.begin();
        let Self { inbox, topic, .. } = self;
        let more = inbox.poll(wait, each, |message, each| topic.take(message, each))?;
        Ok(Polled { caught_up: topic.has_caught_up(), more })
    }
}

impl Topic {
    fn take(&mut self, message: Message, each: &mut dyn FnMut(&Record<'_>)) {
        match message {
            Message::Partitions(partitions) => {
                self.is_listed = true;
                for partition in partitions {
                    self.partitions.entry(partition).or_insert_with(|| Partition::new(partition, true));
                }
            }
            Message::Gap { partition, from_ms, until_ms } => {
                let known =
                    self.partitions.entry(partition).or_insert_with(|| Partition::new(partition, false));
                self.counts.set_gap(&self.name, &known.label, from_ms, until_ms);
            }
            Message::Fetched(fetched) => self.hand_on(&fetched, each),
        }
    }

    fn hand_on(&mut self, fetched: &Fetched, each: &mut dyn FnMut(&Record<'_>)) {
        let Fetched { partition, records, next, end } = fetched;
        let known = self.partitions.entry(*partition).or_insert_with(|| Partition::new(*partition, false));
        for record in records {
            hand_on(&self.name, &known.label, record, each);
        }
        let goal = *known.end.get_or_insert(*end);
        known.is_behind &= *next < goal;
        // All of it is known until now, or until the last record that was read.
        let last = records.last().map(|last| last.record.timestamp.timestamp_millis());
        let until = if next >= end { Some(now_ms()) } else { last };
        self.counts.set_read(&self.name, &known.label, end.saturating_sub(*next).max(0), until);
    }

    fn has_caught_up(&self) -> bool {
        self.is_listed && self.partitions.values().all(|partition| !partition.is_behind)
    }
}

fn hand_on(source: &str, partition: &str, record: &RecordAndOffset, each: &mut dyn FnMut(&Record<'_>)) {
    let RecordAndOffset { record, offset } = record;
    let headers: Vec<(&str, &[u8])> =
        record.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    each(&Record {
        source,
        partition,
        position: (*offset).into(),
        key: record.key.as_deref(),
        headers: &headers,
        body: record.value.as_deref().unwrap_or_default(),
    });
}
