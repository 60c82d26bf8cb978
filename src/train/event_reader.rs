//! Many files of events as one log.

use std::hash::BuildHasher as _;
use std::path::Path;

use hashbrown::{DefaultHashBuilder, HashMap, HashSet};

use super::attributes::Attribute;
use super::bad_rows::{BadRows, RowFault};
use super::catalog::Catalog;
use super::event_kind::EventKind;
use super::event_table::EventTable;
use super::event_types::{EventMeaning, EventTypes};
use super::events::{Event, EventLog};
use super::events_error::EventsError;
use crate::artifact::Part;
use crate::artifact::table::TableError;

/// How files of events are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventOptions {
    /// The shop's own names of event types.
    pub types: EventTypes,
    /// Partitions of the files' paths (`dt=…`) that become columns of the events.
    pub partition_columns: Vec<String>,
}

impl EventLog {
    /// Reads a Parquet or CSV file with `user_id` (nullable), `session_id`, `item_id`, `event_type`, `timestamp`, or
    /// events in Larder's own words as JSON lines.
    ///
    /// Ids may be text or integers. Times may be timestamps, RFC 3339 text, `YYYY-MM-DD[ HH:MM:SS]` in UTC, or integers
    /// since 1970, whose size tells seconds, milliseconds, microseconds and nanoseconds apart. Bad rows are counted,
    /// not fatal.
    ///
    /// # Errors
    /// An unreadable file, a missing column or one of the wrong type; a file in which no row is usable.
    pub fn read(path: &Path, catalog: &Catalog) -> Result<Self, EventsError> {
        Self::read_parts(&[Part::local(path)], &EventOptions::default(), catalog, &mut |_, _| {})
    }

    /// Reads many files as if they were one, in this order; an event whose id was there before is left out. One file is
    /// in memory at a time. `progress` is told which, and what share of them is read.
    ///
    /// # Errors
    /// As [`EventLog::read`], and files whose columns differ.
    pub fn read_parts(
        parts: &[Part],
        options: &EventOptions,
        catalog: &Catalog,
        progress: &mut dyn FnMut(&str, f64),
    ) -> Result<Self, EventsError> {
        let mut reader = EventReader::new(catalog, options);
        for (at, part) in parts.iter().enumerate() {
            progress("reading events", at as f64 / parts.len() as f64);
            reader.read(part)?;
        }
        let log = reader.finish();
        // One bad row is noise, no good row is a wrong file, and the commonest fault says which.
        if log.events.is_empty() {
            let files = match parts {
                [part] => part.name.clone(),
                parts => format!("{} files", parts.len()),
            };
            return Err(EventsError::NoUsableRow { files, reason: commonest(&log.bad) });
        }
        Ok(log)
    }
}

/// Reads parts one after the other: of each, the events stay, and of its columns only those that are carried along.
#[derive(Debug)]
struct EventReader<'a> {
    catalog: &'a Catalog,
    options: &'a EventOptions,
    log: EventLog,
    users: HashMap<String, u32>,
    sessions: HashMap<String, u32>,
    seen: SeenIds,
    /// Rows of the parts before.
    rows: usize,
    /// The first part whose columns all others of its kind must have, and its columns.
    columns: Option<(String, Vec<String>)>,
}

impl<'a> EventReader<'a> {
    fn new(catalog: &'a Catalog, options: &'a EventOptions) -> Self {
        let (users, sessions, seen) = (HashMap::new(), HashMap::new(), SeenIds::default());
        Self { catalog, options, log: EventLog::default(), users, sessions, seen, rows: 0, columns: None }
    }

    fn read(&mut self, part: &Part) -> Result<(), EventsError> {
        let table = EventTable::open(part)?;
        let file = table.file().to_owned();
        if self.rows + table.rows() > u32::MAX as usize {
            return Err(EventsError::TooMany { file, limit: u64::from(u32::MAX) });
        }
        self.check_columns(&table)?;
        self.log.bad.enter(&file);
        self.events(&table)?;
        self.extra(&table, part)?;
        self.rows += table.rows();
        Ok(())
    }

    fn finish(self) -> EventLog {
        let mut log = self.log;
        // A writer of many shops' events has columns that this one never fills. Carried along, they would make another
        // artifact of the same events.
        log.extra.retain(|(_, attribute)| !attribute.is_blank());
        for (_, attribute) in &mut log.extra {
            attribute.pad(self.rows);
        }
        log
    }

    /// Adds the events. Column by column, as the table is read: a pass over each column, not one over rows.
    fn events(&mut self, table: &EventTable) -> Result<(), TableError> {
        let repeated = self.repeated(table)?;
        let users = numbers(table, "user_id", &mut self.users, &mut self.log.users)?;
        let sessions = numbers(table, "session_id", &mut self.sessions, &mut self.log.sessions)?;
        let items = self.items(table)?;
        let kinds = self.kinds(table)?;
        let denied = table.denied()?;
        let (log, before) = (&mut self.log, self.rows);
        table.each_time(&mut |row, time_ms| {
            let fault = match (repeated[row], kinds[row], denied[row]) {
                (true, ..) => Some(RowFault::Repeated),
                (_, EventMeaning::Impression, _) => Some(RowFault::Impression),
                (_, EventMeaning::Ignored, _) => Some(RowFault::OtherType),
                (_, _, true) => Some(RowFault::Denied),
                _ => None,
            };
            let EventMeaning::Kind(kind) = kinds[row] else {
                return log.bad.add(row, fault.unwrap_or(RowFault::OtherType));
            };
            match (fault, sessions[row], items[row], time_ms) {
                (Some(fault), ..) => log.bad.add(row, fault),
                (_, None, ..) => log.bad.add(row, RowFault::NoSession),
                (_, _, Err(fault), _) => log.bad.add(row, fault),
                (.., None) => log.bad.add(row, RowFault::BadTime),
                (_, Some(session), Ok(item), Some(time_ms)) => {
                    let (user, row) = (users[row], (before + row) as u32);
                    log.events.push(Event { user, session, item, kind, time_ms, row });
                }
            }
        })
    }

