//! The event log: who did what with which item, when.

use std::path::Path;

use hashbrown::HashMap;

use super::attributes::Attribute;
use super::bad_rows::BadRows;
use super::event_cells::id_text;
use super::event_kind::EventKind;
use super::event_types::UnknownTypes;
use crate::artifact::table::{Cell, Table, TableError, TableLimits};

/// One event; user, session and item by number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// The signed-in user, if any.
    pub user: Option<u32>,
    /// The session.
    pub session: u32,
    /// The item's number in the catalogue.
    pub item: u32,
    /// What happened.
    pub kind: EventKind,
    /// Milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// The row among those of all files, from 0.
    pub row: u32,
}

/// All usable events of some files.
#[derive(Debug, Clone, Default)]
pub struct EventLog {
    /// In file order.
    pub events: Vec<Event>,
    /// User ids by number.
    pub users: Vec<String>,
    /// Session ids by number.
    pub sessions: Vec<String>,
    /// Columns beyond the named ones, by row.
    pub extra: Vec<(String, Attribute)>,
    /// Rows left out.
    pub bad: BadRows,
    /// Event types that nobody knows; they were taken for views.
    pub unknown_types: UnknownTypes,
    /// Country by user, from the users file.
    pub user_country: HashMap<u32, String>,
}

impl EventLog {
    /// Reads a users file (`user_id`, optional `country`).
    ///
    /// # Errors
    /// An unreadable file or one without `user_id`.
    pub fn read_users(&mut self, path: &Path) -> Result<(), TableError> {
        let table = Table::open(path, &TableLimits::default())?;
        let mut ids = Vec::with_capacity(table.rows());
        table.each("user_id", &mut |_, cell| {
            ids.push(id_text(&cell));
            Ok(())
        })?;
        if table.has("country") {
            // Users without events are skipped: nothing would ask for their country.
            let numbers: HashMap<&str, u32> =
                self.users.iter().enumerate().map(|(at, id)| (id.as_str(), at as u32)).collect();
            let mut countries = HashMap::new();
            table.each("country", &mut |row, cell| {
                let user = ids[row].as_deref().and_then(|id| numbers.get(id));
                if let (Some(user), Cell::Text(country)) = (user, cell) {
                    countries.insert(*user, country.to_owned());
                }
                Ok(())
            })?;
            self.user_country = countries;
        }
        Ok(())
    }

    /// The same log with only the events for which `keep` holds; numbers stay as they are.
    pub fn filtered(&self, keep: impl Fn(&Event) -> bool) -> Self {
        let events = self.events.iter().filter(|event| keep(event)).copied().collect();
        Self { events, bad: BadRows::default(), ..self.clone() }
    }

    /// First and last event time; zeros for an empty log.
    pub fn period_ms(&self) -> (i64, i64) {
        let times = || self.events.iter().map(|event| event.time_ms);
        (times().min().unwrap_or(0), times().max().unwrap_or(0))
    }

    /// The country of an event: its own `country` column, else its user's.
    pub fn country(&self, event: &Event) -> Option<&str> {
        let column = self.extra.iter().find(|(name, _)| name == "country");
        // The country of the visit tells more than the country of the account.
        let own = column.and_then(|(_, cells)| cells.texts()?.get(event.row as usize)?.as_deref());
        own.or_else(|| self.user_country.get(&event.user?).map(String::as_str))
    }
}
