//! Parquet files, written batch by batch and the same way every time: equal rows give equal bytes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Float32Builder, ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, ListArray, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use thiserror::Error;

/// Why a sample could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SampleError {
    /// A file or its directory could not be created or written.
    #[error("{}: cannot be written: {source}; check that the directory exists and the disk has room", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The Parquet writer failed, which may be a full disk too.
    #[error("{}: cannot be written as Parquet: {source}", .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the writer said.
        source: ParquetError,
    },
}

/// A Parquet file that is written batch by batch, so that a table of any length takes little memory.
pub(super) struct Table {
    path: PathBuf,
    properties: WriterProperties,
    writer: Option<ArrowWriter<File>>,
}

impl Table {
    /// A table whose file is created with its first batch, which decides the columns. A higher zstd `level` (1 to 22)
    /// makes a smaller file and takes longer.
    pub(super) fn create(path: &Path, level: i32) -> Result<Self, SampleError> {
        let level = ZstdLevel::try_new(level).map_err(|source| failed(path, source))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by("larder".to_owned())
            .build();
        Ok(Self { path: path.to_owned(), properties, writer: None })
    }

    /// The next rows; every batch must have the same columns.
    pub(super) fn batch(&mut self) -> Batch<'_> {
        Batch { table: self, columns: Vec::new() }
    }

    /// Writes the end of the file. A file without it is no Parquet.
    pub(super) fn close(self) -> Result<(), SampleError> {
        let Some(writer) = self.writer else { return Ok(()) };
        writer.close().map(|_| ()).map_err(|source| failed(&self.path, source))
    }

    fn write(&mut self, columns: Vec<(&'static str, ArrayRef)>) -> Result<(), SampleError> {
        let failed = |source| failed(&self.path, source);
        let batch = RecordBatch::try_from_iter(columns).map_err(|error| failed(error.into()))?;
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => {
                let file = File::create(&self.path)
                    .map_err(|source| SampleError::Io { path: self.path.clone(), source })?;
                ArrowWriter::try_new(file, batch.schema(), Some(self.properties.clone())).map_err(failed)?
            }
        };
        writer.write(&batch).map_err(failed)?;
        self.writer = Some(writer);
        Ok(())
    }
}

/// Rows of a [`Table`] under way.
#[must_use = "rows are written by `write`"]
pub(super) struct Batch<'t> {
    table: &'t mut Table,
    columns: Vec<(&'static str, ArrayRef)>,
}

impl Batch<'_> {
    /// Adds a column.
    pub(super) fn column(mut self, name: &'static str, values: impl arrow_array::Array + 'static) -> Self {
        self.columns.push((name, Arc::new(values)));
        self
    }

    /// Writes the rows. All columns must have the same length.
    pub(super) fn write(self) -> Result<(), SampleError> {
        self.table.write(self.columns)
    }
}

/// A column of text lists.
pub(super) fn text_lists<'a, L: IntoIterator<Item = &'a str>>(
    rows: impl IntoIterator<Item = L>,
) -> ListArray {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in rows {
        for text in row {
            lists.values().append_value(text);
        }
        lists.append(true);
    }
    lists.finish()
}

/// A column of f32 lists.
pub(super) fn float_lists<'a>(rows: impl IntoIterator<Item = &'a [f32]>) -> ListArray {
    let mut lists = ListBuilder::new(Float32Builder::new());
    for row in rows {
        lists.values().append_slice(row);
        lists.append(true);
    }
    lists.finish()
}

fn failed(path: &Path, source: ParquetError) -> SampleError {
    SampleError::Parquet { path: path.to_owned(), source }
}
