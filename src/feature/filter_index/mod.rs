//! Which rows hold a value, prepared once for a column: what a filter then does in time for the rows that it finds, or
//! in a word for every 64 rows.
//!
//! After the bitmap indexes of O'Neil and Quass, "Improved Query Performance with Variant Indexes", SIGMOD 1997; a
//! bitmap for a value or a range only where it is shorter than a list of rows.

mod postings;
mod ranks;

use std::sync::Arc;

use crate::domain::{Bitmap, ChunkedBitmap, DeadlineCheck, ItemIdx};
use crate::feature::{Column, ColumnKind};

pub(in crate::feature) use postings::Postings;
pub(in crate::feature) use ranks::Ranks;

/// Rows below which to look at all of them takes some ten microseconds, and an index is not worth its memory.
const WORTH_INDEX: usize = 4096;

/// A value stands in a bitmap where it is in more than one row of so many: there a bitmap takes no more memory than a
/// list of the rows, and less time. Raising it takes memory for shorter lists.
const DENSE: usize = 32;

/// The index of one column, as the column was when it was made.
#[derive(Debug)]
pub(in crate::feature) enum FilterIndex {
    /// Of texts and lists.
    Postings(Postings),
    /// Of numbers and times.
    Ranks(Ranks),
}

/// Work of an operation on whole sets, in rows looked at: eight words of 64 rows take about as long as one row.
pub(in crate::feature) fn set_work(rows: usize) -> usize {
    rows.div_ceil(512)
}

/// The time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::feature) struct Late;

/// What of a column decides how large its index will be.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ColumnSize {
    /// Rows.
    pub rows: usize,
    /// Values, those of all lists together; missing ones left out.
    pub values: usize,
    /// Distinct texts.
    pub distinct: usize,
    /// Texts that are in more than one row of 32.
    pub frequent: usize,
    /// The part of the values that such texts are, 0 to 1.
    pub frequent_share: f64,
}

impl FilterIndex {
    /// The index of a column; `None` for one that needs none.
    pub(in crate::feature) fn of(column: &Arc<Column>) -> Option<Self> {
        match column.kind() {
            // A column of truth values is a bitmap already.
            ColumnKind::Bool => None,
            ColumnKind::Int | ColumnKind::Float | ColumnKind::Time => Some(Self::Ranks(Ranks::of(column))),
            ColumnKind::Text | ColumnKind::List => Postings::of(column).map(Self::Postings),
        }
    }

    /// The index of the same column after these rows of it have changed.
    pub(in crate::feature) fn renewed(&self, column: &Arc<Column>, changed: &ChunkedBitmap) -> Option<Self> {
        match self {
            Self::Ranks(ranks) => Some(Self::Ranks(ranks.renewed(column, changed))),
            Self::Postings(_) => Self::of(column),
        }
    }

    /// The bytes it occupies.
    pub(in crate::feature) fn resident_bytes(&self) -> usize {
        match self {
            Self::Postings(postings) => postings.resident_bytes(),
            Self::Ranks(ranks) => ranks.resident_bytes(),
        }
    }
}

impl ColumnSize {
    /// The size of a column, but for what of it is frequent.
    pub(in crate::feature) fn of(column: &Column) -> Self {
        let rows = column.len();
        let values = match column.kind() {
            ColumnKind::List => (0..rows).map(|row| column.codes(row).len()).sum(),
            _ => column.present().count(),
        };
        let distinct = column.code_count();
        Self { rows, values, distinct, ..Self::default() }
    }

    /// The bytes that the index of such a column will occupy; `None` where it needs none.
    pub fn index_bytes(&self, kind: ColumnKind) -> Option<usize> {
        if self.rows < WORTH_INDEX {
            return None;
        }
        match kind {
            ColumnKind::Bool => None,
            ColumnKind::Int | ColumnKind::Float | ColumnKind::Time => Some(Ranks::predict_bytes(self)),
            ColumnKind::Text | ColumnKind::List => Some(Postings::predict_bytes(self)),
        }
    }
}

/// Which of some columns get an index, so that all of them together take at most `memory` bytes: the smallest first.
pub fn choose_indexes(columns: &[(ColumnKind, ColumnSize)], memory: usize) -> Vec<usize> {
    let without_frequent = |size: &ColumnSize| ColumnSize { frequent: 0, frequent_share: 0.0, ..*size };
    // What is frequent is not known before an index is made, and only makes it smaller.
    let bytes = columns.iter().map(|(kind, size)| without_frequent(size).index_bytes(*kind));
    let mut wanted: Vec<(usize, usize)> =
        bytes.enumerate().filter_map(|(at, bytes)| Some((bytes?, at))).collect();
    wanted.sort_unstable();
    let mut left = memory;
    let fits = wanted.into_iter().take_while(|(bytes, _)| {
        let rest = left.checked_sub(*bytes);
        left = rest.unwrap_or(0);
        rest.is_some()
    });
    fits.map(|(_, at)| at).collect()
}

/// Whether a text in so many of the rows is a frequent one: see [`ColumnSize::frequent`].
pub fn is_frequent(count: usize, rows: usize) -> bool {
    count * DENSE > rows
}

/// Adds these rows to a set.
fn insert(rows: &[u32], set: &mut Bitmap, check: &mut DeadlineCheck) -> Result<(), Late> {
    // In pieces, so that a long list is not all done before the clock is looked at.
    for piece in rows.chunks(4096) {
        for row in piece {
            set.insert(ItemIdx(*row));
        }
        if check.is_late_after(piece.len()) {
            return Err(Late);
        }
    }
    Ok(())
}
