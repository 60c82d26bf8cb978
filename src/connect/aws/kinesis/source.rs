//! A stream as a source of events.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_kinesis::types::Record as Sent;

use super::aggregate::unpack;
use super::follow::Following;
use super::message::{Fetched, Message};
use crate::connect::Record;
use crate::connect::source::{Begin, EventSource, Inbox, KinesisOptions, Polled, SourceError};
use crate::domain::now_ms;
use crate::live::EventCounts;

/// Messages that wait to be taken.
const MESSAGES: usize = 16;

/// A stream, all shards of which are read.
#[derive(Debug)]
pub struct KinesisSource {
    options: KinesisOptions,
    since_ms: Option<i64>,
    inbox: Inbox<Message>,
    stream: Stream,
}

/// How far a stream is handed on.
#[derive(Debug)]
struct Stream {
    /// The source's name.
    name: Arc<str>,
    counts: Arc<EventCounts>,
    /// Time between two looks at a shard.
    interval: Duration,
    /// Since when the stream is read, and the shards of then that are not read as far; `None`: they are not known yet.
    behind: Option<(Instant, BTreeSet<Arc<str>>)>,
}

impl KinesisSource {
    /// Gets ready to read a stream; nothing is connected to before the first poll.
    ///
    /// # Errors
    /// No runtime.
    pub fn open(name: &str, options: &KinesisOptions, counts: Arc<EventCounts>) -> Result<Self, SourceError> {
        let stream = Stream { name: name.into(), counts, interval: options.poll_interval, behind: None };
        Ok(Self { options: options.clone(), since_ms: None, inbox: Inbox::new(name, MESSAGES)?, stream })
    }

    fn begin(&mut self) {
        let Self { options, stream: Stream { name, counts, interval, .. }, .. } = self;
        let begin = Begin::new(options.start, self.since_ms);
        self.inbox.fill(|out| {
            tracing::info!(source = &**name, stream = options.stream, ?begin, "a stream is read");
            let following = Following {
                name: Arc::clone(name),
                stream: options.stream.as_str().into(),
                access: options.access.clone(),
                begin,
                interval: *interval,
                counts: Arc::clone(counts),
                out,
            };
            following.run()
        });
    }
}

impl EventSource for KinesisSource {
    fn seek(&mut self, since_ms: Option<i64>) {
        self.since_ms = since_ms;
    }

    fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(&Record<'_>)) -> Result<Polled, SourceError> {
        self.begin();
        let Self { inbox, stream, .. } = self;
        let more = inbox.poll(wait, each, |message, each| stream.take(message, each))?;
        Ok(Polled { caught_up: stream.has_caught_up(), more })
    }
}

impl Stream {
    fn take(&mut self, message: Message, each: &mut dyn FnMut(&Record<'_>)) {
        match message {
            Message::Shards(shards) => {
                self.behind = Some((Instant::now(), shards.into_iter().collect()));
            }
            Message::Ended(shard) => {
                if let Some((_, behind)) = &mut self.behind {
                    behind.remove(&shard);
                }
                self.counts.set_ended(&self.name, &shard);
            }
            Message::Gap { shard, from_ms, until_ms } => {
                self.counts.set_gap(&self.name, &shard, from_ms, until_ms);
            }
            Message::Fetched(fetched) => self.hand_on(&fetched, each),
        }
    }

    fn hand_on(&mut self, fetched: &Fetched, each: &mut dyn FnMut(&Record<'_>)) {
        let Fetched { shard, records, asked, behind_ms, .. } = fetched;
        records.iter().for_each(|record| hand_on(&self.name, shard, record, each));
        if let Some((began, behind)) = &mut self.behind {
            // By how long ago: the two clocks need not be equal.
            let age = Duration::from_millis(u64::try_from(*behind_ms).unwrap_or_default());
            if age <= asked.saturating_duration_since(*began) {
                behind.remove(shard);
            }
        }
        let until = now_ms().saturating_sub(*behind_ms);
        // It is not looked at before the next interval is over: until then, nothing is known to be there.
        let pause = if *behind_ms == 0 { self.interval } else { Duration::ZERO };
        let until = until.saturating_add(i64::try_from(pause.as_millis()).unwrap_or_default());
        self.counts.set_read_until(&self.name, shard, until);
    }

    fn has_caught_up(&self) -> bool {
        self.behind.as_ref().is_some_and(|(_, behind)| behind.is_empty())
    }
}

/// Hands on a record, or those that are packed in it.
fn hand_on(source: &str, shard: &str, record: &Sent, each: &mut dyn FnMut(&Record<'_>)) {
    let body = record.data.as_ref();
    let (number, key) = (record.sequence_number.as_str(), record.partition_key.as_deref());
    let plain = Record {
        source,
        partition: shard,
        position: number.into(),
        key: key.map(str::as_bytes),
        headers: &[],
        body,
    };
    let Some(packed) = unpack(body) else {
        each(&plain);
        return;
    };
    for (at, (key, data)) in packed.iter().enumerate() {
        let position = format!("{number}.{at}");
        each(&Record { position: position.as_str().into(), key: Some(key.as_bytes()), body: data, ..plain });
    }
}
