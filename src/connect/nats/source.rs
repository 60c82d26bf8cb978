//! A stream of JetStream as a source of events.

use std::sync::Arc;
use std::time::Duration;

use super::follow::Following;
use super::link::prepare;
use super::message::{Fetched, Message, Taken};
use crate::connect::Record;
use crate::connect::source::{Begin, EventSource, Inbox, NatsOptions, Polled, SourceError};
use crate::live::EventCounts;

/// Fetches that wait to be taken.
const FETCHES: usize = 4;

/// A stream, all of which is read.
#[derive(Debug)]
pub struct NatsSource {
    options: NatsOptions,
    since_ms: Option<i64>,
    inbox: Inbox<Message>,
    stream: Stream,
}

/// How far a stream is handed on.
#[derive(Debug)]
struct Stream {
    /// The source's name.
    name: Arc<str>,
    /// A stream has one partition, which has no name.
    partition: Arc<str>,
    counts: Arc<EventCounts>,
    caught_up: bool,
}

impl NatsSource {
    /// Gets ready to read a stream; nothing is connected to before the first poll.
    ///
    /// # Errors
    /// Credentials or certificates that cannot be read.
    pub fn open(name: &str, options: &NatsOptions, counts: Arc<EventCounts>) -> Result<Self, SourceError> {
        prepare(&options.access).map_err(|error| SourceError::client(name, &error))?;
        let stream = Stream { name: name.into(), partition: "".into(), counts, caught_up: false };
        Ok(Self { options: options.clone(), since_ms: None, inbox: Inbox::new(name, FETCHES)?, stream })
    }

    fn begin(&mut self) {
        let Self { options, stream: Stream { name, .. }, .. } = self;
        let begin = Begin::new(options.start, self.since_ms);
        self.inbox.fill(|out| {
            tracing::info!(source = &**name, stream = options.stream, ?begin, "a stream is read");
            Following { name: Arc::clone(name), options: options.clone(), begin, out }.run()
        });
    }
}

impl EventSource for NatsSource {
    fn seek(&mut self, since_ms: Option<i64>) {
        self.since_ms = since_ms;
    }

    fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(&Record<'_>)) -> Result<Polled, SourceError> {
        self.begin();
        let Self { inbox, stream, .. } = self;
        let more = inbox.poll(wait, each, |message, each| stream.take(&message, each))?;
        Ok(Polled { caught_up: stream.caught_up, more })
    }
}

impl Stream {
    fn take(&mut self, message: &Message, each: &mut dyn FnMut(&Record<'_>)) {
        match message {
            Message::Gap { from_ms, until_ms } => {
                self.counts.set_gap(&self.name, &self.partition, *from_ms, *until_ms);
            }
            Message::Fetched(Fetched { records, pending, is_behind, until_ms }) => {
                for record in records {
                    hand_on(&self.name, record, each);
                }
                self.caught_up |= !is_behind;
                let pending = i64::try_from(*pending).unwrap_or(i64::MAX);
                self.counts.set_read(&self.name, &self.partition, pending, *until_ms);
            }
        }
    }
}

fn hand_on(source: &str, taken: &Taken, each: &mut dyn FnMut(&Record<'_>)) {
    let message = &taken.message;
    let all = message.headers.iter().flat_map(|headers| headers.iter());
    let headers: Vec<(&str, &[u8])> = all
        .flat_map(|(name, values)| values.iter().map(move |value| (name.as_ref(), value.as_ref())))
        .collect();
    each(&Record {
        source,
        partition: "",
        position: i64::try_from(taken.sequence).unwrap_or(i64::MAX).into(),
        key: Some(message.subject.as_bytes()),
        headers: &headers,
        body: &message.payload,
    });
}
