//! Parquet, written the same way every time: equal columns give equal bytes.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Float32Builder, ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::TableError;

/// Collects columns and writes them as one Parquet file.
#[derive(Debug, Default)]
pub struct TableWriter {
    columns: Vec<(String, ArrayRef)>,
}

impl TableWriter {
    /// Adds a column.
    pub fn column(mut self, name: &str, values: impl arrow_array::Array + 'static) -> Self {
        self.columns.push((name.to_owned(), Arc::new(values)));
        self
    }

    /// Writes the file, zstd-compressed. All columns must have the same length.
    ///
    /// # Errors
    /// [`TableError::Unwritable`].
    pub fn write(self, path: &Path) -> Result<(), TableError> {
        self.write_groups(path, &[])
    }

    /// Writes the file with row groups of these many rows, in order; what is left over makes a last one. Groups of no
    /// rows are left out, as Parquet has none.
    ///
    /// # Errors
    /// [`TableError::Unwritable`].
    pub fn write_groups(self, path: &Path, groups: &[usize]) -> Result<(), TableError> {
        let batch = RecordBatch::try_from_iter(self.columns).map_err(|e| unwritable(path, e))?;
        // Tables of a snapshot are written once and downloaded by every server: they may take their time.
        let level = ZstdLevel::try_new(9).map_err(|e| unwritable(path, e))?;
        // The writer would cut a group at its own limit, and a shard must be in one group.
        let largest = groups.iter().copied().max().unwrap_or_default();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(largest.max(1 << 20)))
            .set_created_by("larder".to_owned())
            .build();
        let file = File::create(path).map_err(|e| unwritable(path, e))?;
        let mut writer =
            ArrowWriter::try_new(file, batch.schema(), Some(properties)).map_err(|e| unwritable(path, e))?;
        let mut start = 0;
        for rows in groups {
            let rows = (*rows).min(batch.num_rows() - start);
            writer.write(&batch.slice(start, rows)).map_err(|e| unwritable(path, e))?;
            writer.flush().map_err(|e| unwritable(path, e))?;
            start += rows;
        }
        let rest = batch.slice(start, batch.num_rows() - start);
        writer.write(&rest).map_err(|e| unwritable(path, e))?;
        writer.close().map_err(|e| unwritable(path, e))?;
        Ok(())
    }
}

/// A column of text lists.
pub fn text_lists<'a, L: IntoIterator<Item = &'a str>>(
    rows: impl IntoIterator<Item = L>,
) -> arrow_array::ListArray {
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
pub fn float_lists<'a>(rows: impl IntoIterator<Item = &'a [f32]>) -> arrow_array::ListArray {
    let mut lists = ListBuilder::new(Float32Builder::new());
    for row in rows {
        lists.values().append_slice(row);
        lists.append(true);
    }
    lists.finish()
}

/// Writes a Parquet file batch by batch, so that a table of any length takes little memory.
pub struct TableStream<W: Write + Send = File> {
    path: PathBuf,
    to: Option<W>,
    writer: Option<ArrowWriter<W>>,
}

impl<W: Write + Send> std::fmt::Debug for TableStream<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableStream").field("path", &self.path).finish_non_exhaustive()
    }
}

impl TableStream {
    /// Creates the file.
    ///
    /// # Errors
    /// [`TableError::Unwritable`].
    pub fn create(path: &Path) -> Result<Self, TableError> {
        let file = File::create(path).map_err(|e| unwritable(path, e))?;
        Ok(Self { path: path.to_owned(), to: Some(file), writer: None })
    }
}

impl TableStream<Vec<u8>> {
    /// Writes into memory; `name` is for messages.
    pub fn in_memory(name: &str) -> Self {
        Self { path: PathBuf::from(name), to: Some(Vec::new()), writer: None }
    }
}

impl<W: Write + Send> TableStream<W> {
    /// The next rows; every batch must have the same columns.
    pub fn batch(&mut self) -> TableBatch<'_, W> {
        TableBatch { stream: self, columns: Vec::new() }
    }

    /// Writes the end of the file, and returns what it was written to. A file without it is no Parquet.
    ///
    /// # Errors
    /// [`TableError::Unwritable`], also where there was no batch.
    pub fn close(self) -> Result<W, TableError> {
        let Self { path, writer, .. } = self;
        let writer = writer.ok_or_else(|| unwritable(&path, "the table has no columns"))?;
        writer.into_inner().map_err(|e| unwritable(&path, e))
    }

    fn write(&mut self, columns: Vec<(&'static str, ArrayRef, bool)>) -> Result<(), TableError> {
        let Self { path, to, writer } = self;
        let batch = RecordBatch::try_from_iter_with_nullable(columns).map_err(|e| unwritable(path, e))?;
        if let Some(to) = to.take() {
            // A stream writes many rows while somebody waits: quickly rather than small.
            let level = ZstdLevel::try_new(1).map_err(|e| unwritable(path, e))?;
            let properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(level))
                .set_created_by("larder".to_owned())
                .build();
            let opened = ArrowWriter::try_new(to, batch.schema(), Some(properties));
            *writer = Some(opened.map_err(|e| unwritable(path, e))?);
        }
        let Some(writer) = writer else { return Err(unwritable(path, "an earlier batch failed")) };
        writer.write(&batch).map_err(|e| unwritable(path, e))
    }
}

/// Rows of a [`TableStream`] under way.
#[derive(Debug)]
#[must_use = "rows are written by `write`"]
pub struct TableBatch<'s, W: Write + Send = File> {
    stream: &'s mut TableStream<W>,
    /// Name, values, and whether the schema allows nulls.
    columns: Vec<(&'static str, ArrayRef, bool)>,
}

impl<W: Write + Send> TableBatch<'_, W> {
    /// Adds a column; if it has nulls, so must the first batch's.
    pub fn column(mut self, name: &'static str, values: impl arrow_array::Array + 'static) -> Self {
        let has_nulls = values.null_count() > 0;
        self.columns.push((name, Arc::new(values), has_nulls));
        self
    }

    /// Adds a column that may have nulls, in this batch or another.
    pub fn nullable_column(mut self, name: &'static str, values: impl arrow_array::Array + 'static) -> Self {
        self.columns.push((name, Arc::new(values), true));
        self
    }

    /// Writes the rows. All columns must have the same length.
    ///
    /// # Errors
    /// [`TableError::Unwritable`].
    pub fn write(self) -> Result<(), TableError> {
        self.stream.write(self.columns)
    }
}

fn unwritable(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TableError {
    TableError::Unwritable { file: path.display().to_string(), source: source.into() }
}
