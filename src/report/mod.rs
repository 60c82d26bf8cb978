//! What became of what was shown, and whether it would be shown again.
//!
//! [`report`](crate::report::report) counts impressions, clicks and purchases by placement, source, rank, snapshot and
//! level; [`Reasker`](crate::report::Reasker) asks what was asked once more.
//!
//! Events are read first and kept, about 130 bytes each. Then the exposures pass by, one line or row group at a time;
//! of each impression some 16 bytes stay, by which a repetition is known. So files may come in any order, and what is
//! in memory does not depend on how long the window is.

mod acts;
mod difference;
mod dimension;
mod error;
mod rate;
mod reask;
mod row;
mod tally;

use std::time::Duration;

use hashbrown::HashSet;
use serde::Serialize;

use acts::Acts;
pub use acts::EventCounts;
pub use difference::Difference;
pub use dimension::Dimension;
pub use error::ReportError;
pub use rate::Rate;
pub use reask::{FirstDifference, Others, Reasked, Reasker};
pub use row::Row;
use tally::Tally;

use crate::artifact::Part;
use crate::exposure::{Shown, read};
use crate::train::EventTypes;

/// How a report is made.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportOptions {
    /// What impressions are told apart by.
    pub by: Vec<Dimension>,
    /// How long after an impression an event without a `recommendation_id` may be due to it.
    pub window: Duration,
    /// The shop's own names of event types.
    pub types: EventTypes,
}

/// What became of what was shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What the rows are told apart by.
    pub by: Vec<Dimension>,
    /// The rows, by their keys.
    pub rows: Vec<Row>,
    /// All of them together.
    pub total: Row,
    /// Impressions that were there before, and did not count.
    pub repeated_impressions: u64,
    /// What became of the events.
    pub events: EventCounts,
}

/// Makes a report of exposures and events. `progress` is told what is read, and what share of it.
///
/// # Errors
/// A file that cannot be read, or more combinations than can be told apart.
pub fn report(
    exposures: &[Part],
    events: &[Part],
    options: &ReportOptions,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<Report, ReportError> {
    let window_ms = i64::try_from(options.window.as_millis()).unwrap_or(i64::MAX);
    let mut acts = Acts::new(window_ms);
    for (at, part) in events.iter().enumerate() {
        progress("reading events", at as f64 / events.len() as f64);
        acts.read(part, &options.types)?;
    }
    acts.sort();
    let mut tally = Tally::new(&options.by);
    let (mut seen, mut repeated, mut overflow) = (HashSet::new(), 0, Ok(()));
    for (at, part) in exposures.iter().enumerate() {
        progress("reading exposures", at as f64 / exposures.len() as f64);
        read(part, &mut |shown| {
            if overflow.is_ok() {
                overflow = show(shown, &mut tally, &mut acts, &mut seen, &mut repeated);
            }
        })?;
        std::mem::replace(&mut overflow, Ok(()))?;
    }
    acts.settle(&mut tally);
    Ok(Report {
        by: options.by.clone(),
        total: tally.total(),
        rows: tally.rows(),
        repeated_impressions: repeated,
        events: acts.counts(),
    })
}

/// Counts the impressions of an exposure, and has events find theirs among them.
fn show(
    shown: &Shown,
    tally: &mut Tally,
    acts: &mut Acts,
    seen: &mut HashSet<u64>,
    repeated: &mut u64,
) -> Result<(), ReportError> {
    for item in &shown.impressions {
        let own = acts::hash(acts::IMPRESSION, &[&shown.recommendation_id, &item.rank.to_string()]);
        if !seen.insert(own) {
            *repeated += 1;
            continue;
        }
        let cell = tally.impression(shown, item)?;
        acts.shown(shown, item, acts::Touch { time_ms: shown.time_ms, impression: own, cell });
    }
    Ok(())
}
