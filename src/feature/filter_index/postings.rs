//! The rows of each text of a column of texts or lists.

use super::{ColumnSize, Late, insert, is_frequent, set_work};
use crate::domain::{Bitmap, DeadlineCheck, ItemIdx};
use crate::feature::Column;

/// Rows by the code of the text that they hold: a list, or a bitmap for a text that many have.
#[derive(Debug)]
pub(in crate::feature) struct Postings {
    /// Where the rows of a code end in `rows`; they begin where those of the code before end.
    ends: Box<[u32]>,
    rows: Box<[u32]>,
    /// The texts that are in more than one row of 32, ascending by code; their lists are empty.
    frequent: Box<[(u32, Bitmap)]>,
    /// Rows of the column.
    of: usize,
}

impl Postings {
    /// `None` where they would not fit 32-bit places.
    pub(super) fn of(column: &Column) -> Option<Self> {
        let rows = column.len();
        let codes = || (0..rows).flat_map(|row| column.codes(row).iter().map(move |code| (*code, row)));
        let mut counts = vec![0u32; column.code_count()];
        for (code, _) in codes() {
            if let Some(count) = counts.get_mut(code as usize) {
                *count = count.checked_add(1)?;
            }
        }
        let frequent = (0u32..).zip(&counts).filter(|(_, count)| is_frequent(**count as usize, rows));
        let mut frequent: Vec<(u32, Bitmap)> = frequent.map(|(code, _)| (code, Bitmap::new(rows))).collect();
        for (code, _) in &frequent {
            counts[*code as usize] = 0;
        }
        // Where the next row of a code goes, which in the end is where its rows end.
        let (mut next, mut end) = (Vec::with_capacity(counts.len()), 0u32);
        for count in &counts {
            next.push(end);
            end = end.checked_add(*count)?;
        }
        let mut list = vec![0u32; end as usize];
        for (code, row) in codes() {
            if counts.get(code as usize).is_some_and(|count| *count > 0) {
                if let Some(place) = next.get_mut(code as usize) {
                    list[*place as usize] = row as u32;
                    *place += 1;
                }
            } else if let Ok(at) = frequent.binary_search_by_key(&code, |(known, _)| *known) {
                frequent[at].1.insert(ItemIdx(row as u32));
            }
        }
        Some(Self { ends: next.into(), rows: list.into(), frequent: frequent.into(), of: rows })
    }

    /// Adds the rows of a code to a set.
    pub(in crate::feature) fn add(
        &self,
        code: u32,
        set: &mut Bitmap,
        check: &mut DeadlineCheck,
    ) -> Result<(), Late> {
        if let Some(bitmap) = self.bitmap(code) {
            set.unite(bitmap);
            return if check.is_late_after(set_work(self.of)) { Err(Late) } else { Ok(()) };
        }
        insert(self.list(code), set, check)
    }

    /// The work of [`Postings::add`].
    pub(in crate::feature) fn work(&self, code: u32) -> usize {
        if self.bitmap(code).is_some() { set_work(self.of) } else { self.list(code).len() }
    }

    fn bitmap(&self, code: u32) -> Option<&Bitmap> {
        let at = self.frequent.binary_search_by_key(&code, |(known, _)| *known).ok()?;
        self.frequent.get(at).map(|(_, bitmap)| bitmap)
    }

    /// Empty for a code that came later.
    fn list(&self, code: u32) -> &[u32] {
        let begin = code.checked_sub(1).map_or(Some(0), |before| self.ends.get(before as usize).copied());
        let range = begin.zip(self.ends.get(code as usize));
        range.and_then(|(begin, end)| self.rows.get(begin as usize..*end as usize)).unwrap_or_default()
    }

    pub(super) fn resident_bytes(&self) -> usize {
        let bitmaps = self.frequent.iter().map(|(_, bitmap)| bitmap.resident_bytes()).sum::<usize>();
        size_of_val(&*self.ends) + size_of_val(&*self.rows) + size_of_val(&*self.frequent) + bitmaps
    }

    pub(super) fn predict_bytes(size: &ColumnSize) -> usize {
        let in_lists = (size.values as f64 * (1.0 - size.frequent_share)) as usize;
        let bitmap = size.rows.div_ceil(64) * size_of::<u64>() + size_of::<(u32, Bitmap)>();
        (size.distinct + in_lists) * size_of::<u32>() + size.frequent * bitmap
    }
}
