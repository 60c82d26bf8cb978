//! What a Parquet file tells of a column without decoding it: how many values, how much text, how much of it distinct.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashSet};
use parquet::basic::Type;
use parquet::column::page::{Page, PageReader as _};
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::error::ReadError;
use super::page_head::PageHeads;
use super::pages::{Batches, Cause, Pages, Stopped, each_text};
use super::parquet_file::ParquetFile;

/// A column in outline. Text is counted in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outline {
    /// Values, missing ones included; for lists those in all lists together.
    pub values: usize,
    /// Distinct texts: counted in the dictionaries where a column has them, all of them where not.
    pub distinct: usize,
    /// Text of the distinct texts.
    pub distinct_text: usize,
}

/// The pages of a column of a row group in sum.
#[derive(Debug, Default)]
struct Sum {
    values: u64,
    /// Values that are in no dictionary.
    apart: u64,
    /// Bytes of their pages where each text has its length in front.
    plain_bytes: u64,
    /// Values of those.
    plain_values: u64,
    /// Bytes of their pages in other encodings.
    other_bytes: u64,
    has_dictionary: bool,
}

impl ParquetFile {
    /// A column in outline: from the headers of its pages, and for text from the dictionaries. Footers have the sums of
    /// both, but what they say is not held against anything: a file could be predicted to take nothing.
    pub(super) fn outline(&self, column: &str) -> Result<Outline, ReadError> {
        let mut outline = Outline::default();
        let (hasher, mut known) = (DefaultHashBuilder::default(), HashSet::new());
        for group in self.metadata().row_groups() {
            for chunk in self.chunks(group, column) {
                let sum = self.sum(chunk)?;
                outline.values = outline.values.saturating_add(sum.values as usize);
                // Only text is worth a look at its dictionary: other columns take the same whatever they hold.
                if chunk.column_type() != Type::BYTE_ARRAY {
                    continue;
                }
                outline.distinct = outline.distinct.saturating_add(sum.apart as usize);
                outline.distinct_text = outline.distinct_text.saturating_add(sum.text(chunk) as usize);
                if !sum.has_dictionary {
                    continue;
                }
                each_text(&self.dictionary(group, chunk)?, |text| {
                    // Hashes and not texts: a collision makes the outline one text too small, and the set of them stays
                    // small.
                    if known.insert(hasher.hash_one(text)) {
                        outline.distinct += 1;
                        outline.distinct_text += text.len();
                    }
                });
            }
        }
        Ok(outline)
    }

    fn sum(&self, chunk: &ColumnChunkMetaData) -> Result<Sum, ReadError> {
        let (mut sum, mut heads) = (Sum::default(), PageHeads::of(self.file(), chunk)?);
        while let Some(page) = heads.next_page()? {
            if page.is_dictionary() {
                sum.has_dictionary = true;
                continue;
            }
            sum.values = sum.values.saturating_add(page.values);
            if page.uses_dictionary() {
                continue;
            }
            sum.apart = sum.apart.saturating_add(page.values);
            if page.is_plain() {
                sum.plain_values = sum.plain_values.saturating_add(page.values);
                sum.plain_bytes = sum.plain_bytes.saturating_add(page.unpacked);
            } else {
                sum.other_bytes = sum.other_bytes.saturating_add(page.unpacked);
            }
        }
        Ok(sum)
    }

    fn dictionary(
        &self,
        group: &RowGroupMetaData,
        chunk: &ColumnChunkMetaData,
    ) -> Result<bytes::Bytes, ReadError> {
        let rows = usize::try_from(group.num_rows()).unwrap_or_default();
        let inner = SerializedPageReader::new(Arc::new(self.file().clone()), chunk, rows, None)?;
        let (heads, stopped) = (PageHeads::of(self.file(), chunk)?, Stopped::default());
        // No row is decoded here, whatever the length of a text.
        let batches = Batches { rows: 1, usual_bytes: u64::MAX, values_per_row: 1 };
        let mut pages = Pages::new(inner, heads, chunk, batches, self.room().part(), stopped.clone());
        match pages.get_next_page() {
            Ok(Some(Page::DictionaryPage { buf, .. })) => Ok(buf),
            Ok(_) => Ok(bytes::Bytes::new()),
            Err(error) => Err(match stopped.take() {
                Some(Cause::Fault(fault)) => fault.into(),
                _ => error.into(),
            }),
        }
    }
}

impl Sum {
    /// Bytes of the texts that are in no dictionary.
    fn text(&self, chunk: &ColumnChunkMetaData) -> u64 {
        // A length of four bytes for each that is there. Most are there: a page of nothing but missing values is not to
        // hide the text of another.
        let plain = self.plain_bytes.saturating_sub(4 * self.plain_values).max(self.plain_bytes / 2);
        let other = if self.other_bytes == 0 {
            0
        } else {
            // What texts have in common is stored once, and only the footer says what they come to.
            let said = chunk.unencoded_byte_array_data_bytes().unwrap_or_default().max(0) as u64;
            self.other_bytes.max(said.saturating_sub(plain))
        };
        plain.saturating_add(other)
    }
}
