//! One file of events as columns, under whichever of the known names it has them.

use super::event_cells::{from_integer, id_text, is_plausible, parse_time_ms};
use super::events_error::EventsError;
use crate::artifact::table::{Cell, CellKind, Table, TableError, TableLimits};
use crate::artifact::{Part, PartFormat};

/// The names of a column, the usual one first and the one of events in Larder's own words behind it.
const TYPE: [&str; 2] = ["event_type", "type"];
const TIME: [&str; 2] = ["timestamp", "time"];
const ID: [&str; 2] = ["event_id", "id"];

/// Columns that are read by name, or are of no use beside an item: others are carried along.
const NAMED: [&str; 14] = [
    "user_id",
    "session_id",
    "item_id",
    "event_type",
    "type",
    "timestamp",
    "time",
    "event_id",
    "id",
    "recommendation_id",
    "attribution_token",
    "consent",
    "set",
    "unset",
];

/// An open file of events.
#[derive(Debug)]
pub struct EventTable {
    table: Table,
    event_type: &'static str,
    time: &'static str,
    id: Option<&'static str>,
    /// Whether a column may be missing: lines of JSON leave out what they do not say.
    is_loose: bool,
}

impl EventTable {
    /// Opens a part, and refuses one without the columns that every event needs.
    ///
    /// # Errors
    /// An unreadable file, a missing column or one of the wrong type, exposures instead of events.
    pub fn open(part: &Part) -> Result<Self, EventsError> {
        let table = Table::open_part(part, &TableLimits::default())?;
        let is_exposures = table.has("placement")
            && (table.has("impressions") || table.has("rank") && table.has("recommendation_id"));
        if is_exposures {
            return Err(EventsError::Exposures { file: part.name.clone() });
        }
        let is_loose = part.format() == PartFormat::JsonLines;
        let one_of = |names: [&'static str; 2]| names.into_iter().find(|name| table.has(name));
        let event_type = one_of(TYPE).unwrap_or(TYPE[usize::from(is_loose)]);
        let time = one_of(TIME).unwrap_or(TIME[usize::from(is_loose)]);
        let id = one_of(ID);
        let found = Self { table, event_type, time, id, is_loose };
        // A file without events has no column at all.
        if !is_loose || found.table.rows() > 0 {
            found.check()?;
        }
        Ok(found)
    }

    fn check(&self) -> Result<(), TableError> {
        let ids = [CellKind::Text, CellKind::Int];
        for column in ["session_id", "item_id"] {
            if !self.is_loose || self.table.has(column) {
                self.table.expect(column, &ids, "text or an integer")?;
            }
        }
        let times = [CellKind::Time, CellKind::Text, CellKind::Int, CellKind::Float];
        let times = if self.is_loose { &times[..] } else { &times[..3] };
        self.table.expect(self.time, times, "a timestamp, text or an integer")?;
        // Required, even if every cell is missing: a file without the column is more likely to be another export
        // than all views.
        self.table.kind(self.event_type)?;
        if !self.is_loose {
            self.table.kind("user_id")?;
        }
        Ok(())
    }

    /// What the file is called in messages.
    pub fn file(&self) -> &str {
        self.table.file()
    }

    /// How many events it has.
    pub fn rows(&self) -> usize {
        self.table.rows()
    }

    /// Whether all files of this format have the same columns.
    pub fn has_fixed_columns(&self) -> bool {
        !self.is_loose
    }

    /// The columns that are carried along, by name.
    pub fn others(&self) -> impl Iterator<Item = &str> {
        self.table.columns().iter().map(|(name, _)| name.as_str()).filter(|name| !NAMED.contains(name))
    }

    /// The file as a table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Visits the ids of a column, by row; nothing where there is no such column.
    ///
    /// # Errors
    /// An unreadable file.
    pub fn each_id(
        &self,
        column: &str,
        visit: &mut dyn FnMut(usize, Option<String>),
    ) -> Result<(), TableError> {
        if !self.table.has(column) {
            return Ok(());
        }
        self.table.each(column, &mut |row, cell| {
            visit(row, id_text(&cell));
            Ok(())
        })
    }

    /// Visits the events' own ids; nothing where they have none.
    ///
    /// # Errors
    /// An unreadable file.
    pub fn each_event_id(&self, visit: &mut dyn FnMut(usize, Option<String>)) -> Result<(), TableError> {
        self.id.map_or(Ok(()), |column| self.each_id(column, visit))
    }

    /// Visits the names of the types; `None` for an event without one.
    ///
    /// # Errors
    /// An unreadable file.
    pub fn each_type(&self, visit: &mut dyn FnMut(usize, Option<&str>)) -> Result<(), TableError> {
        if self.rows() == 0 {
            return Ok(());
        }
        self.table.each(self.event_type, &mut |row, cell| {
            visit(row, if let Cell::Text(name) = cell { Some(name) } else { None });
            Ok(())
        })
    }

    /// Visits the times; `None` for one that cannot be used.
    ///
    /// # Errors
    /// An unreadable file.
    pub fn each_time(&self, visit: &mut dyn FnMut(usize, Option<i64>)) -> Result<(), TableError> {
        if self.rows() == 0 {
            return Ok(());
        }
        self.table.each(self.time, &mut |row, cell| {
            visit(row, time_ms(&cell));
            Ok(())
        })
    }

    /// Whether the subject of each event let nothing be kept of it.
    ///
    /// # Errors
    /// An unreadable file.
    pub fn denied(&self) -> Result<Vec<bool>, TableError> {
        let mut denied = vec![false; self.rows()];
        if self.table.has("consent") {
            self.table.each("consent", &mut |row, cell| {
                if let (Some(denied), Cell::Text(consent)) = (denied.get_mut(row), cell) {
                    *denied = consent.eq_ignore_ascii_case("denied");
                }
                Ok(())
            })?;
        }
        Ok(denied)
    }
}

fn time_ms(cell: &Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Time(time) => Some(*time).filter(is_plausible),
        Cell::Int(number) => from_integer(*number),
        Cell::Float(number) => from_float(*number),
        // In lines of JSON, times of both kinds make a column of text.
        Cell::Text(text) => match (text.parse(), text.parse()) {
            (Ok(number), _) => from_integer(number),
            (_, Ok(number)) => from_float(number),
            _ => parse_time_ms(text).filter(is_plausible),
        },
        _ => None,
    }
}

fn from_float(number: f64) -> Option<i64> {
    // Seconds may have a fraction that says something; units that are smaller have none.
    if number.abs() < 1e11 {
        return Some((number * 1000.0) as i64).filter(is_plausible);
    }
    from_integer(number as i64)
}
