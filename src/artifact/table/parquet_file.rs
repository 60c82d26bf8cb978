//! Parquet, read one column at a time in small batches. Arrow's own metadata is ignored, so that every writer looks
//! alike.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_schema::DataType;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::ParquetMetaData;
use rayon::prelude::*;

use super::arrow_cells::with_cells;
use super::error::{CellError, ReadError, Stop};
use super::positioned::Positioned;
use super::{Cell, CellKind, Visit};

/// Rows that are decoded at a time: more of them take more memory in each thread, fewer cost more calls.
const BATCH_ROWS: usize = 8192;

#[derive(Debug, Clone)]
pub(super) struct ParquetFile {
    file: Positioned,
    metadata: ArrowReaderMetadata,
    /// The only row group that is read; all of them where `None`.
    group: Option<usize>,
}

/// What a footer promises.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared {
    pub(super) rows: u64,
    /// After decompression.
    pub(super) bytes: u64,
}

impl ParquetFile {
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        Self::new(Positioned::File(Arc::new(File::open(path)?)))
    }

    pub(super) fn from_bytes(bytes: Bytes) -> Result<Self, ReadError> {
        Self::new(Positioned::Memory(bytes))
    }

    fn new(file: Positioned) -> Result<Self, ReadError> {
        // Arrow's types, where a writer notes them, would have dictionaries and views where others have plain text.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(&file, options)?;
        Ok(Self { file, metadata, group: None })
    }

    /// How many row groups the file has.
    pub(super) fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// Only the rows of one row group.
    pub(super) fn only_group(&self, group: usize) -> Self {
        Self { file: self.file.clone(), metadata: self.metadata.clone(), group: Some(group) }
    }

    /// Rows and uncompressed bytes, as the footer declares them.
    pub(super) fn declared(&self) -> Declared {
        let groups = self.metadata.metadata().row_groups();
        let groups = match self.group {
            Some(group) => groups.get(group..=group).unwrap_or(&[]),
            None => groups,
        };
        let sum = |number: fn(&parquet::file::metadata::RowGroupMetaData) -> i64| {
            groups.iter().fold(0u64, |sum, group| sum.saturating_add(number(group).max(0) as u64))
        };
        Declared { rows: sum(|group| group.num_rows()), bytes: sum(|group| group.total_byte_size()) }
    }

    /// Uncompressed bytes of a column, as the footer declares them.
    pub(super) fn column_bytes(&self, column: &str) -> u64 {
        let groups = self.metadata.metadata().row_groups().iter();
        let chunks = groups.flat_map(|group| group.columns());
        let own =
            chunks.filter(|chunk| chunk.column_path().parts().first().is_some_and(|part| part == column));
        own.fold(0u64, |sum, chunk| sum.saturating_add(chunk.uncompressed_size().max(0) as u64))
    }

    pub(super) fn columns(&self) -> Vec<(String, CellKind)> {
        let fields = self.metadata.schema().fields();
        fields.iter().map(|field| (field.name().clone(), kind(field.data_type()))).collect()
    }

    /// Visits a column; refuses it once it has decoded to more than `limit` bytes, whatever the footer declared: a text
    /// that is stored once and repeated in every row weighs next to nothing there.
    pub(super) fn each(&self, column: &str, limit: u64, visit: Visit<'_>) -> Result<(), Stop> {
        self.scan(column, self.group, &Allowance::new(limit), visit)
    }

    /// Visits the first rows of a column.
    pub(super) fn head(&self, column: &str, rows: usize, limit: u64, visit: Visit<'_>) -> Result<(), Stop> {
        let builder = self.builder(column).with_limit(rows).with_batch_size(BATCH_ROWS);
        let reader = builder.build().map_err(|error| ReadError::from(error).in_column(column))?;
        self.visit_batches(column, reader, &Allowance::new(limit), visit).map(|_| ())
    }

    pub(super) fn file(&self) -> &Positioned {
        &self.file
    }

    pub(super) fn metadata(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    /// Visits a column in several threads, a row group each: `visit` gets what `slots` made of the group's number of
    /// rows.
    ///
    /// Of several refused rows the first is told.
    pub(super) fn each_apart<S: Send>(
        &self,
        column: &str,
        limit: u64,
        mut slots: impl FnMut(usize) -> S,
        visit: impl Fn(&mut S, usize, Cell<'_>) -> Result<(), CellError> + Sync,
    ) -> Result<(), Stop> {
        let groups = self.metadata.metadata().row_groups().iter().enumerate();
        let groups = groups.filter(|(at, _)| self.group.is_none_or(|group| group == *at));
        let mut first = 0;
        let mut parts: Vec<Part<S>> = Vec::new();
        for (group, about) in groups {
            let rows = usize::try_from(about.num_rows()).unwrap_or_default();
            parts.push(Part { group, first, slots: slots(rows) });
            first += rows;
        }
        // One allowance for all threads: each by itself would let a column decode to a multiple of the limit.
        let allowance = Allowance::new(limit);
        let outcomes: Vec<Result<(), Stop>> = parts
            .into_par_iter()
            .map(|Part { group, first, mut slots }| {
                let each: Visit<'_> = &mut |row, cell| visit(&mut slots, row, cell);
                self.scan(column, Some(group), &allowance, each).map_err(|stop| stop.moved_by(first))
            })
            .collect();
        // In the order of the groups, whichever thread was first.
        outcomes.into_iter().collect()
    }

    fn scan(
        &self,
        column: &str,
        group: Option<usize>,
        allowance: &Allowance,
        visit: Visit<'_>,
    ) -> Result<(), Stop> {
        let groups = self.metadata().row_groups().iter().enumerate();
        let own = groups.filter(|(at, _)| group.is_none_or(|group| group == *at));
        let declared: i64 = own.map(|(_, about)| about.num_rows()).sum();
        let builder = self.builder(column).with_batch_size(BATCH_ROWS);
        let builder = match group {
            Some(group) => builder.with_row_groups(vec![group]),
            None => builder,
        };
        let reader = builder.build().map_err(|error| ReadError::from(error).in_column(column))?;
        let found = self.visit_batches(column, reader, allowance, visit)?;
        // A row that a broken page swallows would shift all that follow it against the other columns.
        if found as i64 != declared {
            return Err(ReadError::Rows { found, declared }.in_column(column).into());
        }
        Ok(())
    }

    fn visit_batches(
        &self,
        column: &str,
        reader: ParquetRecordBatchReader,
        allowance: &Allowance,
        visit: Visit<'_>,
    ) -> Result<usize, Stop> {
        let mut first = 0;
        for batch in reader {
            let batch = batch.map_err(|error| ReadError::from(error).in_column(column))?;
            let Some(array) = batch.columns().first() else { break };
            // What the batch does take, and not what the footer says it takes.
            allowance.take(array.to_data().get_slice_memory_size().unwrap_or(usize::MAX) as u64)?;
            let visited = with_cells(array, &mut |at, cell| {
                visit(first + at, cell).map_err(|reason| Stop::Refused { row: at, reason })
            });
            visited.map_err(|stop| stop.moved_by(first))?;
            first += array.len();
        }
        Ok(first)
    }

    fn builder(&self, column: &str) -> ParquetRecordBatchReaderBuilder<Positioned> {
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata.clone());
        // By position, as a name with a dot in it would be taken for a path.
        let position = self.metadata.schema().fields().iter().position(|field| field.name() == column);
        let mask = ProjectionMask::roots(builder.parquet_schema(), position);
        let builder = builder.with_projection(mask);
        match self.group {
            Some(group) => builder.with_row_groups(vec![group]),
            None => builder,
        }
    }
}

