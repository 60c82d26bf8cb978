//! Visits to the columns of Parquet, a batch at a time, in one thread or in a thread for each row group.

use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::Array as _;
use rayon::prelude::*;

use super::arrow_cells::with_cells;
use super::error::{CellError, ReadError, Stop};
use super::group_reader::{Column, GroupReader};
use super::parquet_file::ParquetFile;
use super::{Cell, Visit};

impl ParquetFile {
    /// Visits a column; refuses it once it has decoded to more than `limit` bytes, whatever the footer declared: a text
    /// that is stored once and repeated in every row weighs next to nothing there.
    pub(super) fn each(&self, column: &str, limit: u64, visit: Visit<'_>) -> Result<(), Stop> {
        self.scan(column, self.group, usize::MAX, &Allowance::new(limit), visit)
    }

    /// Visits the first rows of a column.
    pub(super) fn head(&self, column: &str, rows: usize, limit: u64, visit: Visit<'_>) -> Result<(), Stop> {
        self.scan(column, self.group, rows, &Allowance::new(limit), visit)
    }

    /// Visits a column in several threads, a row group each: `visit` gets what `slots` made of the group's number of
    /// rows.
    ///
    /// Of several refused rows the first is told.
    pub(super) fn each_apart<S: Send>(
        &self,
        column: &str,
        limit: u64,
        mut slots: impl FnMut(usize) -> S,
        visit: impl Fn(&mut S, usize, Cell<'_>) -> Result<(), CellError> + Sync,
    ) -> Result<(), Stop> {
        let groups = self.metadata().row_groups().iter().enumerate();
        let groups = groups.filter(|(at, _)| self.group.is_none_or(|group| group == *at));
        let mut first = 0;
        let mut parts: Vec<Part<S>> = Vec::new();
        for (group, about) in groups {
            let rows = usize::try_from(about.num_rows()).unwrap_or_default();
            parts.push(Part { group, first, slots: slots(rows) });
            first += rows;
        }
        // One allowance for all threads: each by itself would let a column decode to a multiple of the limit.
        let allowance = Allowance::new(limit);
        let outcomes: Vec<Result<(), Stop>> = parts
            .into_par_iter()
            .map(|Part { group, first, mut slots }| {
                let each: Visit<'_> = &mut |row, cell| visit(&mut slots, row, cell);
                self.scan(column, Some(group), usize::MAX, &allowance, each)
                    .map_err(|stop| stop.moved_by(first))
            })
            .collect();
        // In the order of the groups, whichever thread was first.
        outcomes.into_iter().collect()
    }

    /// Visits the first `most` rows of a column, in one row group or in all.
    fn scan(
        &self,
        column: &str,
        group: Option<usize>,
        most: usize,
        allowance: &Allowance,
        visit: Visit<'_>,
    ) -> Result<(), Stop> {
        let about = Column::of(self, column).map_err(|error| error.in_column(column))?;
        let groups = self.metadata().row_groups().iter().enumerate();
        let own = groups.filter(|(at, _)| group.is_none_or(|group| group == *at));
        let mut first = 0;
        for (at, group) in own {
            let left = most.saturating_sub(first);
            if left == 0 {
                break;
            }
            let declared = group.num_rows();
            let found = self.scan_group(&about, at, first, left, allowance, &mut *visit)?;
            // A row that a broken page swallows would shift all that follow it against the other columns.
            if found < left && found as i64 != declared {
                return Err(ReadError::Rows { found, declared }.in_column(column).into());
            }
            first += found;
        }
        Ok(())
    }

    /// Visits the first `most` rows of a column in one row group, whose first row is the file's row `first`.
    fn scan_group(
        &self,
        column: &Column<'_>,
        group: usize,
        first: usize,
        most: usize,
        allowance: &Allowance,
        visit: Visit<'_>,
    ) -> Result<usize, Stop> {
        let declared = self.metadata().row_group(group).num_rows();
        let mut reader = GroupReader::new(self, column, group)?;
        let mut found = 0;
        while found < most {
            let Some(array) = reader.next_batch()? else { break };
            // What the batch does take, and not what the footer says it takes.
            allowance.take(array.to_data().get_slice_memory_size().unwrap_or(usize::MAX) as u64)?;
            let array = if array.len() > most - found { array.slice(0, most - found) } else { array };
            // At once, and not when all has been read: visitors make a place for every row, and a page of a few bytes
            // may hold billions of them.
            if (found + array.len()) as i64 > declared {
                let found = found + array.len();
                return Err(ReadError::Rows { found, declared }.in_column(column.name).into());
            }
            let visited = with_cells(&array, &mut |at, cell| {
                visit(first + found + at, cell).map_err(|reason| Stop::Refused { row: at, reason })
            });
            visited.map_err(|stop| stop.moved_by(first + found))?;
            found += array.len();
        }
        Ok(found)
    }
}

/// A row group that is visited by itself.
struct Part<S> {
    group: usize,
    /// The number of its first row in the file.
    first: usize,
    slots: S,
}

/// The bytes that a column may still decode to.
struct Allowance {
    limit: u64,
    decoded: AtomicU64,
}

impl Allowance {
    fn new(limit: u64) -> Self {
        Self { limit, decoded: AtomicU64::new(0) }
    }

    fn take(&self, bytes: u64) -> Result<(), Stop> {
        let decoded = self.decoded.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if decoded > self.limit { Err(Stop::TooLarge(decoded)) } else { Ok(()) }
    }
}