    /// Which rows have the id of an event that was there before.
    fn repeated(&mut self, table: &EventTable) -> Result<Vec<bool>, TableError> {
        let mut repeated = vec![false; table.rows()];
        let seen = &mut self.seen;
        table.each_event_id(&mut |row, id| {
            if let (Some(id), Some(repeated)) = (id, repeated.get_mut(row)) {
                *repeated = !seen.add(&id);
            }
        })?;
        Ok(repeated)
    }

    /// The catalogue's number for the item of each row.
    fn items(&self, table: &EventTable) -> Result<Vec<Result<u32, RowFault>>, TableError> {
        let mut items = vec![Err(RowFault::NoItem); table.rows()];
        table.each_id("item_id", &mut |row, id| {
            if let (Some(id), Some(item)) = (id, items.get_mut(row)) {
                *item = self.catalog.number(&id).ok_or(RowFault::UnknownItem);
            }
        })?;
        Ok(items)
    }

    /// What each row says of its item; a row without a type is a view.
    fn kinds(&mut self, table: &EventTable) -> Result<Vec<EventMeaning>, TableError> {
        let mut kinds = vec![EventMeaning::Kind(EventKind::View); table.rows()];
        let (types, unknown) = (&self.options.types, &mut self.log.unknown_types);
        table.each_type(&mut |row, name| {
            let (Some(name), Some(kind)) = (name, kinds.get_mut(row)) else { return };
            match types.meaning(name) {
                Some(meaning) => *kind = meaning,
                None => unknown.add(name),
            }
        })?;
        Ok(kinds)
    }

    fn check_columns(&mut self, table: &EventTable) -> Result<(), EventsError> {
        if !table.has_fixed_columns() {
            return Ok(());
        }
        let columns: Vec<String> = table.others().map(str::to_owned).collect();
        let Some((other, known)) = &self.columns else {
            self.columns = Some((table.file().to_owned(), columns));
            return Ok(());
        };
        let differs = |what, column: &String| EventsError::Columns {
            file: table.file().to_owned(),
            what,
            column: column.clone(),
            other: other.clone(),
        };
        if let Some(column) = columns.iter().find(|column| !known.contains(column)) {
            return Err(differs("has", column));
        }
        known
            .iter()
            .find(|column| !columns.contains(column))
            .map_or(Ok(()), |column| Err(differs("lacks", column)))
    }

    /// Adds the columns that are carried along.
    fn extra(&mut self, table: &EventTable, part: &Part) -> Result<(), EventsError> {
        for name in table.others() {
            if let Some(attribute) = Attribute::read(table.table(), name)? {
                self.append(table.file(), name, attribute)?;
            }
        }
        for name in &self.options.partition_columns {
            let missing = || EventsError::Partition { file: part.name.clone(), column: name.clone() };
            let value = part.partition(name).ok_or_else(missing)?.to_owned();
            // A file that has the column itself knows better.
            if !table.table().has(name) {
                self.append(table.file(), name, Attribute::Text(vec![Some(value); table.rows()]))?;
            }
        }
        Ok(())
    }

    fn append(&mut self, file: &str, name: &str, part: Attribute) -> Result<(), EventsError> {
        let at = match self.log.extra.iter().position(|(known, _)| known == name) {
            Some(at) => at,
            None => {
                self.log.extra.push((name.to_owned(), Attribute::Text(Vec::new())));
                self.log.extra.len() - 1
            }
        };
        let Some((_, whole)) = self.log.extra.get_mut(at) else { return Ok(()) };
        whole.pad(self.rows);
        let (found, expected) = (part.kind(), whole.kind());
        if whole.append(part) {
            return Ok(());
        }
        Err(EventsError::Type { file: file.to_owned(), column: name.to_owned(), found, expected })
    }
}

/// A summary of the rows that were left out, for a file without any other.
fn commonest(bad: &BadRows) -> String {
    let commonest = bad.faults().max_by_key(|(_, found)| found.count);
    commonest.map_or("there are no rows".to_owned(), |(fault, _)| fault.to_string())
}

/// Numbers ids by first appearance; `None` where missing.
fn numbers(
    table: &EventTable,
    column: &str,
    known: &mut HashMap<String, u32>,
    ids: &mut Vec<String>,
) -> Result<Vec<Option<u32>>, TableError> {
    let mut found = vec![None; table.rows()];
    table.each_id(column, &mut |row, id| {
        if let (Some(id), Some(found)) = (id, found.get_mut(row)) {
            *found = Some(*known.entry(id).or_insert_with_key(|id| {
                ids.push(id.clone());
                ids.len() as u32 - 1
            }));
        }
    })?;
    Ok(found)
}

/// The ids of events, as 128 bits of hash each: 16 bytes rather than the id, and two ids are taken for one with a
/// probability below 10⁻²⁰ at a billion events.
#[derive(Debug, Default)]
struct SeenIds {
    hashers: [DefaultHashBuilder; 2],
    seen: HashSet<(u64, u64)>,
}

impl SeenIds {
    /// Whether this id is new.
    fn add(&mut self, id: &str) -> bool {
        let [one, other] = &self.hashers;
        self.seen.insert((one.hash_one(id), other.hash_one(id)))
    }
}
