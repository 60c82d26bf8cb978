//! The event log: who did what with which item, when.

use std::path::Path;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use hashbrown::HashMap;

use super::attributes::Attribute;
use super::bad_rows::{BadRows, RowFault};
use super::catalog::Catalog;
use crate::artifact::table::{Cell, CellKind, Table, TableError, TableLimits};

/// The columns of an events file that mean something; others are carried along.
const COLUMNS: [&str; 5] = ["user_id", "session_id", "item_id", "event_type", "timestamp"];

/// What an event says about the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EventKind {
    /// Looked at (`view`, `click`, and any type not named elsewhere).
    View,
    /// Put into the cart (`add_to_cart`, `cart`).
    Cart,
    /// Bought (`purchase`, `order`, `buy`).
    Purchase,
    /// Undone (`return`, `refund`, `cancel`, `remove_from_cart`); not learned from.
    Undone,
}

impl EventKind {
    /// Reads an `event_type`.
    pub fn parse(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            // `transaction` and `addtocart` are RetailRocket's names; the others are GA4's or plain words.
            "purchase" | "order" | "buy" | "transaction" => EventKind::Purchase,
            "add_to_cart" | "addtocart" | "cart" => EventKind::Cart,
            "return" | "refund" | "cancel" | "remove_from_cart" => EventKind::Undone,
            _ => EventKind::View,
        }
    }
}

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
    /// The row in the file, from 0.
    pub row: u32,
}

/// All usable events of a file.
#[derive(Debug, Clone, Default)]
pub struct EventLog {
    /// In file order.
    pub events: Vec<Event>,
    /// User ids by number.
    pub users: Vec<String>,
    /// Session ids by number.
    pub sessions: Vec<String>,
    /// Columns beyond the five named ones, by file row.
    pub extra: Vec<(String, Attribute)>,
    /// Rows left out.
    pub bad: BadRows,
    /// Country by user, from the users file.
    pub user_country: HashMap<u32, String>,
}

impl EventLog {
    /// Reads a Parquet or CSV file with `user_id` (nullable), `session_id`, `item_id`, `event_type`, `timestamp`.
    ///
    /// Ids may be text or integers. Times may be timestamps, RFC 3339 text, `YYYY-MM-DD[ HH:MM:SS]` in UTC, or integers
    /// since 1970, whose size tells seconds, milliseconds, microseconds and nanoseconds apart. Bad rows are counted,
    /// not fatal.
    ///
    /// # Errors
    /// An unreadable file, a missing column or one of the wrong type; a file in which no row is usable.
    pub fn read(path: &Path, catalog: &Catalog) -> Result<Self, TableError> {
        let table = Table::open(path, &TableLimits::default())?;
        let ids = [CellKind::Text, CellKind::Int];
        for column in ["session_id", "item_id"] {
            table.expect(column, &ids, "text or an integer")?;
        }
        let times = [CellKind::Time, CellKind::Text, CellKind::Int];
        table.expect("timestamp", &times, "a timestamp, text or an integer")?;
        // Required, even if every cell is missing: a file without the column is more likely to be another export
        // than all views.
        table.kind("event_type")?;
        table.kind("user_id")?;
        let mut log = Self::default();
        let users = numbers(&table, "user_id", &mut log.users)?;
        // Column by column, as the table is read: five passes over one column each, not one over rows.
        let sessions = numbers(&table, "session_id", &mut log.sessions)?;
        let items = items(&table, catalog)?;
        let kinds = kinds(&table)?;
        table.each("timestamp", &mut |row, cell| {
            match (sessions[row], items[row], time_ms(&cell)) {
                (None, ..) => log.bad.add(row, RowFault::NoSession),
                (_, Err(fault), _) => log.bad.add(row, fault),
                (.., None) => log.bad.add(row, RowFault::BadTime),
                (Some(session), Ok(item), Some(time_ms)) => {
                    let (user, kind, row) = (users[row], kinds[row], row as u32);
                    log.events.push(Event { user, session, item, kind, time_ms, row });
                }
            }
            Ok(())
        })?;
        // One bad row is noise, no good row is a wrong file, and the commonest fault says which.
        if log.events.is_empty() {
            let reason = log.bad.faults().next();
            let reason = reason.map_or("the file has no rows".to_owned(), |(fault, _)| fault.to_string());
            return Err(table.bad("item_id", 0, format!("no usable row: {reason}")));
        }
        for (name, _) in table.columns().iter().filter(|(name, _)| !COLUMNS.contains(&name.as_str())) {
            if let Some(attribute) = Attribute::read(&table, name)? {
                log.extra.push((name.clone(), attribute));
            }
        }
        Ok(log)
    }

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

/// Reads a time as users write it: RFC 3339, or a date with or without a time of day, in UTC.
pub fn parse_time_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    let zoned = DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis());
    let naive = || {
        let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"];
        formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
    };
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    zoned.or_else(|| naive().or_else(date).map(|time| time.and_utc().timestamp_millis()))
}

