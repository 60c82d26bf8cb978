//! A log in two: what a model may learn from, and what it is asked.

use crate::train::{Event, EventLog};

/// One day in milliseconds.
pub(super) const DAY_MS: i64 = 86_400_000;

/// Splits a log in two at `at_ms`: what a model may learn from, and what it is asked.
///
/// A session belongs to the side on which it began, so that no session is in both. The rest of a session that straddles
/// the split is on neither side: it is neither known by then nor a fresh session.
pub fn split(log: &EventLog, at_ms: i64) -> (EventLog, EventLog) {
    // The log need not be in order of time, so that the starts are found first.
    let mut starts = vec![i64::MAX; log.sessions.len()];
    for event in &log.events {
        let start = &mut starts[event.session as usize];
        *start = (*start).min(event.time_ms);
    }
    let before = |event: &Event| starts[event.session as usize] < at_ms;
    (log.filtered(|event| before(event) && event.time_ms < at_ms), log.filtered(|event| !before(event)))
}
