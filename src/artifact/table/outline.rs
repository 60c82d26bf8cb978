//! What a Parquet file tells of a column without decoding it: how many values, how much text, how much of it distinct.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashSet};
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::error::ReadError;
use super::parquet_file::ParquetFile;

/// A column in outline. Text is counted in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outline {
    /// Values, missing ones left out; for lists those in all lists together.
    pub values: usize,
    /// Text of all values; 0 for other columns.
    pub text: usize,
    /// Distinct texts: counted in the dictionaries where a column has them, all of them where not.
    pub distinct: usize,
    /// Text of the distinct texts.
    pub distinct_text: usize,
}

impl ParquetFile {
    /// A column in outline: from the footer, and for text from the dictionaries.
    pub(super) fn outline(&self, column: &str) -> Result<Outline, ReadError> {
        let mut outline = Outline::default();
        let (hasher, mut known) = (DefaultHashBuilder::default(), HashSet::new());
        for group in self.metadata().row_groups() {
            let own = |chunk: &&ColumnChunkMetaData| {
                chunk.column_path().parts().first().is_some_and(|part| part == column)
            };
            for chunk in group.columns().iter().filter(own) {
                let missing = chunk.statistics().and_then(|known| known.null_count_opt()).unwrap_or_default();
                let values = (chunk.num_values().max(0) as usize).saturating_sub(missing as usize);
                // Not every writer notes the bytes of the texts: without that it is the size of the pages less a length
                // of four bytes a value.
                let plain = (chunk.uncompressed_size().max(0) as usize).saturating_sub(4 * values);
                let text =
                    chunk.unencoded_byte_array_data_bytes().map_or(plain, |bytes| bytes.max(0) as usize);
                outline.values += values;
                outline.text += text;
                // Only text is worth a look at its dictionary: other columns take the same whatever they hold.
                if chunk.column_type() != parquet::basic::Type::BYTE_ARRAY {
                    continue;
                }
                match self.dictionary(group, chunk)? {
                    None => {
                        outline.distinct += values;
                        outline.distinct_text += text;
                    }
                    Some(page) => each_text(&page, |text| {
                        // Hashes and not texts: a collision makes the outline one text too small, and the set of them
                        // stays small.
                        if known.insert(hasher.hash_one(text)) {
                            outline.distinct += 1;
                            outline.distinct_text += text.len();
                        }
                    }),
                }
            }
        }
        Ok(outline)
    }

    /// The dictionary of a chunk whose values are all in it.
    fn dictionary(
        &self,
        group: &RowGroupMetaData,
        chunk: &ColumnChunkMetaData,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        // Writers give up on dictionaries that grow too large; what follows is plain, and as good as distinct.
        let ended =
            |encoding: Encoding| !matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY);
        let pages = chunk.page_encoding_stats();
        let data = |page: &&parquet::file::metadata::PageEncodingStats| {
            page.page_type != parquet::basic::PageType::DICTIONARY_PAGE
        };
        let mixed = match (pages, chunk.page_encoding_stats_mask()) {
            (Some(pages), _) => pages.iter().filter(data).any(|page| ended(page.encoding)),
            (None, Some(mask)) => mask.encodings().any(ended),
            (None, None) => false,
        };
        if chunk.dictionary_page_offset().is_none() || mixed {
            return Ok(None);
        }
        let rows = usize::try_from(group.num_rows()).unwrap_or_default();
        let reader = Arc::new(self.file().clone());
        let pages = SerializedPageReader::new(reader, chunk, rows, None);
        match pages.and_then(|mut pages| pages.get_next_page())? {
            Some(Page::DictionaryPage { buf, .. }) => Ok(Some(buf.to_vec())),
            _ => Ok(None),
        }
    }
}

/// Texts with their length in front, four bytes each.
fn each_text(mut page: &[u8], mut visit: impl FnMut(&[u8])) {
    while let Some((length, rest)) = page.split_first_chunk::<4>() {
        let Some((text, rest)) = rest.split_at_checked(u32::from_le_bytes(*length) as usize) else { return };
        visit(text);
        page = rest;
    }
}
