//! Headers of pages: what a page says of itself, read without decoding the page.

use bytes::Bytes;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::ChunkReader as _;

use super::error::ReadError;
use super::page_fault::PageFault;
use super::positioned::Positioned;
use super::thrift::{Broken, Compact, Fields, I32, STRUCT};

/// Most headers are this short; one with the extremes of long texts is read again.
const USUAL: u64 = 256;
/// Bytes of a header: it may hold the least and the greatest of the page's texts.
const LONGEST: u64 = 1 << 20;

const INDEX: i64 = 1;
const DICTIONARY: i64 = 2;

/// A page as its header describes it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PageHead {
    /// Bytes of the header itself.
    head: u64,
    kind: i64,
    /// Bytes in the file.
    pub(super) packed: u64,
    /// Bytes after decompression.
    pub(super) unpacked: u64,
    /// Values, missing ones included.
    pub(super) values: u64,
    encoding: i64,
}

impl PageHead {
    pub(super) fn is_dictionary(&self) -> bool {
        self.kind == DICTIONARY
    }

    /// Whether its values stand one after the other.
    pub(super) fn is_plain(&self) -> bool {
        self.encoding == 0
    }

    /// Whether its values are places in a dictionary.
    pub(super) fn uses_dictionary(&self) -> bool {
        // PLAIN_DICTIONARY and RLE_DICTIONARY.
        matches!(self.encoding, 2 | 8)
    }
}

/// The pages of a column of a row group, by their headers.
#[derive(Debug, Clone)]
pub(super) struct PageHeads {
    file: Positioned,
    at: u64,
    end: u64,
}

impl PageHeads {
    pub(super) fn of(file: &Positioned, chunk: &ColumnChunkMetaData) -> Result<Self, ReadError> {
        let at = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
        let (Ok(at), Ok(length)) = (u64::try_from(at), u64::try_from(chunk.compressed_size())) else {
            return Err(PageFault::Place.into());
        };
        Ok(Self { file: file.clone(), at, end: at.saturating_add(length) })
    }

    /// The next page that is a dictionary or holds values, and moves behind it.
    pub(super) fn next_page(&mut self) -> Result<Option<PageHead>, PageFault> {
        while self.at < self.end {
            let page = self.head()?;
            self.at = self.at.saturating_add(page.head).saturating_add(page.packed);
            if page.kind != INDEX {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }

    fn head(&self) -> Result<PageHead, PageFault> {
        let mut length = USUAL;
        loop {
            let read = length.min(self.end - self.at);
            let bytes: Bytes =
                self.file.get_bytes(self.at, read as usize).map_err(|_| PageFault::BeyondTheEnd)?;
            match parse(&bytes) {
                Err(Broken::Short | Broken::Count(_)) if read == length && length < LONGEST => length *= 16,
                parsed => return Ok(parsed?),
            }
        }
    }
}

fn parse(bytes: &[u8]) -> Result<PageHead, Broken> {
    let mut bytes = Compact::new(bytes);
    let (mut page, mut fields) = (PageHead::default(), Fields::default());
    while let Some(field) = bytes.field(&mut fields)? {
        match field {
            (1, I32) => page.kind = bytes.int()?,
            // What is negative is refused by the format's reader.
            (2, I32) => page.unpacked = bytes.int()?.max(0) as u64,
            (3, I32) => page.packed = bytes.int()?.max(0) as u64,
            // The headers of data pages (version 1), dictionaries, and data pages (version 2): in all of them the first
            // field is the number of values.
            (5 | 7, STRUCT) => of_kind(&mut bytes, 2, &mut page)?,
            (8, STRUCT) => of_kind(&mut bytes, 4, &mut page)?,
            (_, kind) => bytes.skip(kind)?,
        }
    }
    page.head = bytes.at() as u64;
    Ok(page)
}

fn of_kind(bytes: &mut Compact<'_>, encoding: i16, page: &mut PageHead) -> Result<(), Broken> {
    let mut fields = Fields::default();
    while let Some(field) = bytes.field(&mut fields)? {
        match field {
            (1, I32) => page.values = bytes.int()?.max(0) as u64,
            (number, I32) if number == encoding => page.encoding = bytes.int()?,
            (_, kind) => bytes.skip(kind)?,
        }
    }
    Ok(())
}
