//! Pages on their way to their decoder, each held against what it may take before it is unpacked: a header of twenty
//! bytes may claim gigabytes, and a page of a kilobyte may hold them.

use std::sync::{Arc, Mutex, PoisonError};

use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;

use super::delta;
use super::levels::BatchCount;
use super::page_fault::PageFault;
use super::page_head::{PageHead, PageHeads};
use super::positioned::Positioned;
use super::room::Held;

/// Bytes that a batch decodes to at most, whatever room there is; rows are put together so that usual batches stay far
/// below.
const MOST_BATCH: u64 = 256 << 20;

/// Bytes of two levels of a value.
const LEVELS: u64 = 4;

/// What stopped a reader, beside the reader's own words: those are all that it hands on.
#[derive(Debug, Clone, Default)]
pub(super) struct Stopped(Arc<Mutex<Option<Cause>>>);

/// Why pages were not handed out.
#[derive(Debug)]
pub(super) enum Cause {
    Fault(PageFault),
    /// Nothing is wrong, but batches must have fewer rows: so many.
    FewerRows(usize),
}

impl Stopped {
    pub(super) fn take(&self) -> Option<Cause> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn at(&self, cause: Cause) -> ParquetError {
        let words = match &cause {
            Cause::Fault(fault) => fault.to_string(),
            Cause::FewerRows(rows) => format!("batches of {rows} rows are needed"),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
        ParquetError::General(words)
    }
}

/// How a column is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batches {
    /// Rows of a batch.
    pub(super) rows: usize,
    /// Bytes that a usual batch should take at most.
    pub(super) usual_bytes: u64,
    /// Values of a row, about; 1 where there are no lists.
    pub(super) values_per_row: u64,
}

/// The pages of a column of a row group.
pub(super) struct Pages {
    inner: SerializedPageReader<Positioned>,
    heads: PageHeads,
    batches: Batches,
    count: BatchCount,
    /// The greatest repetition level: 0 where there are no lists.
    repeats: i16,
    has_definition: bool,
    kind: Type,
    /// Bytes of a value without its text.
    width: u64,
    compression: Compression,
    /// Bytes of the longest text of the dictionary.
    longest: u64,
    dictionary: u64,
    /// Bytes of plain pages since the batch under way began.
    plain: u64,
    held: Held,
    stopped: Stopped,
}

impl Pages {
    pub(super) fn new(
        inner: SerializedPageReader<Positioned>,
        heads: PageHeads,
        chunk: &ColumnChunkMetaData,
        batches: Batches,
        held: Held,
        stopped: Stopped,
    ) -> Self {
        let about = chunk.column_descr();
        let width = match about.physical_type() {
            Type::BOOLEAN | Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
            Type::INT64 | Type::DOUBLE => 8,
            Type::INT96 => 12,
            Type::FIXED_LEN_BYTE_ARRAY => about.type_length().max(1) as u64,
        };
        Self {
            inner,
            heads,
            batches,
            count: BatchCount::new(batches.rows as u64),
            repeats: about.max_rep_level(),
            has_definition: about.max_def_level() > 0,
            kind: about.physical_type(),
            width,
            compression: chunk.compression(),
            longest: 0,
            dictionary: 0,
            plain: 0,
            held,
            stopped,
        }
    }

    fn refuse(&self, fault: PageFault) -> ParquetError {
        self.stopped.at(Cause::Fault(fault))
    }

    /// Holds a page against what it may take, before it is unpacked.
    fn admit(&mut self, head: &PageHead) -> std::result::Result<(), PageFault> {
        let PageHead { packed, unpacked, values, .. } = *head;
        // What the compressions can do at best. Other than these are refused by the reader.
        let greatest = match self.compression {
            // A copy of 64 bytes takes 3.
            Compression::SNAPPY => Some(packed.saturating_mul(32)),
            // A block of 128 KiB of one byte takes 4.
            Compression::ZSTD(_) => Some(packed.saturating_mul(32 << 10)),
            _ => None,
        };
        if greatest.is_some_and(|greatest| unpacked > greatest.saturating_add(64)) {
            return Err(PageFault::Claim { packed, unpacked });
        }
        if !head.is_dictionary() {
            return Ok(self.held.set(self.dictionary.saturating_add(unpacked))?);
        }
        // The reader takes memory for as many values as are claimed.
        if values.saturating_mul(self.width) > unpacked {
            return Err(PageFault::Dictionary { bytes: unpacked, values });
        }
        // Once as it is stored, and once decoded.
        self.dictionary = unpacked.saturating_mul(2);
        Ok(self.held.set(self.dictionary)?)
    }

