//! Reads a stream: finds where to begin, fetches, and goes on after whatever fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use chrono::DateTime;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use super::link::{Link, NatsError, connect};
use super::message::{Fetched, Message, Taken};
use super::opened::Opened;
use super::progress::{Gap, Progress, missing};
use crate::connect::retry::pause;
use crate::connect::source::{Begin, NatsOptions};
use crate::domain::now_ms;

/// Messages and bytes of a fetch. Raising them reads a backlog in larger pieces and takes memory. A message that has
/// more bytes than a fetch is never given, so there is room for the largest that the server takes besides.
const MESSAGES: usize = 2048;
const BYTES: usize = 2 << 20;
const OVERHEAD: usize = 64 << 10;

/// How long the server holds a fetch for which it has nothing. What comes meanwhile is given at once, so raising it
/// only saves requests.
const HELD: Duration = Duration::from_secs(5);

/// How long the server keeps a consumer that nobody asks for anything.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// Time between two looks at what the stream still has, where sequences are missing: with a filter they always are.
const LOOK: Duration = Duration::from_secs(5);

/// A stream that is read.
#[derive(Debug)]
pub(super) struct Following {
    /// The source's name.
    pub(super) name: Arc<str>,
    pub(super) options: NatsOptions,
    pub(super) begin: Begin,
    pub(super) out: mpsc::Sender<Message>,
}

impl Following {
    /// Follows the stream until nobody takes what is read.
    pub(super) async fn run(self) {
        let mut progress = Progress::default();
        while let Err(error) = self.connect_and_read(&mut progress).await {
            progress.failures += 1;
            let failures = progress.failures;
            if failures.is_power_of_two() {
                let (source, stream) = (&*self.name, &self.options.stream);
                let servers = self.options.access.servers.join(",");
                tracing::warn!(source, stream, servers, %error, failures, "a stream of NATS cannot be read");
            }
            tokio::time::sleep(pause(failures)).await;
        }
    }

    async fn connect_and_read(&self, progress: &mut Progress) -> Result<(), NatsError> {
        let (client, link) = connect(&self.options.access).await?;
        let bytes = BYTES.max(client.server_info().max_payload + OVERHEAD);
        let read = async {
            let mut opened = self.open(&jetstream::new(client), bytes, progress).await?;
            while !self.out.is_closed() {
                self.fetch(&mut opened, &link, progress).await?;
            }
            Ok(())
        };
        read.await.map_err(|error| link.explain(error))
    }

