//! Exposures as Parquet below an object store's prefix or a directory: one object for each segment of the spool.
//!
//! An object's name and bytes follow from its segment alone. Storing a segment once more, after a crash or an answer
//! that got lost, replaces an object by itself: at rest every exposure is there exactly once.

mod columns;

use std::sync::Arc;

use self::columns::Rows;
use super::super::record::calendar;
use super::super::shown::Shown;
use super::super::spool::SegmentReader;
use super::{Cause, SegmentSink};
use crate::artifact::table::TableStream;
use crate::artifact::{ArtifactStore, Condition};

/// Upper bound on the bytes of exposures that are turned into columns at once; raising it takes memory and saves
/// little, as the file's row group is one anyway.
const BATCH_BYTES: usize = 1 << 20;
/// The same in exposures.
const BATCH: usize = 4096;

/// Writes one Parquet object for each segment, with a row for each impression.
#[derive(Debug)]
pub struct Lake {
    store: Arc<dyn ArtifactStore>,
}

impl Lake {
    /// Writes into this store.
    pub fn new(store: Arc<dyn ArtifactStore>) -> Self {
        Self { store }
    }
}

/// An object that a segment becomes.
struct Object {
    key: String,
    bytes: Vec<u8>,
    exposures: u64,
}

impl Object {
    /// Puts the object together. `None` where the segment has no exposure that can be read.
    ///
    /// In memory: it has a fraction of the segment's bytes, and a disk that is full must not keep the spool from being
    /// emptied.
    fn of(segment: &mut SegmentReader) -> Result<Option<Self>, Cause> {
        let mut table = TableStream::in_memory(&segment.name().to_string());
        let (mut key, mut exposures, mut unreadable) = (None, 0, 0);
        while let Some(batch) = segment.next_batch(BATCH, BATCH_BYTES)? {
            let mut rows = Rows::default();
            for record in batch.records() {
                let Ok(shown) = serde_json::from_slice::<Shown>(record.bytes) else {
                    unreadable += 1;
                    continue;
                };
                if key.is_none() {
                    key = Some((record.hour(), shown.replica.clone()));
                }
                rows.add(&shown);
                exposures += 1;
            }
            if !rows.is_empty() {
                rows.write(&mut table)?;
            }
        }
        if unreadable > 0 {
            let segment = segment.name();
            tracing::warn!(%segment, unreadable, "records are no exposures and were left out of the lake");
        }
        let Some((hour, replica)) = key else { return Ok(None) };
        let name = segment.name();
        let hour = calendar(hour).format("dt=%Y-%m-%d/hour=%H");
        let key = format!("exposures/{hour}/{replica}-{}-{:08}.parquet", name.boot, name.number);
        Ok(Some(Self { key, bytes: table.close()?, exposures }))
    }
}

impl SegmentSink for Lake {
    fn store(&mut self, segment: &mut SegmentReader) -> Result<u64, Cause> {
        let Some(object) = Object::of(segment)? else { return Ok(0) };
        self.store.write(&object.key, &object.bytes, Condition::Always)?;
        Ok(object.exposures)
    }
}