    /// Looks at an unpacked dictionary: the longest of its texts says how many rows a batch may have.
    fn dictionary(&mut self, bytes: &[u8]) -> Result<()> {
        if self.kind != Type::BYTE_ARRAY {
            return Ok(());
        }
        self.longest = 0;
        each_text(bytes, |text| self.longest = self.longest.max(text.len() as u64));
        let row = self.longest.saturating_add(self.width).saturating_mul(self.batches.values_per_row);
        let rows = (self.batches.usual_bytes / row.max(1)).max(1) as usize;
        // A dictionary is a chunk's first page: nothing has been decoded yet, and the chunk can be begun anew.
        if rows < self.batches.rows { Err(self.stopped.at(Cause::FewerRows(rows))) } else { Ok(()) }
    }

    /// Holds what a batch of an unpacked page's values decodes to against what a batch may take.
    fn batch(&mut self, head: &PageHead, page: &Page) -> std::result::Result<(), PageFault> {
        let before = self.count.batches();
        let peak = match (self.repeats, repetition(page, self.repeats)) {
            (0, _) => self.count.values(head.values),
            (_, Some((levels, width))) => self.count.levels(levels, width, head.values),
            (_, None) => self.count.one_row(head.values),
        };
        if self.count.batches() != before {
            self.plain = 0;
        }
        let mut each = self.width + if self.repeats > 0 { LEVELS } else { 0 };
        if head.uses_dictionary() {
            each = each.saturating_add(self.longest);
        } else if self.kind == Type::BYTE_ARRAY {
            self.plain = self.plain.saturating_add(head.unpacked);
        }
        let bytes = peak.saturating_mul(each).saturating_add(self.plain);
        if bytes > MOST_BATCH {
            return Err(PageFault::Batch { rows: self.batches.rows as u64, bytes, limit: MOST_BATCH });
        }
        Ok(self.held.set(self.dictionary.saturating_add(head.unpacked).saturating_add(bytes))?)
    }

    fn next(&mut self) -> Result<Option<Page>> {
        let Some(head) = self.heads.next_page().map_err(|fault| self.refuse(fault))? else {
            return self.inner.get_next_page();
        };
        self.admit(&head).map_err(|fault| self.refuse(fault))?;
        let Some(page) = self.inner.get_next_page()? else { return Ok(None) };
        if let Page::DictionaryPage { buf, .. } = &page {
            self.dictionary(buf)?;
        } else {
            let checked = self.batch(&head, &page).and_then(|()| self.encoded(&head, &page));
            checked.map_err(|fault| self.refuse(fault))?;
        }
        Ok(Some(page))
    }

    /// Delta encodings say once more how many values there are, and their reader takes memory for as many.
    fn encoded(&self, head: &PageHead, page: &Page) -> std::result::Result<(), PageFault> {
        let delta = [Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY];
        if !delta.contains(&page.encoding()) {
            return Ok(());
        }
        let values = values_of(page, self.repeats > 0, self.has_definition).unwrap_or_default();
        let (first, rest) = delta::claimed(values).unwrap_or_default();
        // Of texts with what they share with the text before there are two lists of lengths.
        let second = if page.encoding() == Encoding::DELTA_BYTE_ARRAY { delta::claimed(rest) } else { None };
        let claimed = first.max(second.map_or(0, |(claimed, _)| claimed));
        if claimed > head.values {
            return Err(PageFault::Encoded { bytes: head.unpacked, claimed, values: head.values });
        }
        Ok(())
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.next()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.inner.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.heads.next_page().map_err(|fault| self.refuse(fault))?;
        self.inner.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.inner.at_record_boundary()
    }
}

/// Texts with their length in front, four bytes each.
pub(super) fn each_text(mut page: &[u8], mut visit: impl FnMut(&[u8])) {
    while let Some((length, rest)) = page.split_first_chunk::<4>() {
        let Some((text, rest)) = rest.split_at_checked(u32::from_le_bytes(*length) as usize) else { return };
        visit(text);
        page = rest;
    }
}

/// The repetition levels of a page, and their width in bits.
fn repetition(page: &Page, greatest: i16) -> Option<(&[u8], usize)> {
    let width = (u16::BITS - greatest.unsigned_abs().leading_zeros()) as usize;
    match page {
        Page::DataPage { buf, rep_level_encoding: Encoding::RLE, .. } => {
            with_length(buf).map(|(levels, _)| (levels, width))
        }
        Page::DataPageV2 { buf, rep_levels_byte_len, .. } => {
            Some((buf.get(..*rep_levels_byte_len as usize)?, width))
        }
        _ => None,
    }
}

/// What stands behind a page's levels.
fn values_of(page: &Page, repeats: bool, has_definition: bool) -> Option<&[u8]> {
    match page {
        Page::DataPage {
            buf, rep_level_encoding: Encoding::RLE, def_level_encoding: Encoding::RLE, ..
        } => {
            let mut rest: &[u8] = buf;
            for _ in 0..usize::from(repeats) + usize::from(has_definition) {
                (_, rest) = with_length(rest)?;
            }
            Some(rest)
        }
        Page::DataPageV2 { buf, rep_levels_byte_len, def_levels_byte_len, .. } => {
            buf.get(*rep_levels_byte_len as usize + *def_levels_byte_len as usize..)
        }
        _ => None,
    }
}

fn with_length(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}
