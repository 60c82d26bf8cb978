//! Parquet, read one column at a time in small batches. Arrow's own metadata is ignored, so that every writer looks
//! alike.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::ParquetMetaData;
use rayon::prelude::*;

use super::error::{BadCell, CellError, ReadError, Stop};
use super::positioned::Positioned;
use super::{Cell, CellKind, Visit};

const BATCH_ROWS: usize = 8192;
const DAY_MS: i64 = 86_400_000;

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
        let parts: Vec<(usize, usize, S)> = groups
            .map(|(group, about)| {
                let rows = usize::try_from(about.num_rows()).unwrap_or_default();
                first += rows;
                (group, first - rows, slots(rows))
            })
            .collect();
        let allowance = Allowance::new(limit);
        let outcomes: Vec<Result<(), Stop>> = parts
            .into_par_iter()
            .map(|(group, first, mut slot)| {
                let moved = |stop| match stop {
                    Stop::Refused { row, reason } => Stop::Refused { row: first + row, reason },
                    other => other,
                };
                let each: Visit<'_> = &mut |row, cell| visit(&mut slot, row, cell);
                self.scan(column, Some(group), &allowance, each).map_err(moved)
            })
            .collect();
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
            allowance.take(array.to_data().get_slice_memory_size().unwrap_or(usize::MAX) as u64)?;
            let moved = |stop| match stop {
                Stop::Refused { row, reason } => Stop::Refused { row: first + row, reason },
                other => other,
            };
            with_cells(array, &mut |at, cell| {
                visit(first + at, cell).map_err(|reason| Stop::Refused { row: at, reason })
            })
            .map_err(moved)?;
            first += array.len();
        }
        Ok(first)
    }

    fn builder(&self, column: &str) -> ParquetRecordBatchReaderBuilder<Positioned> {
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata.clone());
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

/// Visits the cells of a batch. What large tables are made of is told apart once a batch, the rest once a cell.
fn with_cells(
    array: &ArrayRef,
    visit: &mut dyn FnMut(usize, Cell<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    match array.data_type() {
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            (0..texts.len()).try_for_each(|at| match texts.is_null(at) {
                false => visit(at, Cell::Text(texts.value(at))),
                true => visit(at, Cell::Null),
            })
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) if array.null_count() == 0 => {
            let mut times = array.as_primitive::<TimestampMillisecondType>().values().iter().enumerate();
            times.try_for_each(|(at, time)| visit(at, Cell::Time(*time)))
        }
        DataType::List(item) if *item.data_type() == DataType::Float32 => {
            let lists = array.as_list::<i32>();
            let (values, ends) = (lists.values(), lists.value_offsets());
            let floats = values.as_primitive::<Float32Type>().values();
            (0..lists.len()).try_for_each(|at| {
                let part = ends[at] as usize..ends[at + 1] as usize;
                match (lists.is_null(at), values.null_count()) {
                    (true, _) => visit(at, Cell::Null),
                    (false, 0) => visit(at, Cell::Floats(floats.get(part).unwrap_or_default())),
                    (false, _) => with_cell(array, at, visit),
                }
            })
        }
        DataType::List(item) if *item.data_type() == DataType::Utf8 => {
            let lists = array.as_list::<i32>();
            let (values, ends) = (lists.values().as_string::<i32>(), lists.value_offsets());
            (0..lists.len()).try_for_each(|at| {
                if lists.is_null(at) {
                    return visit(at, Cell::Null);
                }
                let part = ends[at] as usize..ends[at + 1] as usize;
                let present = part.filter(|place| !values.is_null(*place));
                visit(at, Cell::Texts(present.map(|place| values.value(place)).collect()))
            })
        }
        _ => (0..array.len()).try_for_each(|at| with_cell(array, at, visit)),
    }
}

fn with_cell(
    array: &ArrayRef,
    at: usize,
    visit: &mut dyn FnMut(usize, Cell<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut passed = Ok(());
    let outcome = one_cell(array, at, &mut |cell| {
        passed = visit(at, cell);
        Ok(())
    });
    match outcome {
        Ok(()) => passed,
        Err(reason) => Err(Stop::Refused { row: at, reason }),
    }
}

type Outcome = Result<(), CellError>;

fn one_cell(array: &ArrayRef, at: usize, visit: &mut dyn FnMut(Cell<'_>) -> Outcome) -> Outcome {
    if array.is_null(at) {
        return visit(Cell::Null);
    }
    macro_rules! number {
        ($kind:ty) => {
            array.as_primitive::<$kind>().value(at)
        };
    }
    match array.data_type() {
        DataType::Boolean => visit(Cell::Bool(array.as_boolean().value(at))),
        DataType::Int8 => visit(Cell::Int(number!(Int8Type).into())),
        DataType::Int16 => visit(Cell::Int(number!(Int16Type).into())),
        DataType::Int32 => visit(Cell::Int(number!(Int32Type).into())),
        DataType::Int64 => visit(Cell::Int(number!(Int64Type))),
        DataType::UInt8 => visit(Cell::Int(number!(UInt8Type).into())),
        DataType::UInt16 => visit(Cell::Int(number!(UInt16Type).into())),
        DataType::UInt32 => visit(Cell::Int(number!(UInt32Type).into())),
        DataType::UInt64 => match i64::try_from(number!(UInt64Type)) {
            Ok(value) => visit(Cell::Int(value)),
            Err(_) => Err(BadCell::AboveInt64.into()),
        },
        DataType::Float32 => visit(Cell::Float(number!(Float32Type).into())),
        DataType::Float64 => visit(Cell::Float(number!(Float64Type))),
        DataType::Decimal128(_, scale) => {
            visit(Cell::Float(number!(Decimal128Type) as f64 / 10f64.powi(i32::from(*scale))))
        }
        DataType::Utf8 => visit(Cell::Text(array.as_string::<i32>().value(at))),
        DataType::Date32 => visit(Cell::Time(i64::from(number!(Date32Type)) * DAY_MS)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => visit(Cell::Time(number!(TimestampMillisecondType))),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            visit(Cell::Time(number!(TimestampMicrosecondType).div_euclid(1_000)))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            visit(Cell::Time(number!(TimestampNanosecondType).div_euclid(1_000_000)))
        }
        DataType::List(_) => visit_list(&array.as_list::<i32>().value(at), visit),
        DataType::LargeList(_) => visit_list(&array.as_list::<i64>().value(at), visit),
        other => Err(BadCell::Type(other.clone()).into()),
    }
}

fn visit_list(list: &ArrayRef, visit: &mut dyn FnMut(Cell<'_>) -> Outcome) -> Outcome {
    match list.data_type() {
        DataType::Utf8 => visit(Cell::Texts(list.as_string::<i32>().iter().flatten().collect())),
        DataType::Float32 if list.null_count() == 0 => {
            visit(Cell::Floats(list.as_primitive::<Float32Type>().values()))
        }
        DataType::Float32 => {
            let values = list.as_primitive::<Float32Type>().iter();
            visit(Cell::Floats(&values.map(|v| v.unwrap_or(f32::NAN)).collect::<Vec<_>>()))
        }
        DataType::Float64 => {
            let values = list.as_primitive::<Float64Type>().iter();
            visit(Cell::Floats(&values.map(|v| v.map_or(f32::NAN, |v| v as f32)).collect::<Vec<_>>()))
        }
        other => Err(BadCell::ListType(other.clone()).into()),
    }
}
