//! How much memory a document may take, counted while it is read: an empty list takes two bytes of a file, and a good
//! many more here.

use thiserror::Error;

/// Deeper documents are refused; XGBoost's are 8 deep. Their readers go down by recursion.
pub(super) const DEEPEST: usize = 64;

/// A document may take so many times its file: XGBoost's own take 4 at most, where a number takes two bytes.
const TIMES: usize = 4;
/// Beside that, for small files.
const BYTES: usize = 1 << 20;

/// More was read than a document of this size may take.
#[derive(Debug, Error)]
#[error(
    "its lists, maps and texts take more than {limit} bytes of memory, {TIMES} times the file: no model is like this"
)]
pub(super) struct TooMuch {
    limit: usize,
}

/// What is left of it.
#[derive(Debug)]
pub(super) struct Allowance {
    limit: usize,
    left: usize,
}

impl Allowance {
    /// For a file of so many bytes.
    pub(super) fn of_file(bytes: usize) -> Self {
        let limit = bytes.saturating_mul(TIMES).saturating_add(BYTES);
        Self { limit, left: limit }
    }

    pub(super) fn take(&mut self, bytes: usize) -> Result<(), TooMuch> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or(TooMuch { limit: self.limit })?;
        Ok(())
    }
}
