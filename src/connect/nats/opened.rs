//! A stream while its connection lasts, and what comes out of it.

use std::time::Instant;

use async_nats::jetstream;
use async_nats::jetstream::consumer::Consumer;
use async_nats::jetstream::consumer::pull::{Batch, Config};
use async_nats::jetstream::stream::Stream;
use futures_util::{FutureExt as _, StreamExt as _};

use super::link::NatsError;
use super::message::Taken;
use super::progress::Progress;

/// A stream while its connection lasts.
pub(super) struct Opened {
    pub(super) stream: Stream,
    pub(super) consumer: Consumer<Config>,
    /// How many messages the consumer has given. It numbers them without a gap, so one that is missing was lost.
    given: u64,
    /// Upper bound on the bytes of a fetch.
    pub(super) bytes: usize,
    /// Whether the last fetch was empty though the stream has more.
    pub(super) withheld: bool,
    /// The first sequence that was expected and did not come, and until when all was read then.
    pub(super) jumped: Option<(u64, Option<i64>)>,
    /// When the stream was looked at last.
    pub(super) looked: Option<Instant>,
}

impl Opened {
    pub(super) fn new(stream: Stream, consumer: Consumer<Config>, bytes: usize) -> Self {
        Self { stream, consumer, given: 0, bytes, withheld: false, jumped: None, looked: None }
    }

    /// Takes a message and those that are there behind it; how many the stream still has, and how that ended.
    pub(super) fn take(
        &mut self,
        first: Result<jetstream::Message, async_nats::Error>,
        batch: &mut Batch,
    ) -> (Vec<Taken>, u64, Result<(), NatsError>) {
        let (mut records, mut pending, mut next) = (Vec::new(), 0, Some(first));
        while let Some(given) = next {
            match given.map_err(NatsError::Client).and_then(|message| self.number(message)) {
                Ok((taken, left)) => {
                    records.push(taken);
                    pending = left;
                }
                Err(error) => return (records, pending, Err(error)),
            }
            next = batch.next().now_or_never().flatten();
        }
        (records, pending, Ok(()))
    }

    fn number(&mut self, message: jetstream::Message) -> Result<(Taken, u64), NatsError> {
        let info = message.info().map_err(NatsError::Client)?;
        let (sequence, ms, pending) = (info.stream_sequence, info.published.timestamp_millis(), info.pending);
        self.given += 1;
        if info.consumer_sequence != self.given {
            return Err(NatsError::Skipped);
        }
        Ok((Taken { sequence, ms, message: message.message }, pending))
    }

    /// Notes where sequences are missing, before the messages count as read.
    pub(super) fn note_jumps(&mut self, records: &[Taken], progress: &Progress) {
        let (mut next, mut read_ms) = (progress.next, progress.read_ms);
        for record in records {
            if let Some(next) = next.filter(|next| *next < record.sequence) {
                self.jumped.get_or_insert((next, read_ms));
            }
            (next, read_ms) = (Some(record.sequence + 1), Some(record.ms));
        }
    }
}
