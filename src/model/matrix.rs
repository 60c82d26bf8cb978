//! The features of a request's candidates, in the layout that rankers read.

/// Numbers by feature: one column a feature, one row a candidate; NaN is "missing". Reused between requests.
///
/// Each column is padded to a multiple of [`Matrix::BLOCK`] rows, so that loops may read whole blocks.
#[derive(Debug, Clone, Default)]
pub struct Matrix {
    rows: usize,
    stride: usize,
    columns: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// Rows in a block.
    pub const BLOCK: usize = 64;

    /// Gives it a shape, and NaN in every cell. Keeps its memory.
    pub fn reset(&mut self, rows: usize, columns: usize) {
        self.rows = rows;
        self.columns = columns;
        self.stride = rows.next_multiple_of(Self::BLOCK);
        // Cleared first, so that padding from an earlier request never looks like a feature.
        self.values.clear();
        self.values.resize(self.stride * columns, f32::NAN);
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// A column's rows. Empty for a column that does not exist.
    pub fn column(&self, column: usize) -> &[f32] {
        self.padded(column).get(..self.rows).unwrap_or(&[])
    }

    /// A column with its padding (NaN): a whole number of blocks. Empty for a column that does not exist.
    pub fn padded(&self, column: usize) -> &[f32] {
        // A column that does not exist may have any number.
        let start = column.saturating_mul(self.stride);
        if column < self.columns { self.values.get(start..start + self.stride).unwrap_or(&[]) } else { &[] }
    }

    /// A column's rows, to write. Empty for a column that does not exist.
    pub fn column_mut(&mut self, column: usize) -> &mut [f32] {
        let start = column.saturating_mul(self.stride);
        if column < self.columns {
            self.values.get_mut(start..start + self.rows).unwrap_or(&mut [])
        } else {
            &mut []
        }
    }
}
