//! The rows of a column of numbers in ascending order.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::{ColumnSize, DENSE, Late, insert, set_work};
use crate::domain::{Bitmap, ChunkedBitmap, DeadlineCheck, ItemIdx};
use crate::feature::Column;

/// Rows by their number, ascending, and the sets of the first rows of that order at 32 places of it: a range of numbers
/// is the difference of two such sets and some rows at its ends.
#[derive(Debug)]
pub(in crate::feature) struct Ranks {
    /// The numbers, as they were.
    column: Arc<Column>,
    /// The rows that have one.
    order: Box<[u32]>,
    /// Ranks between two of the sets.
    step: usize,
    /// The rows of the first `step`, 2 · `step` … ranks.
    firsts: Box<[Bitmap]>,
}

impl Ranks {
    pub(super) fn of(column: &Arc<Column>) -> Self {
        let rows = column.len();
        let mut keys: Vec<(f64, u32)> = (0..rows).map(|row| (column.number(row), row as u32)).collect();
        keys.retain(|(number, _)| !number.is_nan());
        // Adding 0 makes one zero of two, as comparing does.
        keys.par_sort_unstable_by(|a, b| (a.0 + 0.0).total_cmp(&(b.0 + 0.0)).then(a.1.cmp(&b.1)));
        Self::in_order(column, keys.iter().map(|(_, row)| *row).collect())
    }

    /// The index of the same column after these rows of it have changed: in time for the rows, and for sorting those.
    pub(super) fn renewed(&self, column: &Arc<Column>, changed: &ChunkedBitmap) -> Self {
        let key = |row: u32| (column.number(row as usize) + 0.0, row);
        let is_before = |a: &(f64, u32), b: &(f64, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).is_lt();
        let mut new: Vec<(f64, u32)> = changed.items().map(|item| key(item.0)).collect();
        new.retain(|(number, _)| !number.is_nan());
        new.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut order = Vec::with_capacity(self.order.len() + new.len());
        let mut new = new.into_iter().peekable();
        for row in self.order.iter().filter(|row| !changed.contains(ItemIdx(**row))) {
            let old = key(*row);
            while let Some((_, row)) = new.next_if(|new| is_before(new, &old)) {
                order.push(row);
            }
            order.push(*row);
        }
        order.extend(new.map(|(_, row)| row));
        Self::in_order(column, order.into())
    }

    fn in_order(column: &Arc<Column>, order: Box<[u32]>) -> Self {
        let rows = column.len();
        let step = order.len().div_ceil(DENSE).max(1);
        let mut first = Bitmap::new(rows);
        let firsts = order.chunks(step).map(|ranks| {
            for row in ranks {
                first.insert(ItemIdx(*row));
            }
            first.clone()
        });
        let firsts = firsts.collect();
        Self { column: Arc::clone(column), order, step, firsts }
    }

    /// How many rows have a number.
    pub(in crate::feature) fn len(&self) -> usize {
        self.order.len()
    }

    /// The first rank whose number is not below `number`.
    pub(in crate::feature) fn not_below(&self, number: f64) -> usize {
        self.order.partition_point(|row| self.column.number(*row as usize) < number)
    }

    /// The first rank whose number is above `number`.
    pub(in crate::feature) fn above(&self, number: f64) -> usize {
        self.order.partition_point(|row| self.column.number(*row as usize) <= number)
    }

    /// Adds the rows of some ranks to a set.
    pub(in crate::feature) fn add(
        &self,
        ranks: Range<usize>,
        set: &mut Bitmap,
        check: &mut DeadlineCheck,
    ) -> Result<(), Late> {
        if ranks.len() <= self.step {
            return insert(self.order.get(ranks).unwrap_or_default(), set, check);
        }
        let mut found = Bitmap::new(set.len());
        self.add_first(ranks.end, &mut found);
        self.take_first(ranks.start, &mut found);
        set.unite(&found);
        if check.is_late_after(self.work(&ranks)) { Err(Late) } else { Ok(()) }
    }

    /// The work of [`Ranks::add`].
    pub(in crate::feature) fn work(&self, ranks: &Range<usize>) -> usize {
        if ranks.len() <= self.step { ranks.len() } else { self.step + 4 * set_work(self.column.len()) }
    }

    /// The set nearest to a rank, and what it is the first rows up to.
    fn nearest(&self, rank: usize) -> (Option<&Bitmap>, usize) {
        let sets = ((rank + self.step / 2) / self.step).min(self.firsts.len());
        let set = sets.checked_sub(1).and_then(|at| self.firsts.get(at));
        (set, (sets * self.step).min(self.order.len()))
    }

    /// Adds the rows below a rank to an empty set.
    fn add_first(&self, rank: usize, set: &mut Bitmap) {
        let (first, end) = self.nearest(rank);
        if let Some(first) = first {
            set.unite(first);
        }
        self.each(end..rank, |row| {
            set.insert(row);
        });
        self.each(rank..end, |row| set.remove(row));
    }

    /// Takes the rows below a rank out of a set that holds all of them and at least [`Ranks::step`] more.
    fn take_first(&self, rank: usize, set: &mut Bitmap) {
        let (first, end) = self.nearest(rank);
        if let Some(first) = first {
            set.subtract(first);
        }
        self.each(end..rank, |row| set.remove(row));
        // The nearest set is at most half a step off: these were in the set before.
        self.each(rank..end, |row| {
            set.insert(row);
        });
    }

    fn each(&self, ranks: Range<usize>, visit: impl FnMut(ItemIdx)) {
        self.order.get(ranks).unwrap_or_default().iter().map(|row| ItemIdx(*row)).for_each(visit);
    }

    pub(super) fn resident_bytes(&self) -> usize {
        let sets = self.firsts.iter().map(|set| set.resident_bytes() + size_of::<Bitmap>()).sum::<usize>();
        // The numbers are the column's own.
        size_of_val(&*self.order) + sets
    }

    pub(super) fn predict_bytes(size: &ColumnSize) -> usize {
        let sets = size.values.min(DENSE) * (size.rows.div_ceil(64) * size_of::<u64>() + size_of::<Bitmap>());
        size.values * size_of::<u32>() + sets
    }
}
