//! Rows that could not be used: counted by fault, the first few named.

use std::collections::BTreeMap;

use thiserror::Error;

/// Row numbers kept per fault; more of them make the report longer.
const EXAMPLES: usize = 5;

/// Why a row of a catalogue or an event file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
#[non_exhaustive]
pub enum RowFault {
    /// The row names no item.
    #[error("item_id is missing")]
    NoItem,
    /// An event about an item that the catalogue does not have.
    #[error("item_id is not in the catalogue")]
    UnknownItem,
    /// An item of the catalogue that an earlier row has.
    #[error("item_id occurs a second time")]
    RepeatedItem,
    /// An event that belongs to no session.
    #[error("session_id is missing")]
    NoSession,
    /// An event without a usable time.
    #[error("timestamp is missing, not a time, before 1990 or in the future")]
    BadTime,
    /// An event that was there before.
    #[error("the event's id occurs a second time")]
    Repeated,
    /// An item that was shown, and nothing more.
    #[error("the event type says that the item was shown, which nobody did anything for")]
    Impression,
    /// An event that is about something else than what people do with items.
    #[error("the event type is not about what somebody did with an item")]
    OtherType,
    /// An event that is not to be kept.
    #[error("consent was denied")]
    Denied,
}

/// Rows left out of the training, by fault.
#[derive(Debug, Clone, Default)]
pub struct BadRows {
    faults: BTreeMap<RowFault, RowFaults>,
    /// The file that rows are from.
    file: String,
}

/// The rows with one fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowFaults {
    /// How many there are.
    pub count: usize,
    /// The file that the first one is in; empty where there is only one file.
    pub file: String,
    /// The numbers of the first few in that file, from 1.
    pub first_rows: Vec<usize>,
}

impl BadRows {
    /// From now on, rows are from this file.
    pub fn enter(&mut self, file: &str) {
        file.clone_into(&mut self.file);
    }

    /// Notes one row (from 0).
    pub fn add(&mut self, row: usize, fault: RowFault) {
        let found = self.faults.entry(fault).or_default();
        found.count += 1;
        if found.first_rows.is_empty() {
            found.file.clone_from(&self.file);
        }
        if found.first_rows.len() < EXAMPLES && found.file == self.file {
            // People count rows from 1.
            found.first_rows.push(row + 1);
        }
    }

    /// How many rows were left out.
    pub fn count(&self) -> usize {
        self.faults.values().map(|found| found.count).sum()
    }

    /// Each fault that occurred, and the rows with it.
    pub fn faults(&self) -> impl Iterator<Item = (RowFault, &RowFaults)> {
        self.faults.iter().map(|(fault, found)| (*fault, found))
    }
}
