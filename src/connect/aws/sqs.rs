//! SQS: a queue as a source of events.
//!
//! A message goes to one of those who read a queue, and is gone then: each server needs a queue of its own.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message as Sent, MessageAttributeValue, MessageSystemAttributeName,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};

use super::client::{AwsError, connect, now_ms, pause};
use crate::connect::Record;
use crate::connect::source::{EventSource, Polled, SourceError, SqsOptions};
use crate::live::EventCounts;

/// Messages of a request, as many as SQS gives and takes back at once.
const MESSAGES: i32 = 10;

/// Requests at a time. Raising it reads a backlog faster.
const RECEIVERS: usize = 4;

/// How long SQS holds a request for which it has nothing, in seconds, once the backlog is read; and before, while an
/// empty answer is waited for.
const HELD_S: i32 = 20;
const HELD_FIRST_S: i32 = 1;

/// How long an answer is waited for.
const ANSWER: Duration = Duration::from_secs(HELD_S as u64 + 10);

/// Answers that are handed on in a poll.
const ANSWERS: usize = 256;

/// Polls whose messages wait to be deleted.
const DELETIONS: usize = 64;

/// A queue that is read.
#[derive(Debug)]
pub struct SqsSource {
    name: Arc<str>,
    options: SqsOptions,
    counts: Arc<EventCounts>,
    /// Runs on the thread that polls, and only while it does.
    runtime: Runtime,
    received: mpsc::Receiver<Vec<Sent>>,
    /// Where messages come from, until the first poll.
    out: Option<mpsc::Sender<Vec<Sent>>>,
    /// What was handed on by the last poll: once there is another, it is kept elsewhere, and may be deleted.
    handed_on: Vec<String>,
    delete: mpsc::Sender<Vec<String>>,
    deleted: Option<mpsc::Receiver<Vec<String>>>,
    /// Whether the queue was empty once.
    caught_up: watch::Sender<bool>,
}

impl SqsSource {
    /// Gets ready to read a queue; nothing is connected to before the first poll.
    ///
    /// # Errors
    /// No runtime.
    pub fn open(name: &str, options: &SqsOptions, counts: Arc<EventCounts>) -> Result<Self, SourceError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let failed = |reason: String| SourceError::Client { name: name.to_owned(), reason };
        let (out, received) = mpsc::channel(RECEIVERS);
        let (delete, deleted) = mpsc::channel(DELETIONS);
        Ok(Self {
            name: name.into(),
            options: options.clone(),
            counts,
            runtime: runtime.map_err(|error| failed(error.to_string()))?,
            received,
            out: Some(out),
            handed_on: Vec::new(),
            delete,
            deleted: Some(deleted),
            caught_up: watch::Sender::new(false),
        })
    }

    fn begin(&mut self) {
        let (Some(out), Some(deleted)) = (self.out.take(), self.deleted.take()) else { return };
        tracing::info!(source = &*self.name, queue = self.options.queue_url, "a queue is read");
        let queue = Queue {
            name: Arc::clone(&self.name),
            url: self.options.queue_url.as_str().into(),
            options: self.options.clone(),
            counts: Arc::clone(&self.counts),
            out,
            caught_up: self.caught_up.subscribe(),
        };
        self.runtime.spawn(queue.run(deleted));
    }

    fn take(&mut self, messages: Vec<Sent>, each: &mut dyn FnMut(&Record<'_>)) {
        if messages.is_empty() {
            self.caught_up.send_replace(true);
            let until = now_ms().saturating_add(i64::from(HELD_S) * 1000);
            self.counts.set_read_until(&self.name, &Arc::from(""), until);
        }
        for message in messages {
            hand_on(&self.name, &message, each);
            self.counts.set_read_until(&self.name, &Arc::from(""), sent_ms(&message));
            self.handed_on.extend(message.receipt_handle);
        }
    }
}

impl EventSource for SqsSource {
    fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(&Record<'_>)) -> Result<Polled, SourceError> {
        self.begin();
        if !self.handed_on.is_empty() {
            // Where there is no room, they come again, and change nothing.
            let _ = self.delete.try_send(std::mem::take(&mut self.handed_on));
        }
        let first = self.runtime.block_on(async { tokio::time::timeout(wait, self.received.recv()).await });
        let mut messages = first.ok().flatten();
        let mut answers = 0;
        while let Some(taken) = messages.take() {
            // Receivers run in here only: this lets them ask for more.
            self.runtime.block_on(tokio::task::yield_now());
            self.take(taken, each);
            answers += 1;
            if answers < ANSWERS {
                messages = self.received.try_recv().ok();
            }
        }
        Ok(Polled { caught_up: *self.caught_up.borrow(), more: !self.received.is_empty() })
    }
}

