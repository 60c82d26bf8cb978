//! Wiring of what callers record: to the directory that is followed, and to sinks.

use chrono::Utc;

use super::dead::Dead;
use crate::config::Config;
use crate::connect::{Recorder, encode};
use crate::domain::Event;
use crate::exposure::{self, Outbox};
use crate::recommender::{EventOutcome, Record};

/// Writes events.
type Write = Box<dyn FnMut(&mut dyn Iterator<Item = &Event>) + Send>;

/// The source of what callers record, in dead letters.
const SOURCE: &str = "http";

/// Takes what callers record to the directory that is followed and to the sinks, and what cannot be used of it to the
/// dead letters, as far as there are any.
pub(super) fn recorder(config: &Config, outbox: Option<Outbox>, dead: Option<Dead>) -> Record {
    let mut into_dir = dir_recorder(config);
    Box::new(move |events, no_events| {
        let is_applied = |outcome: &EventOutcome| *outcome == EventOutcome::Applied;
        let applied = events.iter().filter(|(_, outcome)| is_applied(outcome)).map(|(event, _)| *event);
        into_dir(&mut { applied });
        if let Some(dead) = &dead {
            no_events.iter().for_each(|no_event| dead.not_read(SOURCE, no_event));
            dead.not_applied(SOURCE, events.iter().copied());
        }
        let Some(outbox) = &outbox else { return };
        let now = Utc::now().timestamp_millis();
        for (event, _) in events.iter().filter(|(_, outcome)| outcome.is_of_use()) {
            outbox.offer(now, encode(event));
        }
    })
}

/// Writes events into the directory that is followed, if there is one.
fn dir_recorder(config: &Config) -> Write {
    let Some(dir) = &config.events.dir else { return Box::new(|_| {}) };
    let mut recorder =
        Recorder::new(dir, &config.exposure.replica.clone().unwrap_or_else(exposure::host_name));
    let mut failures = 0u32;
    Box::new(move |events| match recorder.write(events, Utc::now()) {
        Ok(()) => failures = 0,
        Err(error) => {
            failures += 1;
            if failures.is_power_of_two() {
                tracing::error!(%error, failures, "recorded events were not written: a restart will not know them");
            }
        }
    })
}
