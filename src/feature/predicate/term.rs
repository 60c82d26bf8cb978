//! One comparison of an expression: row by row, or looked up in the column's index.

use std::ops::Range;
use std::sync::Arc;

use super::parser::Operator;
use crate::domain::{Bitmap, DeadlineCheck, ItemIdx};
use crate::feature::Column;
use crate::feature::filter_index::{FilterIndex, Late, set_work};
use crate::feature::table::ColumnIndex;

/// Rows of work that finding a number among a column's sorted ones counts for: some twenty looks, each at a place of
/// its own.
const SEARCH: usize = 32;

/// A comparison bound to a column.
#[derive(Debug)]
pub(super) struct Term<'t> {
    column: &'t Column,
    index: Option<ColumnIndex<'t>>,
    test: Test,
    /// What is looked up in the index, if there is one.
    found: Found,
}

#[derive(Debug)]
enum Test {
    Number { operator: Operator, value: f64 },
    Numbers(Arc<[f64]>),
    Codes(Arc<[u32]>),
    Present,
}

/// Where in an index the rows stand, and the work of reading them.
#[derive(Debug, Clone, Default)]
struct Found {
    ranks: Arc<[Range<usize>]>,
    work: usize,
}

/// The values of an `in` list as a column has them, and where its index has their rows. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum List {
    /// Ascending, each once.
    Numbers(Arc<[f64]>, Ranked),
    /// Ascending, each once, and the work of reading their postings.
    Codes(Arc<[u32]>, usize),
}

/// Ranks that were looked up.
#[derive(Debug, Clone)]
pub(super) struct Ranked(Found);

impl List {
    pub(super) fn of_numbers(mut values: Vec<f64>, index: Option<ColumnIndex<'_>>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        values.dedup();
        let ranges = match index.map(|index| index.index) {
            Some(FilterIndex::Ranks(ranks)) => {
                let equal = values.iter().map(|value| ranks.not_below(*value)..ranks.above(*value));
                equal.filter(|range| !range.is_empty()).collect()
            }
            _ => Vec::new(),
        };
        Self::Numbers(values.into(), Ranked(Found::ranks(ranges, index)))
    }

    pub(super) fn of_codes(mut codes: Vec<u32>, index: Option<ColumnIndex<'_>>) -> Self {
        codes.sort_unstable();
        codes.dedup();
        let work = match index.map(|index| index.index) {
            Some(FilterIndex::Postings(postings)) => codes.iter().map(|code| postings.work(*code)).sum(),
            _ => 0,
        };
        Self::Codes(codes.into(), work)
    }
}

impl Found {
    fn ranks(ranges: Vec<Range<usize>>, index: Option<ColumnIndex<'_>>) -> Self {
        let Some(FilterIndex::Ranks(ranks)) = index.map(|index| index.index) else { return Self::default() };
        let work = ranges.iter().map(|range| ranks.work(range)).sum();
        Self { ranks: ranges.into(), work }
    }
}

impl<'t> Term<'t> {
    /// `column operator value`.
    pub(super) fn number(
        column: &'t Column,
        index: Option<ColumnIndex<'t>>,
        operator: Operator,
        value: f64,
    ) -> Self {
        let ranges = match index.map(|index| index.index) {
            Some(FilterIndex::Ranks(ranks)) => {
                let (begin, end, all) = (ranks.not_below(value), ranks.above(value), ranks.len());
                let (some, more) = match operator {
                    Operator::Equal => (begin..end, 0..0),
                    Operator::NotEqual => (0..begin, end..all),
                    Operator::Less => (0..begin, 0..0),
                    Operator::LessOrEqual => (0..end, 0..0),
                    // NaN is compared with nothing.
                    Operator::Greater | Operator::GreaterOrEqual if value.is_nan() => (0..0, 0..0),
                    Operator::Greater => (end..all, 0..0),
                    Operator::GreaterOrEqual => (begin..all, 0..0),
                };
                [some, more].into_iter().filter(|range| !range.is_empty()).collect()
            }
            _ => Vec::new(),
        };
        let found = Found::ranks(ranges, index);
        Self { column, index, test: Test::Number { operator, value }, found }
    }

    /// `column in list`.
    pub(super) fn member(column: &'t Column, index: Option<ColumnIndex<'t>>, list: List) -> Self {
        let (test, found) = match list {
            List::Numbers(values, Ranked(found)) => (Test::Numbers(values), found),
            List::Codes(codes, work) => (Test::Codes(codes), Found { work, ..Found::default() }),
        };
        Self { column, index, test, found }
    }

    /// Whether there is any value.
    pub(super) fn present(column: &'t Column) -> Self {
        Self { column, index: None, test: Test::Present, found: Found::default() }
    }

    pub(super) fn holds(&self, row: usize) -> bool {
        match &self.test {
            Test::Number { .. } | Test::Numbers(_) => self.holds_for(self.column.number(row)),
            Test::Present => self.column.has_value(row),
            Test::Codes(codes) => self.column.codes(row).iter().any(|code| codes.binary_search(code).is_ok()),
        }
    }