fn kind(data_type: &DataType) -> CellKind {
    match data_type {
        DataType::Boolean => CellKind::Bool,
        // Of any width: what a writer chose to save space is none of a reader's business.
        t if t.is_integer() => CellKind::Int,
        DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) => CellKind::Float,
        DataType::Utf8 => CellKind::Text,
        DataType::Timestamp(..) | DataType::Date32 => CellKind::Time,
        DataType::List(item) | DataType::LargeList(item) => match item.data_type() {
            DataType::Utf8 => CellKind::Texts,
            DataType::Float32 | DataType::Float64 => CellKind::Floats,
            other => CellKind::Other(format!("a list of {other}")),
        },
        other => CellKind::Other(other.to_string()),
    }
}

/// A row group that is visited by itself.
struct Part<S> {
    group: usize,
    /// The number of its first row in the file.
    first: usize,
    slots: S,
}

/// The bytes that a column may still decode to.
struct Allowance {
    limit: u64,
    decoded: AtomicU64,
}

impl Allowance {
    fn new(limit: u64) -> Self {
        Self { limit, decoded: AtomicU64::new(0) }
    }

    fn take(&self, bytes: u64) -> Result<(), Stop> {
        let decoded = self.decoded.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if decoded > self.limit { Err(Stop::TooLarge(decoded)) } else { Ok(()) }
    }
}