    /// Makes a consumer that begins where reading goes on.
    async fn open(
        &self,
        context: &jetstream::Context,
        bytes: usize,
        progress: &mut Progress,
    ) -> Result<Opened, NatsError> {
        let stream = context.get_stream(&self.options.stream).await.map_err(NatsError::client)?;
        let (is_another, gap) = progress.look(self.begin, stream.cached_info());
        if is_another {
            let (source, stream) = (&*self.name, &self.options.stream);
            tracing::warn!(source, stream, "the stream was made anew: it is read from its beginning");
        }
        self.tell_gap(gap).await;
        let subjects = &self.options.subjects;
        let config = Config {
            deliver_policy: match (progress.next, self.begin) {
                (Some(start_sequence), _) => DeliverPolicy::ByStartSequence { start_sequence },
                (None, Begin::At(ms)) => DeliverPolicy::ByStartTime {
                    start_time: DateTime::from_timestamp_millis(ms).unwrap_or_default(),
                },
                (None, Begin::Earliest | Begin::Latest) => DeliverPolicy::All,
            },
            ack_policy: AckPolicy::None,
            filter_subject: subjects.first().filter(|_| subjects.len() == 1).cloned().unwrap_or_default(),
            filter_subjects: if subjects.len() > 1 { subjects.clone() } else { Vec::new() },
            inactive_threshold: FORGOTTEN,
            memory_storage: true,
            num_replicas: 1,
            ..Config::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(NatsError::client)?;
        let info = consumer.cached_info();
        if subjects.len() > 1 && info.config.filter_subjects.len() != subjects.len() {
            return Err(NatsError::Subjects { subjects: subjects.len() });
        }
        // Where it begins is known from here on, though nothing is read yet.
        progress.next.get_or_insert(info.delivered.stream_sequence + 1);
        if info.num_pending == 0 {
            self.hand_on(Vec::new(), 0, progress).await;
        }
        Ok(Opened::new(stream, consumer, bytes))
    }

    /// Hands on what comes until the server ends the fetch.
    async fn fetch(
        &self,
        opened: &mut Opened,
        link: &Link,
        progress: &mut Progress,
    ) -> Result<(), NatsError> {
        let request = opened.consumer.batch().max_messages(MESSAGES).max_bytes(opened.bytes).expires(HELD);
        let mut batch = request.messages().await.map_err(NatsError::client)?;
        let mut is_empty = true;
        loop {
            let first = tokio::select! {
                first = batch.next() => first,
                () = link.lost.notified() => return Err(NatsError::Lost),
            };
            let Some(first) = first else { break };
            let (records, pending, ended) = opened.take(first, &mut batch);
            if !records.is_empty() {
                is_empty = false;
                opened.note_jumps(&records, progress);
                self.hand_on(records, pending, progress).await;
            }
            match ended {
                Ok(()) => {}
                // The next message has more bytes than are left of this fetch.
                Err(NatsError::Client(error)) if error.to_string().contains("MaxBytes") => break,
                Err(error) => return Err(error),
            }
        }
        if is_empty {
            self.see_to_silence(opened, progress).await?;
        } else {
            opened.withheld = false;
        }
        self.look_for_gap(opened, progress).await
    }

    /// Makes sure that there is nothing where nothing comes.
    async fn see_to_silence(&self, opened: &mut Opened, progress: &mut Progress) -> Result<(), NatsError> {
        let pending = opened.consumer.get_info().await.map_err(NatsError::client)?.num_pending;
        if pending == 0 {
            opened.withheld = false;
            self.hand_on(Vec::new(), 0, progress).await;
        } else if std::mem::replace(&mut opened.withheld, true) {
            // Twice: the first time it may have come just now.
            return Err(NatsError::Withheld { pending });
        }
        Ok(())
    }

    /// Finds out whether messages that were passed over are gone, or of other subjects.
    async fn look_for_gap(&self, opened: &mut Opened, progress: &mut Progress) -> Result<(), NatsError> {
        let Some((sequence, read_ms)) = opened.jumped else { return Ok(()) };
        if opened.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return Ok(());
        }
        (opened.jumped, opened.looked) = (None, Some(Instant::now()));
        let info = opened.stream.get_info().await.map_err(NatsError::client)?;
        self.tell_gap(missing(sequence, read_ms.or(self.begin.ms()), &info)).await;
        progress.failures = 0;
        Ok(())
    }

    async fn hand_on(&self, records: Vec<Taken>, pending: u64, progress: &mut Progress) {
        progress.failures = 0;
        let last = records.last();
        let until_ms = if pending == 0 { Some(now_ms()) } else { last.map(|last| last.ms) };
        progress.next = last.map(|last| last.sequence + 1).or(progress.next);
        progress.read_ms = until_ms.or(progress.read_ms);
        let is_behind = pending > 0 && progress.next <= progress.goal;
        let _ = self.out.send(Message::Fetched(Fetched { records, pending, is_behind, until_ms })).await;
    }

    async fn tell_gap(&self, gap: Option<Gap>) {
        let Some((from_ms, until_ms)) = gap else { return };
        let (source, stream) = (&*self.name, &self.options.stream);
        let seconds = (until_ms - from_ms) as f64 / 1000.0;
        tracing::warn!(
            source,
            stream,
            seconds,
            "the stream does not go back as far as the snapshot: what changed in between may be missing until a newer \
             snapshot is served; raise the stream's max_age, max_msgs or max_bytes"
        );
        let _ = self.out.send(Message::Gap { from_ms, until_ms }).await;
    }
}