    /// Whether a number passes; a missing one, which is NaN, never does.
    fn holds_for(&self, cell: f64) -> bool {
        match &self.test {
            Test::Number { operator, value } => match operator {
                Operator::Equal => cell == *value,
                Operator::NotEqual => !cell.is_nan() && cell != *value,
                Operator::Less => cell < *value,
                Operator::LessOrEqual => cell <= *value,
                Operator::Greater => cell > *value,
                Operator::GreaterOrEqual => cell >= *value,
            },
            Test::Numbers(values) => {
                // As the values were: −0 and 0 are equal, but not to a bisection.
                let cell = cell + 0.0;
                !cell.is_nan() && values.binary_search_by(|value| value.total_cmp(&cell)).is_ok()
            }
            Test::Codes(_) | Test::Present => false,
        }
    }

    /// The work for one row: the comparisons of a bisection, for each value that the row has.
    pub(super) fn row_work(&self) -> usize {
        let steps = |values: usize| 1 + values.checked_ilog2().unwrap_or(0) as usize;
        match &self.test {
            Test::Number { .. } | Test::Present => 1,
            Test::Numbers(values) => steps(values.len()),
            Test::Codes(codes) => steps(codes.len()) * self.column.values_of_a_row(),
        }
    }

    /// The work for all rows, by looking it up where that can be done and is less.
    pub(super) fn work(&self, rows: usize) -> usize {
        let scan = rows.saturating_mul(self.row_work());
        self.look_up_work(rows).map_or(scan, |work| work.min(scan))
    }

    /// `None` where it cannot be looked up.
    fn look_up_work(&self, rows: usize) -> Option<usize> {
        let set = set_work(rows);
        match (&self.test, self.index) {
            (Test::Present, _) => Some(set),
            _ if self.column.truths().is_some() => Some(4 * set),
            (_, Some(index)) => {
                let again = index.changes.saturating_mul(self.row_work());
                let search = SEARCH * usize::from(matches!(self.test, Test::Number { .. }));
                Some(2 * set + search + self.found.work.saturating_add(again))
            }
            (_, None) => None,
        }
    }

    /// The rows that pass, of those `among` if given.
    pub(super) fn select(
        &self,
        among: Option<&Bitmap>,
        rows: usize,
        check: &mut DeadlineCheck,
    ) -> Result<Bitmap, Late> {
        let scan = among.map_or(rows, Bitmap::count).saturating_mul(self.row_work());
        match (self.look_up_work(rows), among) {
            (Some(work), _) if work <= scan => {
                let mut found = self.look_up(rows, check)?;
                if let Some(among) = among {
                    found.intersect(among);
                }
                Ok(found)
            }
            (_, Some(among)) => self.scan(among.items(), rows, check),
            (_, None) => self.scan((0..rows as u32).map(ItemIdx), rows, check),
        }
    }

    fn scan(
        &self,
        among: impl Iterator<Item = ItemIdx>,
        rows: usize,
        check: &mut DeadlineCheck,
    ) -> Result<Bitmap, Late> {
        let (mut found, work) = (Bitmap::new(rows), self.row_work());
        for item in among {
            if self.holds(item.row()) {
                found.insert(item);
            }
            if check.is_late_after(work) {
                return Err(Late);
            }
        }
        Ok(found)
    }

    fn look_up(&self, rows: usize, check: &mut DeadlineCheck) -> Result<Bitmap, Late> {
        if check.is_late_after(set_work(rows)) {
            return Err(Late);
        }
        let mut found = Bitmap::default();
        if matches!(self.test, Test::Present) {
            self.column.present().copy_to(&mut found);
            return Ok(found);
        }
        if let Some(truths) = self.column.truths() {
            self.of_truths(|set| truths.copy_to(set), &mut found);
            return Ok(found);
        }
        found.reset(rows);
        let Some(ColumnIndex { index, changed, changes }) = self.index else { return Ok(found) };
        match (index, &self.test) {
            (FilterIndex::Postings(postings), Test::Codes(codes)) => {
                for code in codes.iter() {
                    postings.add(*code, &mut found, check)?;
                }
            }
            (FilterIndex::Ranks(ranks), _) => {
                for range in self.found.ranks.iter() {
                    ranks.add(range.clone(), &mut found, check)?;
                }
            }
            // Texts are compared with texts and numbers with numbers: nothing else is ever bound.
            (FilterIndex::Postings(_), _) => {}
        }
        if changes > 0 {
            self.look_again(changed.items(), &mut found, check)?;
        }
        Ok(found)
    }

    /// What an index says is as its column was: rows that changed since are asked themselves.
    fn look_again(
        &self,
        changed: impl Iterator<Item = ItemIdx>,
        found: &mut Bitmap,
        check: &mut DeadlineCheck,
    ) -> Result<(), Late> {
        let work = self.row_work();
        for item in changed {
            if self.holds(item.row()) {
                found.insert(item);
            } else {
                found.remove(item);
            }
            if check.is_late_after(work) {
                return Err(Late);
            }
        }
        Ok(())
    }

    /// The rows of a column of truth values whose value passes.
    fn of_truths(&self, copy_truths: impl Fn(&mut Bitmap), found: &mut Bitmap) {
        let present = |set: &mut Bitmap| self.column.present().copy_to(set);
        match (self.holds_for(0.0), self.holds_for(1.0)) {
            (false, false) => found.reset(self.column.len()),
            (true, true) => present(found),
            // The cells of rows without a value mean nothing.
            (false, true) => {
                copy_truths(found);
                self.column.present().intersect_into(found);
            }
            (true, false) => {
                copy_truths(found);
                found.complement();
                self.column.present().intersect_into(found);
            }
        }
    }
}
