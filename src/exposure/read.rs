//! Reads exposures back: files of JSON lines, as the sinks `file` and `jsonl` write them, and Parquet, as the lake has
//! it or an engine has rewritten it.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};

use serde_json::value::RawValue;
use thiserror::Error;

use super::shown::{Shown, ShownItem};
use crate::artifact::table::{Cell, Table, TableError, TableLimits};
use crate::artifact::{Part, PartFormat};

/// Columns that no file of exposures lacks.
const NEEDED: [&str; 5] = ["recommendation_id", "time", "placement", "item_id", "rank"];

/// Why exposures cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// A Parquet file.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A file that cannot be read.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// A line that is no exposure.
    #[error("{file}: line {line} is no exposure: {source}; are these events? Give those to --events")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A table of something else.
    #[error(
        "{file}: has no column \"{column}\", so it has no exposures; are these events? Give those to --events"
    )]
    Other {
        /// The file.
        file: String,
        /// The column.
        column: &'static str,
    },
    /// CSV.
    #[error("{file}: exposures are read from Parquet and JSON lines, not from CSV")]
    Csv {
        /// The file.
        file: String,
    },
}

/// Visits the exposures of a file in its order. Of JSON lines one is in memory at a time, of Parquet one row group.
///
/// # Errors
/// A file that cannot be read, or that has something else.
pub fn read(part: &Part, visit: &mut dyn FnMut(&Shown)) -> Result<(), ReadError> {
    match part.format() {
        PartFormat::JsonLines => read_lines(part, visit),
        PartFormat::Csv => Err(ReadError::Csv { file: part.name.clone() }),
        PartFormat::Parquet => {
            let table = Table::open_part(part, &TableLimits::default())?;
            if let Some(column) = NEEDED.into_iter().find(|column| !table.has(column)) {
                return Err(ReadError::Other { file: part.name.clone(), column });
            }
            for group in 0..table.groups() {
                read_group(&table.group(group)?)?.iter().for_each(&mut *visit);
            }
            Ok(())
        }
    }
}

fn read_lines(part: &Part, visit: &mut dyn FnMut(&Shown)) -> Result<(), ReadError> {
    let failed = |source| ReadError::Io { file: part.name.clone(), source };
    let mut input = BufReader::with_capacity(1 << 20, File::open(&part.path).map_err(failed)?);
    let (mut text, mut line) = (Vec::new(), 0);
    loop {
        text.clear();
        line += 1;
        if input.read_until(b'\n', &mut text).map_err(failed)? == 0 {
            return Ok(());
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<Shown>(&text) {
            Ok(mut shown) => {
                shown.items = shown.impressions.len();
                visit(&shown);
            }
            // Half a line at the end is what a writer was just at, or was killed at.
            Err(_) if text.last() != Some(&b'\n') => return Ok(()),
            Err(source) => return Err(ReadError::Line { file: part.name.clone(), line, source }),
        }
    }
}

/// The exposures of a row group: rows that follow each other and have one `recommendation_id` are one.
fn read_group(table: &Table) -> Result<Vec<Shown>, TableError> {
    let mut rows = Rows { table, shown: Vec::new(), places: Vec::with_capacity(table.rows()) };
    table.each("recommendation_id", &mut |_, cell| {
        let id = if let Cell::Text(id) = cell { id } else { "" };
        if rows.shown.last().is_none_or(|last| last.recommendation_id != id) {
            rows.shown.push(Shown { recommendation_id: id.to_owned(), ..Shown::default() });
        }
        let exposure = rows.shown.len() - 1;
        let item = match rows.places.last() {
            Some((before, item)) if *before == exposure => item + 1,
            _ => 0,
        };
        rows.places.push((exposure, item));
        Ok(())
    })?;
    rows.text("placement", |shown, text| text.clone_into(&mut shown.placement))?;
    rows.text("snapshot", |shown, text| text.clone_into(&mut shown.snapshot))?;
    rows.text("level", |shown, text| text.clone_into(&mut shown.level))?;
    rows.text("user_id", |shown, text| shown.user_id = Some(text.to_owned()))?;
    rows.text("visitor_id", |shown, text| shown.visitor_id = Some(text.to_owned()))?;
    rows.text("session_id", |shown, text| shown.session_id = Some(text.to_owned()))?;
    rows.text("variant", |shown, text| shown.variant = Some(text.to_owned()))?;
    rows.text("asked", |shown, text| shown.asked = RawValue::from_string(text.to_owned()).ok())?;
    rows.number("time", |shown, number| shown.time_ms = number)?;
    rows.number("clock", |shown, number| shown.clock_ms = Some(number))?;
    rows.number("live_epoch", |shown, number| shown.live_epoch = number)?;
    rows.number("items", |shown, number| shown.items = number.max(0) as usize)?;
    rows.texts("causes", |shown, texts| shown.causes = texts)?;
    rows.texts("skipped_stages", |shown, texts| shown.skipped_stages = texts)?;
    rows.items()?;
    Ok(rows.shown)
}

struct Rows<'t> {
    table: &'t Table,
    shown: Vec<Shown>,
    /// Which exposure each row is of, and the how many-th of its items.
    places: Vec<(usize, usize)>,
}

