//! Wiring of what callers record: to the directory that is followed, and to sinks.

use chrono::Utc;

use crate::config::Config;
use crate::connect::{Recorder, encode};
use crate::domain::Event;
use crate::exposure::{self, Outbox};
use crate::live::Fate;
use crate::recommender::Record;

/// Writes events.
type Write = Box<dyn FnMut(&mut dyn Iterator<Item = &Event>) + Send>;

/// Takes what callers record to the directory that is followed and to the sinks, as far as there are any.
pub(super) fn recorder(config: &Config, outbox: Option<Outbox>) -> Record {
    let mut into_dir = dir_recorder(config);
    Box::new(move |events| {
        let applied = events.iter().filter(|(_, fate)| *fate == Fate::Applied).map(|(event, _)| *event);
        into_dir(&mut { applied });
        let Some(outbox) = &outbox else { return };
        let now = Utc::now().timestamp_millis();
        // Also what says nothing new here, such as what somebody did long ago: others may not know it. What cannot be
        // used is nothing for others either.
        for (event, _) in events.iter().filter(|(_, fate)| matches!(fate, Fate::Applied | Fate::Stale)) {
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
