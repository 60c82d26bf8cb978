//! A stream of JetStream as a source of events.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::follow::Following;
use super::link::prepare;
use super::message::{Fetched, Message, Taken};
use super::progress::Begin;
use crate::connect::Record;
use crate::connect::source::{EventSource, NatsOptions, Polled, SourceError, Start};
use crate::live::EventCounts;

/// Records of a poll, from which on the rest waits for the next.
const RECORDS: usize = 8192;

/// Fetches that wait to be taken.
const FETCHES: usize = 4;

/// A stream, all of which is read.
#[derive(Debug)]
pub struct NatsSource {
    name: Arc<str>,
    /// A stream has one partition, which has no name.
    partition: Arc<str>,
    since_ms: Option<i64>,
    counts: Arc<EventCounts>,
    /// Runs on the thread that polls, and only while it does.
    runtime: Runtime,
    /// What is to be followed and where that goes, until the first poll.
    begin: Option<(NatsOptions, mpsc::Sender<Message>)>,
    fetched: mpsc::Receiver<Message>,
    caught_up: bool,
}

impl NatsSource {
    /// Gets ready to read a stream; nothing is connected to before the first poll.
    ///
    /// # Errors
    /// Credentials or certificates that cannot be read.
    pub fn open(name: &str, options: &NatsOptions, counts: Arc<EventCounts>) -> Result<Self, SourceError> {
        let failed = |reason: String| SourceError::Client { name: name.to_owned(), reason };
        prepare(&options.access).map_err(|error| failed(error.to_string()))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let (out, fetched) = mpsc::channel(FETCHES);
        Ok(Self {
            name: name.into(),
            partition: "".into(),
            since_ms: None,
            counts,
            runtime: runtime.map_err(|error| failed(error.to_string()))?,
            begin: Some((options.clone(), out)),
            fetched,
            caught_up: false,
        })
    }

    fn begin(&mut self) {
        let Some((options, out)) = self.begin.take() else { return };
        let begin = match (options.start, self.since_ms) {
            (Start::Watermark, Some(ms)) | (Start::At(ms), _) => Begin::At(ms),
            (Start::Latest, _) => Begin::Latest,
            (Start::Earliest, _) | (Start::Watermark, None) => Begin::Earliest,
        };
        tracing::info!(source = &*self.name, stream = options.stream, ?begin, "a stream is read");
        self.runtime.spawn(Following { name: Arc::clone(&self.name), options, begin, out }.run());
    }

    /// Takes a message; returns how many records were in it.
    fn take(&mut self, message: &Message, each: &mut dyn FnMut(&Record<'_>)) -> usize {
        match message {
            Message::Gap { from_ms, until_ms } => {
                self.counts.set_gap(&self.name, &self.partition, *from_ms, *until_ms);
                0
            }
            Message::Fetched(Fetched { records, pending, is_behind, until_ms }) => {
                for record in records {
                    hand_on(&self.name, record, each);
                }
                self.caught_up |= !is_behind;
                let pending = i64::try_from(*pending).unwrap_or(i64::MAX);
                self.counts.set_read(&self.name, &self.partition, pending, *until_ms);
                records.len()
            }
        }
    }
}

impl EventSource for NatsSource {
    fn seek(&mut self, since_ms: Option<i64>) {
        self.since_ms = since_ms;
    }

    fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(&Record<'_>)) -> Result<Polled, SourceError> {
        self.begin();
        let first = self.runtime.block_on(async { tokio::time::timeout(wait, self.fetched.recv()).await });
        let mut message = first.ok().flatten();
        let mut records = 0;
        while let Some(taken) = message.take() {
            // The stream is read in here only: this lets it ask for more, which comes while these records are decoded.
            self.runtime.block_on(tokio::task::yield_now());
            records += self.take(&taken, each);
            if records < RECORDS {
                message = self.fetched.try_recv().ok();
            }
        }
        Ok(Polled { caught_up: self.caught_up, more: !self.fetched.is_empty() })
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
