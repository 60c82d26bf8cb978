//! One column of one row group, batch by batch.

use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowGroups};
use parquet::arrow::{FieldLevels, ProjectionMask, parquet_to_arrow_field_levels};
use parquet::column::page::{PageIterator, PageReader};
use parquet::errors::Result;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::error::ReadError;
use super::page_head::PageHeads;
use super::pages::{Batches, Cause, Pages, Stopped};
use super::parquet_file::ParquetFile;

/// Rows that are decoded at a time: more of them take more memory in each thread, fewer cost more calls.
const BATCH_ROWS: usize = 8192;

/// Bytes that a batch should take at most: where rows are large, a batch has fewer of them.
const BATCH_BYTES: u64 = 16 << 20;

/// What is the same for all row groups.
pub(super) struct Column<'a> {
    pub(super) name: &'a str,
    levels: FieldLevels,
}

impl<'a> Column<'a> {
    pub(super) fn of(file: &ParquetFile, name: &'a str) -> std::result::Result<Self, ReadError> {
        let schema = file.schema();
        let mask = ProjectionMask::roots(schema, file.position(name));
        Ok(Self { name, levels: parquet_to_arrow_field_levels(schema, mask, None)? })
    }
}

/// See the module.
pub(super) struct GroupReader<'a> {
    file: &'a ParquetFile,
    column: &'a Column<'a>,
    group: usize,
    batches: Batches,
    reader: ParquetRecordBatchReader,
    stopped: Stopped,
    /// Whether rows have been handed out.
    begun: bool,
}

impl<'a> GroupReader<'a> {
    pub(super) fn new(
        file: &'a ParquetFile,
        column: &'a Column<'a>,
        group: usize,
    ) -> std::result::Result<Self, ReadError> {
        let batches = batches(file, column.name, group);
        let stopped = Stopped::default();
        let reader = open(file, column, group, batches, &stopped)?;
        Ok(Self { file, column, group, batches, reader, stopped, begun: false })
    }

    /// The next rows; `None` at the end.
    pub(super) fn next_batch(&mut self) -> std::result::Result<Option<ArrayRef>, ReadError> {
        loop {
            let error = match self.reader.next() {
                None => return Ok(None),
                Some(Ok(batch)) => {
                    let array = batch.columns().first().filter(|array| !array.is_empty());
                    self.begun = true;
                    return Ok(array.cloned());
                }
                Some(Err(error)) => error,
            };
            match self.stopped.take() {
                // Said by a dictionary, a group's first page.
                Some(Cause::FewerRows(rows)) if !self.begun && rows < self.batches.rows => {
                    self.batches.rows = rows;
                    self.reader = open(self.file, self.column, self.group, self.batches, &self.stopped)?;
                }
                Some(Cause::Fault(fault)) => return Err(ReadError::from(fault).in_column(self.column.name)),
                _ => return Err(ReadError::from(error).in_column(self.column.name)),
            }
        }
    }
}

/// The size of batches, by what the footer says of the rows.
fn batches(file: &ParquetFile, column: &str, group: usize) -> Batches {
    let group = file.metadata().row_group(group);
    let rows = group.num_rows().max(1) as u64;
    let chunks = file.chunks(group, column).iter();
    let (bytes, values) = chunks.fold((0u64, 0u64), |(bytes, values), chunk| {
        let own = chunk.uncompressed_size().max(0) as u64;
        (bytes.saturating_add(own), values.saturating_add(chunk.num_values().max(0) as u64))
    });
    // Repeated values are stored once: beside the bytes, what the least of values decodes to.
    let row = (bytes / rows).max(values.saturating_mul(8) / rows).max(1);
    let fits = usize::try_from(BATCH_BYTES / row).unwrap_or(BATCH_ROWS);
    Batches {
        rows: fits.clamp(1, BATCH_ROWS),
        usual_bytes: BATCH_BYTES,
        values_per_row: values.div_ceil(rows).max(1),
    }
}

fn open(
    file: &ParquetFile,
    column: &Column<'_>,
    group: usize,
    batches: Batches,
    stopped: &Stopped,
) -> std::result::Result<ParquetRecordBatchReader, ReadError> {
    let pages = OneGroup { file, group, batches, stopped };
    let reader =
        ParquetRecordBatchReader::try_new_with_row_groups(&column.levels, &pages, batches.rows, None);
    reader.map_err(|error| ReadError::from(error).in_column(column.name))
}

/// A row group as the format's reader wants it: with pages that are looked at on their way.
struct OneGroup<'a> {
    file: &'a ParquetFile,
    group: usize,
    batches: Batches,
    stopped: &'a Stopped,
}

impl RowGroups for OneGroup<'_> {
    fn num_rows(&self) -> usize {
        usize::try_from(self.file.metadata().row_group(self.group).num_rows()).unwrap_or_default()
    }

    fn column_chunks(&self, leaf: usize) -> Result<Box<dyn PageIterator>> {
        let chunk = self.file.metadata().row_group(self.group).column(leaf);
        let wrong = |error: ReadError| parquet::errors::ParquetError::General(error.to_string());
        let heads = PageHeads::of(self.file.file(), chunk).map_err(wrong)?;
        let reader = Arc::new(self.file.file().clone());
        let inner = SerializedPageReader::new(reader, chunk, self.num_rows(), None)?;
        let held = self.file.room().part();
        let pages = Pages::new(inner, heads, chunk, self.batches, held, self.stopped.clone());
        Ok(Box::new(OneChunk(Some(Box::new(pages)))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(std::iter::once(self.file.metadata().row_group(self.group)))
    }

    fn metadata(&self) -> &ParquetMetaData {
        self.file.metadata()
    }
}

/// The pages of the only chunk.
struct OneChunk(Option<Box<dyn PageReader>>);

impl Iterator for OneChunk {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(Ok)
    }
}

impl PageIterator for OneChunk {}
