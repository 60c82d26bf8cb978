//! Reads one source on a thread of its own: records become events, which are handed on in batches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{EventSource, SourceError};
use crate::connect::Record;
use crate::connect::dead::DeadLetters;
use crate::connect::decode::{Decoded, Decoder, Poison};
use crate::connect::retry::pause;
use crate::domain::{Event, now_ms};
use crate::live::{EventCounts, Fate};

/// Events of a batch: more of them wait for the next. Raising it makes fewer hand-overs, and each takes longer.
const BATCH: usize = 4096;

/// Nobody takes events any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("events are not taken any more")]
pub struct Stopped;

/// Takes the events of a source in order, each batch with the time of its arrival. Waits where it must.
pub type Deliver = Box<dyn FnMut(Vec<Event>, Instant) -> Result<(), Stopped> + Send>;

/// Reads a source until nobody takes its events any more.
pub struct Reader {
    /// The source's name in metrics and dead letters.
    pub name: Arc<str>,
    /// What is read.
    pub source: Box<dyn EventSource>,
    /// How its records are read.
    pub decoder: Decoder,
    /// Where what cannot be used is kept.
    pub dead: Arc<Mutex<DeadLetters>>,
    /// Counts what cannot be used.
    pub counts: Arc<EventCounts>,
    /// How long to wait for records before looking whether to go on.
    pub interval: Duration,
    /// Takes the events.
    pub deliver: Deliver,
    /// Called once all is delivered that was there at the beginning.
    pub caught_up: Option<Box<dyn FnOnce() + Send>>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Reader {
    /// Reads until nobody takes events any more. `wait` waits that long, or says that it is time to end.
    pub fn run(mut self, wait: impl Fn(Duration) -> Result<(), Stopped>) {
        let mut failures = 0;
        let mut events = Vec::new();
        while wait(Duration::ZERO).is_ok() {
            let arrived = Instant::now();
            let outcome = self.poll(&mut events);
            if self.hand_on(std::mem::take(&mut events), arrived).is_err() {
                return;
            }
            match outcome {
                Ok(caught_up) => {
                    failures = 0;
                    if caught_up && let Some(tell) = self.caught_up.take() {
                        tell();
                    }
                }
                Err(error) => {
                    failures += 1;
                    // At 1, 2, 4, 8 …: a source that is away for hours does not fill the log.
                    if u32::is_power_of_two(failures) {
                        tracing::warn!(source = &*self.name, %error, failures, "a source of events cannot be read");
                    }
                    if wait(pause(failures)).is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Reads what is there, a bounded number of records; whether the source is caught up.
    fn poll(&mut self, events: &mut Vec<Event>) -> Result<bool, SourceError> {
        let Self { name, source, decoder, dead, counts, interval, .. } = self;
        let now = now_ms();
        let mut buried = false;
        let polled = source.poll(*interval, &mut |record| {
            let decoded = decoder.decode(record, now, events);
            for _ in 0..decoded.unmatched {
                counts.add(name, "", Fate::Unmatched);
            }
            if !decoded.poison.is_empty() {
                buried = true;
                bury(name, record, &decoded, now, dead, counts);
            }
        })?;
        // Before the source moves on: a record that cannot be used is kept by then.
        if buried && let Err(error) = lock(dead).sync() {
            tracing::error!(source = &**name, %error, "dead letters are not safe on the disk");
        }
        Ok(polled.caught_up)
    }

    /// Hands the events on, some thousand at a time.
    fn hand_on(&mut self, mut events: Vec<Event>, arrived: Instant) -> Result<(), Stopped> {
        while events.len() > BATCH {
            let rest = events.split_off(BATCH);
            (self.deliver)(std::mem::replace(&mut events, rest), arrived)?;
        }
        if events.is_empty() { Ok(()) } else { (self.deliver)(events, arrived) }
    }
}

/// Keeps a record that cannot be used, or a part of one, with the reasons.
fn bury(
    name: &Arc<str>,
    record: &Record<'_>,
    decoded: &Decoded,
    now: i64,
    dead: &Mutex<DeadLetters>,
    counts: &EventCounts,
) {
    for poison in &decoded.poison {
        counts.add(name, "", Fate::Dead);
        let before = counts.add_dead(name, poison.reason.as_str());
        // At 1, 2, 4, 8 …: a producer that is wrong all the time does not fill the log.
        if before.is_power_of_two() {
            let Poison { reason, field, message, .. } = poison;
            let (partition, position) = (record.partition, record.position);
            tracing::warn!(
                source = &**name, partition, %position, %reason, field, message, count = before,
                "an event cannot be used: it is kept among the dead letters"
            );
        }
    }
    if let Err(error) = lock(dead).write(record, decoded, now) {
        tracing::error!(source = &**name, %error, "a dead letter was not kept");
    }
}

fn lock(dead: &Mutex<DeadLetters>) -> MutexGuard<'_, DeadLetters> {
    dead.lock().unwrap_or_else(PoisonError::into_inner)
}
