//! Parquet, read one column at a time in small batches. Arrow's own metadata is ignored, so that every writer looks alike.

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};

use super::{Cell, CellKind, Stop, Visit};

const BATCH_ROWS: usize = 8192;
const DAY_MS: i64 = 86_400_000;

#[derive(Debug)]
pub(super) struct ParquetFile {
    file: File,
    metadata: ArrowReaderMetadata,
    /// The only row group that is read; all of them where `None`.
    group: Option<usize>,
}

impl ParquetFile {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|e| e.to_string())?;
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(&file, options).map_err(|e| e.to_string())?;
        Ok(Self { file, metadata, group: None })
    }

    /// The same file, opened once more: readers of one open file share its position, so each thread needs its own.
    pub(super) fn reopened(&self, path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|e| e.to_string())?;
        Ok(Self { file, metadata: self.metadata.clone(), group: self.group })
    }

    /// How many row groups the file has.
    pub(super) fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// Only the rows of one row group.
    pub(super) fn narrowed(&self, group: usize) -> Result<Self, String> {
        let file = self.file.try_clone().map_err(|e| e.to_string())?;
        Ok(Self { file, metadata: self.metadata.clone(), group: Some(group) })
    }

    /// Rows and uncompressed bytes, as the footer declares them.
    pub(super) fn declared(&self) -> (u64, u64) {
        let groups = self.metadata.metadata().row_groups();
        let groups = match self.group {
            Some(group) => groups.get(group..=group).unwrap_or(&[]),
            None => groups,
        };
        let sum = |number: fn(&parquet::file::metadata::RowGroupMetaData) -> i64| {
            groups.iter().fold(0u64, |sum, group| sum.saturating_add(number(group).max(0) as u64))
        };
        (sum(|group| group.num_rows()), sum(|group| group.total_byte_size()))
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

    /// Visits a column; refuses it once it has decoded to more than `limit` bytes, whatever the footer declared: a text that
    /// is stored once and repeated in every row weighs next to nothing there.
    pub(super) fn each(&self, column: &str, limit: u64, visit: Visit<'_>) -> Result<(), Stop> {
        let unreadable = |reason: String| Stop::Unreadable(format!("column \"{column}\": {reason}"));
        let reader = self.reader(column).map_err(unreadable)?;
        let mut first = 0;
        let mut decoded = 0u64;
        for batch in reader {
            let batch = batch.map_err(|e| unreadable(e.to_string()))?;
            let Some(array) = batch.columns().first() else { break };
            let size = array.to_data().get_slice_memory_size().unwrap_or(usize::MAX);
            decoded = decoded.saturating_add(size as u64);
            if decoded > limit {
                return Err(Stop::TooLarge(decoded));
            }
            for at in 0..array.len() {
                let row = first + at;
                let refused = |reason| Stop::Refused { row, reason };
                with_cell(array, at, &mut |cell| visit(row, cell)).map_err(refused)?;
            }
            first += array.len();
        }
        Ok(())
    }

    fn reader(&self, column: &str) -> Result<ParquetRecordBatchReader, String> {
        let file = self.file.try_clone().map_err(|e| e.to_string())?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let position = self.metadata.schema().fields().iter().position(|field| field.name() == column);
        let mask = ProjectionMask::roots(builder.parquet_schema(), position);
        let mut builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
        if let Some(group) = self.group {
            builder = builder.with_row_groups(vec![group]);
        }
        builder.build().map_err(|e| e.to_string())
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

type Outcome = Result<(), String>;

fn with_cell(array: &ArrayRef, at: usize, visit: &mut dyn FnMut(Cell<'_>) -> Outcome) -> Outcome {
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
            Err(_) => Err("is larger than 2^63 - 1".to_owned()),
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
        other => Err(format!("is of type {other}, which is not supported")),
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
        other => Err(format!("is a list of {other}, which is not supported")),
    }
}
