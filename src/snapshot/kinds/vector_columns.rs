//! Columns of vectors, of items and of users.

use thiserror::Error;

use super::rows::RowError;
use super::{ArtifactError, FoundFile, Params};
use crate::artifact::table::{Cell, CellKind, Table, TableError};
use crate::feature::IdTable;
use crate::index::{Metric, Vectors};
use crate::machine::large_zeroed;

/// The most numbers of a vector: wider ones are refused, as every search costs time in proportion to the width.
const MAX_WIDTH: usize = 4096;

/// A vector per user.
#[derive(Debug)]
pub struct UserVectors {
    /// User ids; a user's number is the row.
    pub users: IdTable,
    /// The vectors.
    pub rows: Vectors,
}

#[derive(Debug, Error)]
enum VectorError {
    #[error("holds no vector")]
    None,
    #[error("has {0} numbers, expected 1 to {MAX_WIDTH}")]
    Width(usize),
    #[error("has {found} numbers, the rows before have {before}")]
    Uneven { found: usize, before: usize },
    #[error("holds {0}, expected finite numbers")]
    NotFinite(f32),
}

/// The metric that vectors are compared by.
pub(super) fn metric(params: &Params<'_>) -> Result<Metric, ArtifactError> {
    params.word("metric", Metric::InnerProduct, Metric::parse, "inner_product, cosine or l2")
}

/// The vectors of a table, in `rows` rows; `place` says which one a row of the file is. `present` says which have a
/// vector.
pub(super) fn vectors(
    table: &Table,
    metric: Metric,
    rows: usize,
    present: Vec<bool>,
    place: impl Fn(usize) -> usize,
) -> Result<Vectors, ArtifactError> {
    let (width, values) = read(table, rows, place)?;
    Vectors::new(width, metric, values, present).ok_or_else(|| ArtifactError::content(VectorError::None))
}

/// The numbers of a vector, told from how many there are of all rows together.
pub(super) fn predict_width(table: &Table) -> Result<usize, TableError> {
    Ok(super::sizes::entries(table, "vector")? / table.rows().max(1))
}

fn read(table: &Table, rows: usize, place: impl Fn(usize) -> usize) -> Result<(usize, Vec<f32>), TableError> {
    table.expect("vector", &[CellKind::Floats], "a list of 32-bit floats")?;
    let mut width = 0;
    let mut values: Vec<f32> = Vec::new();
    table.each("vector", &mut |row, cell| {
        let Cell::Floats(vector) = cell else { return Err(RowError::Missing.into()) };
        if row == 0 {
            // Only the first vector says how much memory all of them take.
            if vector.is_empty() || vector.len() > MAX_WIDTH {
                return Err(VectorError::Width(vector.len()).into());
            }
            width = vector.len();
            values = large_zeroed(rows * width);
        }
        if vector.len() != width {
            return Err(VectorError::Uneven { found: vector.len(), before: width }.into());
        }
        // One NaN would make every score of its row NaN, which no threshold excludes.
        if let Some(bad) = vector.iter().find(|x| !x.is_finite()) {
            return Err(VectorError::NotFinite(*bad).into());
        }
        values[place(row) * width..(place(row) + 1) * width].copy_from_slice(vector);
        Ok(())
    })?;
    Ok((width, values))
}

/// Whether a file has a column of vectors.
pub(super) fn is_vectors(file: &FoundFile<'_>) -> bool {
    file.table.is_some_and(|table| table.kind("vector").is_ok_and(|kind| *kind == CellKind::Floats))
}
