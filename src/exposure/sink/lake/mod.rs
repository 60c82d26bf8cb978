//! Records as Parquet below an object store's prefix or a directory: one object for each segment of the spool, for
//! events up to two.
//!
//! An object's name and bytes follow from its segment alone. Storing a segment once more, after a crash or an answer
//! that got lost, replaces an object by itself: at rest every record is there exactly once. Only if somebody was
//! forgotten meanwhile they are missing in the bytes of later.

mod columns;
mod rows;

use std::sync::Arc;

use serde::de::DeserializeOwned;

use self::columns::ShownRows;
use self::rows::{EventRows, ForgottenRows, Letter, LetterRows, Rows, Written};
use super::super::What;
use super::super::record::calendar;
use super::super::screen::FORGET;
use super::super::shown::Shown;
use super::super::spool::{SegmentName, SegmentReader};
use super::{Cause, SegmentSink};
use crate::artifact::table::{TableError, TableStream};
use crate::artifact::{ArtifactStore, Condition};

/// Upper bound on the bytes of records that are turned into columns at once; raising it takes memory and saves
/// little, as the file's row group is one anyway.
const BATCH_BYTES: usize = 1 << 20;
/// The same in records.
const BATCH: usize = 4096;

/// Writes Parquet objects for each segment: of exposures with a row for each impression, of events and dead letters
/// with a row for each.
#[derive(Debug)]
pub struct Lake {
    store: Arc<dyn ArtifactStore>,
    what: What,
}

impl Lake {
    /// Writes records of this kind into this store.
    pub fn new(store: Arc<dyn ArtifactStore>, what: What) -> Self {
        Self { store, what }
    }
}

impl SegmentSink for Lake {
    fn store(&mut self, segment: &mut SegmentReader) -> Result<u64, Cause> {
        let objects = match self.what {
            What::Exposures => shown(segment)?,
            What::Events => events(segment)?,
            What::Dead => letters(segment)?,
        };
        let mut count = 0;
        for object in objects.into_iter().flatten() {
            self.store.write(&object.key, &object.bytes, Condition::Always)?;
            count += object.records;
        }
        Ok(count)
    }
}

/// An object that a segment becomes.
struct Object {
    key: String,
    bytes: Vec<u8>,
    records: u64,
}

/// A table under way, in memory: it has a fraction of the segment's bytes, and a disk that is full must not keep the
/// spool from being emptied.
struct Building<R> {
    table: TableStream<Vec<u8>>,
    rows: R,
    records: u64,
    /// Whether `rows` has any.
    has_rows: bool,
}

impl<R: Rows> Building<R> {
    fn new(segment: &SegmentName) -> Self {
        let table = TableStream::in_memory(&segment.to_string());
        Self { table, rows: R::default(), records: 0, has_rows: false }
    }

    fn add(&mut self, record: &R::Record) {
        self.rows.add(record);
        (self.records, self.has_rows) = (self.records + 1, true);
    }

    /// Writes the rows so far: memory is bounded by a batch of them as columns.
    fn write(&mut self) -> Result<(), TableError> {
        let rows = std::mem::take(&mut self.rows);
        if std::mem::take(&mut self.has_rows) { rows.write(&mut self.table) } else { Ok(()) }
    }

    /// The object in a folder, if it has any row. `name`: what it is called, without the ending.
    fn close(self, folder: &str, hour: i64, name: &str) -> Result<Option<Object>, TableError> {
        if self.records == 0 {
            return Ok(None);
        }
        let hour = calendar(hour).format("dt=%Y-%m-%d/hour=%H");
        let key = format!("{folder}/{hour}/{name}.parquet");
        Ok(Some(Object { key, bytes: self.table.close()?, records: self.records }))
    }
}

fn shown(segment: &mut SegmentReader) -> Result<Vec<Option<Object>>, Cause> {
    let mut table = Building::<ShownRows>::new(segment.name());
    let mut first = None;
    read(segment, |exposures: &[(i64, Shown)]| {
        for (hour, shown) in exposures {
            first.get_or_insert_with(|| (*hour, shown.replica.clone()));
            table.add(shown);
        }
        table.write()
    })?;
    let Some((hour, replica)) = first else { return Ok(Vec::new()) };
    let name = format!("{replica}-{}", stem(segment));
    Ok(vec![table.close(What::Exposures.as_str(), hour, &name)?])
}

fn events(segment: &mut SegmentReader) -> Result<Vec<Option<Object>>, Cause> {
    let mut events = Building::<EventRows>::new(segment.name());
    let mut forgotten = Building::<ForgottenRows>::new(segment.name());
    let mut first = None;
    read(segment, |written: &[(i64, Written)]| {
        for (hour, event) in written {
            first.get_or_insert(*hour);
            // Apart from the others: who reads the lake has to find them without reading all of it.
            if event.event_type == FORGET { forgotten.add(event) } else { events.add(event) }
        }
        events.write()?;
        forgotten.write()
    })?;
    let (hour, name) = (first.unwrap_or_default(), stem(segment));
    Ok(vec![events.close(What::Events.as_str(), hour, &name)?, forgotten.close("forgotten", hour, &name)?])
}

fn letters(segment: &mut SegmentReader) -> Result<Vec<Option<Object>>, Cause> {
    let mut table = Building::<LetterRows>::new(segment.name());
    let mut first = None;
    read(segment, |letters: &[(i64, Letter)]| {
        for (hour, letter) in letters {
            first.get_or_insert(*hour);
            table.add(letter);
        }
        table.write()
    })?;
    Ok(vec![table.close(What::Dead.as_str(), first.unwrap_or_default(), &stem(segment))?])
}

/// The process and number of a segment, which no other has.
fn stem(segment: &SegmentReader) -> String {
    let name = segment.name();
    format!("{}-{:08}", name.boot, name.number)
}

/// Reads a segment; `each` is given some of its records at a time, with their hours. What cannot be read is counted and
/// left out.
fn read<T: DeserializeOwned>(
    segment: &mut SegmentReader,
    mut each: impl FnMut(&[(i64, T)]) -> Result<(), TableError>,
) -> Result<(), Cause> {
    let mut unreadable = 0;
    while let Some(batch) = segment.next_batch(BATCH, BATCH_BYTES)? {
        let mut read = Vec::new();
        for record in batch.records().iter().filter(|record| !record.bytes.is_empty()) {
            match serde_json::from_slice(record.bytes) {
                Ok(one) => read.push((record.hour(), one)),
                Err(_) => unreadable += 1,
            }
        }
        each(&read)?;
    }
    if unreadable > 0 {
        let segment = segment.name();
        tracing::warn!(%segment, unreadable, "records cannot be read and were left out of the lake");
    }
    Ok(())
}
