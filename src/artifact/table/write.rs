//! Parquet, written the same way every time: equal columns give equal bytes.

use std::fs::File;
use std::path::Path;
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

    /// Writes the file with row groups of these many rows, in order; what is left over makes a last one. Groups of no rows are
    /// left out, as Parquet has none.
    ///
    /// # Errors
    /// [`TableError::Unwritable`].
    pub fn write_groups(self, path: &Path, groups: &[usize]) -> Result<(), TableError> {
        let unwritable = |reason: String| TableError::Unwritable { file: path.display().to_string(), reason };
        let batch = RecordBatch::try_from_iter(self.columns).map_err(|e| unwritable(e.to_string()))?;
        let level = ZstdLevel::try_new(9).map_err(|e| unwritable(e.to_string()))?;
        let largest = groups.iter().copied().max().unwrap_or_default();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(largest.max(1 << 20)))
            .set_created_by("larder".to_owned())
            .build();
        let file = File::create(path).map_err(|e| unwritable(e.to_string()))?;
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties))
            .map_err(|e| unwritable(e.to_string()))?;
        let mut start = 0;
        for rows in groups {
            let rows = (*rows).min(batch.num_rows() - start);
            writer.write(&batch.slice(start, rows)).map_err(|e| unwritable(e.to_string()))?;
            writer.flush().map_err(|e| unwritable(e.to_string()))?;
            start += rows;
        }
        let rest = batch.slice(start, batch.num_rows() - start);
        writer.write(&rest).map_err(|e| unwritable(e.to_string()))?;
        writer.close().map_err(|e| unwritable(e.to_string()))?;
        Ok(())
    }
}

/// A column of text lists.
pub fn text_lists<'a, L: IntoIterator<Item = &'a str>>(
    rows: impl IntoIterator<Item = L>,
) -> arrow_array::ListArray {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in rows {
        row.into_iter().for_each(|text| lists.values().append_value(text));
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