/// What asks a queue.
#[derive(Debug, Clone)]
struct Queue {
    name: Arc<str>,
    url: Arc<str>,
    options: SqsOptions,
    counts: Arc<EventCounts>,
    out: mpsc::Sender<Vec<Sent>>,
    caught_up: watch::Receiver<bool>,
}

impl Queue {
    /// Receives and deletes for ever.
    async fn run(self, mut deleted: mpsc::Receiver<Vec<String>>) {
        let mut failures = 0;
        let client = loop {
            match connect(&self.options.access, ANSWER).await {
                Ok(config) => break Client::new(&config),
                Err(error) => self.failed(&mut failures, &error).await,
            }
        };
        for _ in 0..RECEIVERS {
            tokio::spawn(self.clone().receive(client.clone()));
        }
        while let Some(handles) = deleted.recv().await {
            for some in handles.chunks(MESSAGES as usize) {
                // What is not deleted comes again, and changes nothing.
                if let Err(error) = self.delete(&client, some).await {
                    let (source, queue) = (&*self.name, &*self.url);
                    tracing::warn!(source, queue, %error, "messages were not deleted: they will come again");
                }
            }
        }
    }

    async fn receive(self, client: Client) {
        let mut failures = 0;
        loop {
            let held = if *self.caught_up.borrow() { HELD_S } else { HELD_FIRST_S };
            let request = client.receive_message().queue_url(&*self.url).wait_time_seconds(held);
            let request = request.max_number_of_messages(MESSAGES).message_attribute_names("All");
            let request = request.message_system_attribute_names(MessageSystemAttributeName::SentTimestamp);
            match request.send().await.map_err(AwsError::of) {
                Ok(answer) => {
                    failures = 0;
                    if self.out.send(answer.messages.unwrap_or_default()).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    if error.is_throttled() {
                        self.counts.add_throttled(&self.name);
                    }
                    self.failed(&mut failures, &error).await;
                }
            }
        }
    }

    async fn delete(&self, client: &Client, handles: &[String]) -> Result<(), AwsError> {
        let mut request = client.delete_message_batch().queue_url(&*self.url);
        for (at, handle) in handles.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder().id(at.to_string()).receipt_handle(handle);
            request = request.entries(entry.build().map_err(AwsError::not_made)?);
        }
        let answer = request.send().await.map_err(AwsError::of)?;
        match answer.failed.first() {
            Some(failed) => {
                let said = failed.message.clone().unwrap_or_default();
                Err(AwsError::Answer { code: failed.code.clone(), said })
            }
            None => Ok(()),
        }
    }

    async fn failed(&self, failures: &mut u32, error: &AwsError) {
        *failures += 1;
        if u32::is_power_of_two(*failures) {
            let (source, queue) = (&*self.name, &*self.url);
            tracing::warn!(source, queue, %error, failures, "a queue cannot be read");
        }
        tokio::time::sleep(pause(*failures)).await;
    }
}

fn sent_ms(message: &Sent) -> i64 {
    let attributes = message.attributes.as_ref();
    let sent = attributes.and_then(|of| of.get(&MessageSystemAttributeName::SentTimestamp));
    sent.and_then(|ms| ms.parse().ok()).unwrap_or_else(now_ms)
}

/// Hands on a message; its attributes are headers.
fn hand_on(source: &str, message: &Sent, each: &mut dyn FnMut(&Record<'_>)) {
    let attributes = message.message_attributes.iter().flatten();
    let text = |(name, value): (&'_ String, &'_ MessageAttributeValue)| {
        Some((name.clone(), value.string_value.clone()?))
    };
    let attributes: Vec<(String, String)> = attributes.filter_map(text).collect();
    let headers: Vec<(&str, &[u8])> =
        attributes.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    each(&Record {
        source,
        partition: "",
        position: message.message_id.as_deref().unwrap_or_default().into(),
        key: None,
        headers: &headers,
        body: message.body.as_deref().unwrap_or_default().as_bytes(),
    });
}
