//! SQS: a queue as a source of events.
//!
//! A message goes to one of those who read a queue, and is gone then: each server needs a queue of its own.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message as Sent, MessageAttributeValue, MessageSystemAttributeName,
};
use tokio::sync::{mpsc, watch};

use super::client::{AwsError, connect};
use crate::connect::Record;
use crate::connect::retry::pause;
use crate::connect::source::{EventSource, Inbox, Polled, SourceError, SqsOptions};
use crate::domain::now_ms;
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

/// Polls whose messages wait to be deleted.
const DELETIONS: usize = 64;

/// A queue that is read.
#[derive(Debug)]
pub struct SqsSource {
    options: SqsOptions,
    inbox: Inbox<Vec<Sent>>,
    /// Takes what is to be deleted, once the queue is read.
    delete: Option<mpsc::Sender<Vec<String>>>,
    messages: Messages,
}

/// What is handed on of a queue.
#[derive(Debug)]
struct Messages {
    /// The source's name.
    name: Arc<str>,
    counts: Arc<EventCounts>,
    /// What was handed on by the last poll: once there is another, it is kept elsewhere, and may be deleted.
    handed_on: Vec<String>,
    /// Whether the queue was empty once.
    caught_up: watch::Sender<bool>,
}

impl SqsSource {
    /// Gets ready to read a queue; nothing is connected to before the first poll.
    ///
    /// # Errors
    /// No runtime.
    pub fn open(name: &str, options: &SqsOptions, counts: Arc<EventCounts>) -> Result<Self, SourceError> {
        let caught_up = watch::Sender::new(false);
        let messages = Messages { name: name.into(), counts, handed_on: Vec::new(), caught_up };
        Ok(Self { options: options.clone(), inbox: Inbox::new(name, RECEIVERS)?, delete: None, messages })
    }

    fn begin(&mut self) {
        let Self { options, inbox, delete, messages: Messages { name, counts, caught_up, .. } } = self;
        inbox.fill(|out| {
            tracing::info!(source = &**name, queue = options.queue_url, "a queue is read");
            let queue = Queue {
                name: Arc::clone(name),
                url: options.queue_url.as_str().into(),
                options: options.clone(),
                counts: Arc::clone(counts),
                out,
                caught_up: caught_up.subscribe(),
            };
            let (sender, deleted) = mpsc::channel(DELETIONS);
            *delete = Some(sender);
            queue.run(deleted)
        });
    }
}

impl EventSource for SqsSource {
    fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(&Record<'_>)) -> Result<Polled, SourceError> {
        self.begin();
        let Self { inbox, delete, messages, .. } = self;
        if let Some(delete) = delete.as_ref().filter(|_| !messages.handed_on.is_empty()) {
            // Where there is no room, they come again, and change nothing.
            let _ = delete.try_send(std::mem::take(&mut messages.handed_on));
        }
        let more = inbox.poll(wait, each, |received, each| messages.take(received, each))?;
        Ok(Polled { caught_up: *messages.caught_up.borrow(), more })
    }
}

impl Messages {
    /// Takes what a request brought.
    fn take(&mut self, received: Vec<Sent>, each: &mut dyn FnMut(&Record<'_>)) {
        if received.is_empty() {
            self.caught_up.send_replace(true);
            let until = now_ms().saturating_add(i64::from(HELD_S) * 1000);
            self.counts.set_read_until(&self.name, &Arc::from(""), until);
        }
        for message in received {
            hand_on(&self.name, &message, each);
            self.counts.set_read_until(&self.name, &Arc::from(""), sent_ms(&message));
            self.handed_on.extend(message.receipt_handle);
        }
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
