//! Reads one partition: finds where to begin, fetches, and goes on after whatever fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::DateTime;
use rskafka::client::error::ProtocolError;
use rskafka::client::partition::{OffsetAt, PartitionClient};
use tokio::sync::{Notify, mpsc};

use super::clients::Clients;
use super::cluster::{KafkaError, answered};
use super::message::{Fetched, Message};
use super::progress::{FIRST, Progress, bytes_for_next};
use crate::connect::retry::pause;
use crate::connect::source::Begin;
use crate::domain::now_ms;

/// How long a broker holds a fetch for which it has nothing, in milliseconds. What comes meanwhile is given at once, so
/// raising it only saves requests.
const HELD_MS: i32 = 500;

/// How long the broker may know less than was read already. For a moment that is a change of leaders; after this, the
/// topic was made anew under its old name.
const SHORTER: Duration = Duration::from_secs(10);

/// What reads a partition.
#[derive(Debug)]
pub(super) struct PartitionReader {
    pub(super) source: Arc<str>,
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    pub(super) begin: Begin,
    /// Upper bound on the bytes of a fetch.
    pub(super) bytes: i32,
    pub(super) out: mpsc::Sender<Message>,
    /// Told when it cannot be read.
    pub(super) failed: Arc<Notify>,
}

impl PartitionReader {
    /// Reads until nobody takes what is read.
    pub(super) async fn run(self, mut clients: Clients) {
        let mut progress = Progress { bytes: self.bytes.min(FIRST), ..Progress::default() };
        while let Err(error) = self.read(&mut clients, &mut progress).await {
            progress.failures += 1;
            if u32::is_power_of_two(progress.failures) {
                let (source, topic, partition) = (&*self.source, &*self.topic, self.partition);
                let failures = progress.failures;
                tracing::warn!(source, topic, partition, %error, failures, "a partition cannot be read");
            }
            self.failed.notify_one();
            tokio::time::sleep(pause(progress.failures)).await;
        }
    }

    async fn read(&self, clients: &mut Clients, progress: &mut Progress) -> Result<(), KafkaError> {
        let client = clients.partition(&self.topic, self.partition).await?;
        if progress.next.is_none() {
            progress.next = Some(self.beginning(&client, progress).await?);
        }
        while !self.out.is_closed() {
            let next = progress.next.unwrap_or_default();
            let bytes = 1..progress.bytes.saturating_add(1);
            let fetched = answered(client.fetch_records(next, bytes, HELD_MS)).await;
            let (records, end) = match fetched {
                Ok(fetched) => fetched,
                Err(error) if error.protocol() == Some(ProtocolError::OffsetOutOfRange) => {
                    self.begin_again(&client, progress).await?;
                    continue;
                }
                Err(error) if error.is_of_marker() => {
                    progress.close_in_on_marker(next);
                    continue;
                }
                Err(error) => return Err(error),
            };
            progress.failures = 0;
            if end < next && progress.shorter.get_or_insert_with(Instant::now).elapsed() > SHORTER {
                self.begin_again(&client, progress).await?;
                continue;
            }
            if end >= next {
                progress.shorter = None;
            }
            if let (Some(from_ms), Some(first)) = (progress.wanted_ms, records.first()) {
                progress.wanted_ms = None;
                self.tell_gap(from_ms, first.record.timestamp.timestamp_millis()).await;
            }
            if let Some(last) = records.last() {
                progress.last_ms = Some(last.record.timestamp.timestamp_millis());
                progress.next = Some(last.offset + 1);
                progress.stable = None;
            } else if end > next {
                self.skip_markers(&client, progress, next).await?;
            }
            let next = progress.next.unwrap_or(next);
            progress.bytes = bytes_for_next(progress.bytes, records.len(), next < end).min(self.bytes);
            let fetched = Fetched { partition: self.partition, records, next, end };
            if self.out.send(Message::Fetched(fetched)).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// The offset to begin at.
    async fn beginning(&self, client: &PartitionClient, progress: &mut Progress) -> Result<i64, KafkaError> {
        let earliest = answered(client.get_offset(OffsetAt::Earliest)).await?;
        let ms = match self.begin {
            Begin::Earliest => return Ok(earliest),
            Begin::Latest => return answered(client.get_offset(OffsetAt::Latest)).await,
            Begin::At(ms) => ms,
        };
        // The end before the time: what comes between the two questions must not be passed over.
        let end = answered(client.get_offset(OffsetAt::Latest)).await?;
        let time = DateTime::from_timestamp_millis(ms).unwrap_or_default();
        let found = answered(client.get_offset(OffsetAt::Timestamp(time))).await?;
        let is_cut = earliest > 0;
        if found >= 0 {
            // The oldest that is kept: what was before it may have been wanted too.
            progress.wanted_ms = Some(ms).filter(|_| is_cut && found <= earliest);
            return Ok(found);
        }
        if is_cut && earliest >= end {
            // Nothing is kept at all, so nobody can tell whether anything was wanted.
            self.tell_gap(ms, now_ms()).await;
        }
        Ok(end.max(earliest))
    }

    /// Goes on with the oldest record: what was to be read next is not there any more.
    async fn begin_again(&self, client: &PartitionClient, progress: &mut Progress) -> Result<(), KafkaError> {
        let earliest = answered(client.get_offset(OffsetAt::Earliest)).await?;
        let (source, topic, partition) = (&*self.source, &*self.topic, self.partition);
        let wanted = progress.next.unwrap_or_default();
        tracing::warn!(
            source,
            topic,
            partition,
            wanted,
            earliest,
            "a wanted record is gone: reading the oldest on"
        );
        let was_read_until = progress.last_ms.or(self.begin.ms());
        *progress = Progress {
            next: Some(earliest),
            bytes: progress.bytes,
            wanted_ms: was_read_until,
            failures: progress.failures,
            ..Progress::default()
        };
        Ok(())
    }

    /// Goes past what is no record: the marker of a transaction takes an offset, and the client leaves it out.
    async fn skip_markers(
        &self,
        client: &PartitionClient,
        progress: &mut Progress,
        next: i64,
    ) -> Result<(), KafkaError> {
        match progress.stable {
            // It was committed before the fetch began, and the fetch had no record: there is none at this offset.
            Some(stable) if stable > next => progress.next = Some(next + 1),
            // Or else it belongs to an open transaction, and may still become one.
            _ => progress.stable = Some(answered(client.get_offset(OffsetAt::Latest)).await?),
        }
        Ok(())
    }

    async fn tell_gap(&self, from_ms: i64, until_ms: i64) {
        if until_ms <= from_ms {
            return;
        }
        let (source, topic, partition) = (&*self.source, &*self.topic, self.partition);
        let seconds = (until_ms - from_ms) as f64 / 1000.0;
        tracing::warn!(
            source,
            topic,
            partition,
            seconds,
            "the topic does not go back as far as the snapshot: what changed in between may be missing until a newer \
             snapshot is served; raise the topic's retention"
        );
        let _ = self.out.send(Message::Gap { partition, from_ms, until_ms }).await;
    }
}
