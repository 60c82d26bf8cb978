//! Parquet, read one column at a time in small batches. Arrow's own metadata is ignored, so that every writer looks
//! alike. Nothing is believed that takes memory: footers are looked over first, pages come through
//! [`Pages`](super::pages::Pages).

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::DataType;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::schema::types::SchemaDescriptor;

use super::CellKind;
use super::error::ReadError;
use super::footer;
use super::positioned::Positioned;
use super::room::Room;

#[derive(Debug, Clone)]
pub(super) struct ParquetFile {
    file: Positioned,
    metadata: ArrowReaderMetadata,
    /// The only row group that is read; all of them where `None`.
    pub(super) group: Option<usize>,
    /// For the pages and batches of all threads that read it.
    room: Room,
}

/// What a footer promises.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared {
    pub(super) rows: u64,
    /// After decompression.
    pub(super) bytes: u64,
}

impl ParquetFile {
    /// Opens a file whose pages and batches may take `memory` bytes at a time.
    pub(super) fn open(path: &Path, memory: u64) -> Result<Self, ReadError> {
        Self::new(Positioned::File(Arc::new(File::open(path)?)), memory)
    }

    pub(super) fn from_bytes(bytes: Bytes, memory: u64) -> Result<Self, ReadError> {
        Self::new(Positioned::Memory(bytes), memory)
    }

    fn new(file: Positioned, memory: u64) -> Result<Self, ReadError> {
        footer::look_over(&file, memory)?;
        // Arrow's types, where a writer notes them, would have dictionaries and views where others have plain text.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(&file, options)?;
        Ok(Self { file, metadata, group: None, room: Room::new(memory) })
    }

    /// How many row groups the file has.
    pub(super) fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// Only the rows of one row group.
    pub(super) fn only_group(&self, group: usize) -> Self {
        Self { group: Some(group), ..self.clone() }
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
        let own = self.metadata().row_groups().iter().flat_map(|group| self.chunks(group, column));
        own.fold(0u64, |sum, chunk| sum.saturating_add(chunk.uncompressed_size().max(0) as u64))
    }

    /// What a row group has of a column.
    pub(super) fn chunks<'a>(&self, group: &'a RowGroupMetaData, column: &str) -> &'a [ColumnChunkMetaData] {
        // By the place of the column in the schema: comparing the path of each would cost time with each column.
        let leaves = self.position(column).map(|root| self.leaves(root)).unwrap_or_default();
        group.columns().get(leaves).unwrap_or_default()
    }

    /// The leaves of a column, which stand beside each other.
    fn leaves(&self, root: usize) -> std::ops::Range<usize> {
        let schema = self.schema();
        let leaves = 0..schema.num_columns();
        let own = leaves.skip_while(|leaf| schema.get_column_root_idx(*leaf) < root);
        let own = own.take_while(|leaf| schema.get_column_root_idx(*leaf) == root);
        let (mut first, mut end) = (0, 0);
        for leaf in own {
            first = if end == 0 { leaf } else { first };
            end = leaf + 1;
        }
        first..end
    }

    /// The place of a column among the columns. By position, as a name with a dot in it would be taken for a path.
    pub(super) fn position(&self, column: &str) -> Option<usize> {
        self.metadata.schema().fields().iter().position(|field| field.name() == column)
    }

    pub(super) fn columns(&self) -> Vec<(String, CellKind)> {
        let fields = self.metadata.schema().fields();
        fields.iter().map(|field| (field.name().clone(), kind(field.data_type()))).collect()
    }

    pub(super) fn schema(&self) -> &SchemaDescriptor {
        self.metadata.parquet_schema()
    }

    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    pub(super) fn file(&self) -> &Positioned {
        &self.file
    }

    pub(super) fn metadata(&self) -> &ParquetMetaData {
        self.metadata.metadata()
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
