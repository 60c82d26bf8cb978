//! Visits that hold each cell against what its column must hold, and the errors about columns and cells.

use super::error::BadCell;
use super::{Body, Cell, CellError, CellKind, Table, TableError};

impl Table {
    /// Visits a column that must hold text in every row, neither missing nor empty.
    ///
    /// # Errors
    /// As [`Table::each`], and [`TableError::WrongType`].
    pub fn each_id(
        &self,
        column: &str,
        mut visit: impl FnMut(usize, &str) -> Result<(), CellError>,
    ) -> Result<(), TableError> {
        self.expect(column, &[CellKind::Text], "text")?;
        self.each(column, &mut |row, cell| match cell {
            Cell::Text("") => Err(BadCell::Empty.into()),
            Cell::Text(text) => visit(row, text),
            _ => Err(BadCell::Missing.into()),
        })
    }

    /// The number that `find` gives each text of a column, in row order; every row must have text. Works in several
    /// threads.
    ///
    /// # Errors
    /// As [`Table::each_id`].
    pub fn numbers(
        &self,
        column: &str,
        find: impl Fn(&str) -> Result<u32, CellError> + Sync,
    ) -> Result<Vec<u32>, TableError> {
        self.expect(column, &[CellKind::Text], "text")?;
        let number = |cell: Cell<'_>| match cell {
            Cell::Text("") => Err(BadCell::Empty.into()),
            Cell::Text(text) => find(text),
            _ => Err(BadCell::Missing.into()),
        };
        let Body::Parquet(body) = &self.body else {
            let mut numbers = Vec::with_capacity(self.rows);
            self.each(column, &mut |_, cell| number(cell).map(|found| numbers.push(found)))?;
            return Ok(numbers);
        };
        // Every row group writes to a part of its own, so that threads need no lock.
        let mut numbers = vec![0u32; self.rows];
        let mut rest = numbers.as_mut_slice();
        let slots = |rows: usize| rest.split_off_mut(..rows.min(rest.len())).unwrap_or_default();
        let visit = |slots: &mut &mut [u32], row: usize, cell: Cell<'_>| {
            let found = number(cell)?;
            *slots.get_mut(row).ok_or(BadCell::BeyondDeclared)? = found;
            Ok(())
        };
        let outcome = body.each_apart(column, self.max_bytes, slots, visit);
        outcome.map_err(|stop| self.stopped(column, stop))?;
        Ok(numbers)
    }

    /// Visits a column that must hold a finite number in every row.
    ///
    /// # Errors
    /// As [`Table::each`], and [`TableError::WrongType`].
    pub fn each_number(
        &self,
        column: &str,
        mut visit: impl FnMut(usize, f64) -> Result<(), CellError>,
    ) -> Result<(), TableError> {
        self.expect(column, &[CellKind::Float, CellKind::Int], "a number")?;
        self.each(column, &mut |row, cell| match cell {
            Cell::Float(value) if value.is_finite() => visit(row, value),
            Cell::Float(value) => Err(BadCell::NotFinite(value).into()),
            Cell::Int(value) => visit(row, value as f64),
            _ => Err(BadCell::Missing.into()),
        })
    }

    /// Refuses a column of another kind than the expected ones.
    ///
    /// # Errors
    /// [`TableError::MissingColumn`] and [`TableError::WrongType`].
    pub fn expect(&self, column: &str, kinds: &[CellKind], expected: &'static str) -> Result<(), TableError> {
        // A column that is missing and one of another type are different mistakes, and are told apart.
        let found = self.kind(column)?;
        if kinds.contains(found) { Ok(()) } else { Err(self.wrong_type(column, expected)) }
    }

    /// An error about the type of a column.
    pub fn wrong_type(&self, column: &str, expected: &'static str) -> TableError {
        match self.kind(column) {
            Ok(found) => {
                let (file, column) = (self.file.clone(), column.to_owned());
                TableError::WrongType { file, column, found: found.describe(), expected }
            }
            Err(missing) => missing,
        }
    }

    /// An error about one cell (row from 0).
    pub fn bad(&self, column: &str, row: usize, reason: impl Into<CellError>) -> TableError {
        let (file, column) = (self.file.clone(), column.to_owned());
        TableError::BadValue { file, column, row: row + 1, source: reason.into() }
    }
}
