//! Reads one shard to its end, and goes on after whatever fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::ShardIteratorType;
use aws_smithy_types::DateTime;
use tokio::sync::{Semaphore, mpsc};

use super::message::{Fetched, Message};
use super::pace::Pace;
use super::retention::Retention;
use crate::connect::aws::client::AwsError;
use crate::connect::retry::pause;
use crate::connect::source::Begin;
use crate::domain::now_ms;
use crate::live::EventCounts;

/// Records that a request brings at most. They have at most 10 MiB together whatever their number.
const RECORDS: i32 = 5000;

/// How much is read again where only the time is known at which reading was interrupted: clocks are not equal.
const OVERLAP_MS: i64 = 60_000;

/// What reads a shard.
#[derive(Debug)]
pub(super) struct ShardReader {
    pub(super) source: Arc<str>,
    pub(super) stream: Arc<str>,
    pub(super) shard: Arc<str>,
    pub(super) begin: Begin,
    pub(super) interval: Duration,
    pub(super) retention: Retention,
    pub(super) client: Client,
    /// Room for what requests bring, of all shards together.
    pub(super) room: Arc<Semaphore>,
    pub(super) counts: Arc<EventCounts>,
    pub(super) out: mpsc::Sender<Message>,
}

/// How far a shard is read.
#[derive(Debug, Default)]
struct Progress {
    /// Where to go on; `None`: has to be asked for.
    iterator: Option<String>,
    /// The last record that was read.
    last: Option<String>,
    /// All that was there at this time is read.
    until_ms: Option<i64>,
    /// Records from this time on should come next, and may be gone.
    wanted_ms: Option<i64>,
}

/// What a look at a shard found.
enum Look {
    /// All is read that there is.
    AtTip,
    /// There is more.
    Behind,
    /// There is nothing more and never will be, or nobody takes it.
    Over,
}

impl ShardReader {
    /// Reads until the shard's end, or until nobody takes what is read.
    pub(super) async fn run(self) {
        let mut pace = Pace::new(self.interval);
        let mut progress = Progress::default();
        let mut failures = 0;
        loop {
            let wait = match self.look(&mut progress).await {
                Ok(Look::Over) => return,
                Ok(look) => {
                    failures = 0;
                    pace.answered();
                    pace.pause(matches!(look, Look::Behind))
                }
                Err(error) if error.is_throttled() => {
                    self.counts.add_throttled(&self.source);
                    pace.throttled();
                    pace.pause(true)
                }
                // It was not asked for five minutes: this program or its machine stood still.
                Err(error) if error.code() == "ExpiredIteratorException" => {
                    progress.iterator = None;
                    Duration::ZERO
                }
                Err(error) => {
                    failures += 1;
                    if u32::is_power_of_two(failures) {
                        let (source, stream, shard) = (&*self.source, &*self.stream, &*self.shard);
                        tracing::warn!(source, stream, shard, %error, failures, "a shard cannot be read");
                    }
                    pause(failures)
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn look(&self, progress: &mut Progress) -> Result<Look, AwsError> {
        let iterator = match progress.iterator.take() {
            Some(iterator) => iterator,
            None => match self.iterator(progress).await? {
                Some(iterator) => iterator,
                None => return Ok(Look::Over),
            },
        };
        let Ok(room) = Arc::clone(&self.room).acquire_owned().await else { return Ok(Look::Over) };
        let asked = Instant::now();
        let answer = self.client.get_records().shard_iterator(&iterator).limit(RECORDS).send().await;
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                progress.iterator = Some(iterator);
                return Err(AwsError::of(error));
            }
        };
        progress.iterator = answer.next_shard_iterator.take();
        let behind_ms = answer.millis_behind_latest.unwrap_or_default().max(0);
        if let Some(last) = answer.records.last() {
            progress.last = Some(last.sequence_number.clone());
        }
        let first = answer.records.first().and_then(|record| record.approximate_arrival_timestamp);
        if let (Some(from_ms), Some(first)) = (progress.wanted_ms, first) {
            progress.wanted_ms = None;
            self.tell_gap(from_ms, first.to_millis().unwrap_or(from_ms)).await;
        }
        progress.until_ms = Some(now_ms().saturating_sub(behind_ms));
        let shard = Arc::clone(&self.shard);
        let fetched = Fetched { shard, records: answer.records, asked, behind_ms, _room: room };
        let taken = self.out.send(Message::Fetched(fetched)).await;
        if taken.is_err() || progress.iterator.is_none() {
            return Ok(Look::Over);
        }
        Ok(if behind_ms > 0 { Look::Behind } else { Look::AtTip })
    }

    /// Asks for a place to read from: behind the last record that was read, or where reading begins. `None`: there is
    /// nothing to read.
    async fn iterator(&self, progress: &mut Progress) -> Result<Option<String>, AwsError> {
        let request = self.client.get_shard_iterator().stream_name(&*self.stream).shard_id(&*self.shard);
        let of_type = |of_type| request.clone().shard_iterator_type(of_type);
        // A time that is still to come is refused.
        let time = |ms: i64| DateTime::from_millis(ms.min(now_ms()));
        let at = |ms| of_type(ShardIteratorType::AtTimestamp).timestamp(time(ms));
        let request = match (&progress.last, self.begin, progress.until_ms) {
            (Some(last), ..) => {
                of_type(ShardIteratorType::AfterSequenceNumber).starting_sequence_number(last)
            }
            // Nothing has come yet: what came meanwhile comes after this time.
            (None, Begin::Latest, Some(ms)) => at(ms.saturating_sub(OVERLAP_MS)),
            (None, Begin::Latest, None) => of_type(ShardIteratorType::Latest),
            (None, Begin::Earliest, _) => of_type(ShardIteratorType::TrimHorizon),
            (None, Begin::At(ms), _) => at(ms),
        };
        if let Some(until_ms) = progress.until_ms
            && self.retention.gap(until_ms, now_ms()).is_some()
        {
            progress.wanted_ms = Some(until_ms);
        }
        match request.send().await.map_err(AwsError::of) {
            Ok(answer) => Ok(answer.shard_iterator),
            // A stream that was made anew under its old name does not know the number.
            Err(error) if error.code() == "InvalidArgumentException" && progress.last.is_some() => {
                let (source, stream, shard) = (&*self.source, &*self.stream, &*self.shard);
                tracing::warn!(
                    source, stream, shard, %error, "the last record that was read is gone: reading the oldest on"
                );
                progress.wanted_ms = progress.until_ms;
                let oldest = of_type(ShardIteratorType::TrimHorizon).send().await.map_err(AwsError::of)?;
                Ok(oldest.shard_iterator)
            }
            Err(error) => Err(error),
        }
    }

    async fn tell_gap(&self, from_ms: i64, until_ms: i64) {
        if until_ms <= from_ms {
            return;
        }
        let (source, stream, shard) = (&*self.source, &*self.stream, &*self.shard);
        let seconds = (until_ms - from_ms) as f64 / 1000.0;
        tracing::warn!(
            source,
            stream,
            shard,
            seconds,
            "records were gone before they were read: what changed in between may be missing until a newer snapshot \
             is served"
        );
        let _ = self.out.send(Message::Gap { shard: Arc::clone(&self.shard), from_ms, until_ms }).await;
    }
}