impl Rows<'_> {
    /// Hands a column's cells to `set`, one for each exposure: that of its first row, which alone has what is too long
    /// to be repeated.
    fn each(&mut self, column: &str, mut set: impl FnMut(&mut Shown, Cell<'_>)) -> Result<(), TableError> {
        if !self.table.has(column) {
            return Ok(());
        }
        let (shown, places) = (&mut self.shown, &self.places);
        self.table.each(column, &mut |row, cell| {
            if let Some(&(exposure, 0)) = places.get(row)
                && let Some(shown) = shown.get_mut(exposure)
            {
                set(shown, cell);
            }
            Ok(())
        })
    }

    fn text(&mut self, column: &str, set: impl Fn(&mut Shown, &str)) -> Result<(), TableError> {
        self.each(column, |shown, cell| {
            if let Cell::Text(text) = cell {
                set(shown, text);
            }
        })
    }

    fn number(&mut self, column: &str, set: impl Fn(&mut Shown, i64)) -> Result<(), TableError> {
        self.each(column, |shown, cell| {
            if let Cell::Int(number) | Cell::Time(number) = cell {
                set(shown, number);
            }
        })
    }

    fn texts(&mut self, column: &str, set: impl Fn(&mut Shown, Vec<String>)) -> Result<(), TableError> {
        self.each(column, |shown, cell| {
            if let Cell::Texts(texts) = cell {
                set(shown, texts.into_iter().map(str::to_owned).collect());
            }
        })
    }

    fn items(&mut self) -> Result<(), TableError> {
        let Self { table, shown, places } = self;
        table.each("item_id", &mut |row, cell| {
            if let (Some(shown), Cell::Text(id)) = (places.get(row).and_then(|at| shown.get_mut(at.0)), &cell)
            {
                shown.impressions.push(ShownItem { item_id: (*id).to_owned(), ..ShownItem::default() });
            }
            Ok(())
        })?;
        let mut each = |column: &str, set: fn(&mut ShownItem, Cell<'_>)| {
            if !table.has(column) {
                return Ok(());
            }
            table.each(column, &mut |row, cell| {
                let place = places.get(row);
                let item = place.and_then(|at| shown.get_mut(at.0)?.impressions.get_mut(at.1));
                if let Some(item) = item {
                    set(item, cell);
                }
                Ok(())
            })
        };
        each("rank", |item, cell| {
            if let Cell::Int(rank) = cell {
                item.rank = i32::try_from(rank).unwrap_or_default();
            }
        })?;
        each("score", |item, cell| {
            if let Cell::Float(score) = cell {
                item.score = Some(score as f32);
            }
        })?;
        each("source", |item, cell| {
            if let Cell::Text(source) = cell {
                source.clone_into(&mut item.source);
            }
        })
    }
}
