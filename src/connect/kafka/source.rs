//! A topic as a source of events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rskafka::record::RecordAndOffset;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::cluster::Cluster;
use super::follow::Following;
use super::message::{Fetched, Message};
use super::partition::{Begin, now_ms};
use crate::connect::Record;
use crate::connect::source::{EventSource, KafkaOptions, Polled, SourceError, Start};
use crate::live::EventCounts;

/// Records of a poll, from which on the rest waits for the next.
const RECORDS: usize = 8192;

/// Fetches that wait to be taken, besides one for each partition.
const FETCHES: usize = 4;

/// A topic, all partitions of which are read.
#[derive(Debug)]
pub struct KafkaSource {
    name: Arc<str>,
    options: KafkaOptions,
    since_ms: Option<i64>,
    counts: Arc<EventCounts>,
    /// Runs on the thread that polls, and only while it does.
    runtime: Runtime,
    /// What is to be followed, until the first poll.
    cluster: Option<Cluster>,
    fetched: mpsc::Receiver<Message>,
    out: mpsc::Sender<Message>,
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
        let failed = |reason: String| SourceError::Client { name: name.to_owned(), reason };
        let cluster = Cluster::new(&options.access).map_err(|error| failed(error.to_string()))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let (out, fetched) = mpsc::channel(FETCHES);
        Ok(Self {
            name: name.into(),
            options: options.clone(),
            since_ms: None,
            counts,
            runtime: runtime.map_err(|error| failed(error.to_string()))?,
            cluster: Some(cluster),
            fetched,
            out,
            partitions: BTreeMap::new(),
            is_listed: false,
        })
    }

    fn begin(&mut self) {
        let Some(cluster) = self.cluster.take() else { return };
        let begin = match (self.options.start, self.since_ms) {
            (Start::Watermark, Some(ms)) | (Start::At(ms), _) => Begin::At(ms),
            (Start::Latest, _) => Begin::Latest,
            (Start::Earliest, _) | (Start::Watermark, None) => Begin::Earliest,
        };
        tracing::info!(source = &*self.name, topic = self.options.topic, ?begin, "a topic is read");
        let following = Following {
            name: Arc::clone(&self.name),
            topic: self.options.topic.as_str().into(),
            cluster,
            begin,
            out: self.out.clone(),
        };
        self.runtime.spawn(following.run());
    }

    /// Takes a message; returns how many records were in it.
    fn take(&mut self, message: Message, each: &mut dyn FnMut(&Record<'_>)) -> usize {
        match message {
            Message::Partitions(partitions) => {
                self.is_listed = true;
                for partition in partitions {
                    self.partitions.entry(partition).or_insert_with(|| Partition::new(partition, true));
                }
                0
            }
            Message::Gap { partition, from_ms, until_ms } => {
                let known =
                    self.partitions.entry(partition).or_insert_with(|| Partition::new(partition, false));
                self.counts.set_gap(&self.name, &known.label, from_ms, until_ms);
                0
            }
            Message::Fetched(fetched) => self.hand_on(&fetched, each),
        }
    }

    fn hand_on(&mut self, fetched: &Fetched, each: &mut dyn FnMut(&Record<'_>)) -> usize {
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
        records.len()
    }
}

impl EventSource for KafkaSource {
    fn seek(&mut self, since_ms: Option<i64>) {
        self.since_ms = since_ms;
    }

    fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(&Record<'_>)) -> Result<Polled, SourceError> {
        self.begin();
        let first = self.runtime.block_on(async { tokio::time::timeout(wait, self.fetched.recv()).await });
        let mut message = first.ok().flatten();
        let mut records = 0;
        while let Some(taken) = message.take() {
            // Readers run in here only: this lets them ask for more, which comes while these records are decoded.
            self.runtime.block_on(tokio::task::yield_now());
            records += self.take(taken, each);
            if records < RECORDS {
                message = self.fetched.try_recv().ok();
            }
        }
        let caught_up = self.is_listed && self.partitions.values().all(|partition| !partition.is_behind);
        Ok(Polled { caught_up, more: !self.fetched.is_empty() })
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
