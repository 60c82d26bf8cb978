//! A shop's export: its catalogue and its events.

use std::path::Path;

use super::catalog::Catalog;
use super::event_reader::EventOptions;
use super::events::EventLog;
use super::events_error::EventsError;
use crate::artifact::Part;

/// A catalogue and the events about its items.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The items.
    pub catalog: Catalog,
    /// What happened to them.
    pub log: EventLog,
}

impl Dataset {
    /// Reads catalogue, events and, where there is one, the users file. `progress` is told what
    /// is being read, and what share of it is.
    ///
    /// # Errors
    /// A file that cannot be read, or that has no usable row.
    pub fn read(
        catalog: &Path,
        events: &[Part],
        options: &EventOptions,
        users: Option<&Path>,
        progress: &mut dyn FnMut(&str, f64),
    ) -> Result<Self, EventsError> {
        // The catalogue comes first: an event about an item that is not in it is a bad row.
        progress("reading the catalogue", 0.0);
        let catalog = Catalog::read(catalog)?;
        let mut log = EventLog::read_parts(events, options, &catalog, progress)?;
        // Afterwards, because only countries of users that occur in the log are kept.
        if let Some(users) = users {
            log.read_users(users)?;
        }
        Ok(Self { catalog, log })
    }
}