fn time_ms(cell: &Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Time(time) => Some(*time).filter(is_plausible),
        Cell::Int(number) => from_integer(*number),
        Cell::Text(text) => parse_time_ms(text).filter(is_plausible),
        _ => None,
    }
}

/// Tells the unit by the size: for times between 1973 and 5138, seconds, milliseconds, microseconds and nanoseconds
/// since 1970 do not overlap.
fn from_integer(number: i64) -> Option<i64> {
    let millis = match number.unsigned_abs() {
        0..100_000_000_000 => number * 1000,
        100_000_000_000..100_000_000_000_000 => number,
        100_000_000_000_000..100_000_000_000_000_000 => number / 1000,
        _ => number / 1_000_000,
    };
    Some(millis).filter(is_plausible)
}

/// From 1990 to a day from now: one event of the year 2099 would make all others look ancient.
fn is_plausible(millis: &i64) -> bool {
    let tomorrow = chrono::Utc::now().timestamp_millis() + 86_400_000;
    (631_152_000_000..tomorrow).contains(millis)
}

fn id_text(cell: &Cell<'_>) -> Option<String> {
    match cell {
        Cell::Text("") => None,
        Cell::Text(id) => Some((*id).to_owned()),
        Cell::Int(id) => Some(id.to_string()),
        // A nullable integer column becomes a float column in pandas.
        Cell::Float(id) if id.fract() == 0.0 => Some(format!("{id:.0}")),
        _ => None,
    }
}

/// The catalogue's number for the item of each row.
fn items(table: &Table, catalog: &Catalog) -> Result<Vec<Result<u32, RowFault>>, TableError> {
    let mut items = Vec::with_capacity(table.rows());
    table.each("item_id", &mut |_, cell| {
        items.push(match id_text(&cell) {
            None => Err(RowFault::NoItem),
            Some(id) => catalog.number(&id).ok_or(RowFault::UnknownItem),
        });
        Ok(())
    })?;
    Ok(items)
}

/// What each row says of its item; a row without a type is a view.
fn kinds(table: &Table) -> Result<Vec<EventKind>, TableError> {
    let mut kinds = Vec::with_capacity(table.rows());
    table.each("event_type", &mut |_, cell| {
        kinds.push(match cell {
            Cell::Text(name) => EventKind::parse(name),
            _ => EventKind::View,
        });
        Ok(())
    })?;
    Ok(kinds)
}

/// Numbers ids by first appearance; `None` where missing.
fn numbers(table: &Table, column: &str, ids: &mut Vec<String>) -> Result<Vec<Option<u32>>, TableError> {
    let mut known: HashMap<String, u32> = HashMap::new();
    let mut found = Vec::with_capacity(table.rows());
    table.each(column, &mut |_, cell| {
        found.push(id_text(&cell).map(|id| {
            *known.entry(id).or_insert_with_key(|id| {
                ids.push(id.clone());
                ids.len() as u32 - 1
            })
        }));
        Ok(())
    })?;
    Ok(found)
}
